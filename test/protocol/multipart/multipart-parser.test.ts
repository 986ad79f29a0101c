import { describe, expect, it, onTestFinished, vi } from 'vitest';

import { MultipartParser } from '../../../src/protocol/multipart/multipart-parser.ts';
import type { Part } from '../../../src/protocol/multipart/multipart-parser.ts';
import { multipartFraming } from '../../../src/protocol/multipart/multipart-framing.ts';
import { parseBoundary } from '../../../src/protocol/multipart/parse-boundary.ts';
import { bytesOf, chunksOf, everySplit } from '../../support/chunks.ts';

const json = { 'content-type': 'application/json' };

function part(body: string, headers: Readonly<Record<string, string>> = json): Part {
  return { headers: new Map(Object.entries(headers)), body };
}

/** Pushes all chunks and tells what came out, and whether the body ended. */
function parse(boundary: string, ...chunks: readonly (string | Uint8Array)[]) {
  const parser = new MultipartParser(boundary);
  const parts = chunks.flatMap((chunk) =>
    parser.push(typeof chunk === 'string' ? bytesOf(chunk) : chunk),
  );
  return { parts, hasEnded: parser.hasEnded };
}

function violation(code: string): unknown {
  return expect.objectContaining({ name: 'ProtocolViolation', code });
}

const header = 'content-type: application/json\r\n\r\n';

describe('a body', () => {
  it.each([
    ['with', '\r\n'],
    ['without', ''],
  ])('MP-32 may begin %s CRLF before the first delimiter', (_, start) => {
    expect(parse('graphql', `${start}--graphql\r\n${header}{}\r\n--graphql--\r\n`)).toEqual({
      parts: [part('{}')],
      hasEnded: true,
    });
  });

  it('MP-33 may have text before and behind the parts', () => {
    const body = `see --graphql\r\n --graphql\r\n\r\n--graphql\r\n${header}1\r\n--graphql--\r\nbye\r\n--graphql\r\n${header}2\r\n--graphql--`;

    expect(parse('graphql', body)).toEqual({ parts: [part('1')], hasEnded: true });
  });

  it('MP-33 ignores what comes in later chunks than the end', () => {
    expect(
      parse('graphql', `--graphql\r\n${header}1\r\n--graphql--`, `\r\n--graphql\r\n`, 'x').parts,
    ).toEqual([part('1')]);
  });

  it('MP-36 heartbeats are parts like others, for the reader to ignore', () => {
    expect(parse('graphql', multipartFraming.opening, multipartFraming.heartbeat).parts).toEqual([
      part('{}'),
      part('{}'),
    ]);
  });

  it.each([
    ['the delimiter of a part that was closed already', '--\r\n'],
    ['a last heartbeat', `\r\n${header}{}\r\n--graphql--\r\n`],
    ['a closing delimiter without line end', '--'],
  ])('MP-39 ends by %s', (_, end) => {
    expect(parse('graphql', multipartFraming.opening, end).hasEnded).toBe(true);
  });

  it.each([
    ['before the first delimiter', ''],
    ['behind a delimiter', multipartFraming.opening],
    ['behind the line of a delimiter', `${multipartFraming.opening}\r\n`],
    ['inside a part', `${multipartFraming.opening}\r\n${header}{"payload"`],
    ['inside the closing delimiter', `${multipartFraming.opening}-`],
  ])('MP-40 that stops %s has not ended', (_, body) => {
    expect(parse('graphql', body).hasEnded).toBe(false);
  });

  it.each(['graphql', '-', '--', 'a b', 'b'.repeat(70)])(
    'MP-34 parses the same wherever it is split, with boundary %j',
    (boundary) => {
      const body = bytesOf(
        `preamble\r\n--${boundary}\r\n${header}{"a":"\\r\\n--"}\r\n--${boundary} \t\r\n${header}-\r\n-\r\n--\r\n\r\n--${boundary}\r\n--${boundary}--\r\nepilogue`,
      );
      const expected = {
        parts: [part('{"a":"\\r\\n--"}'), part('-\r\n-\r\n--\r\n')],
        hasEnded: true,
      };

      for (const chunks of everySplit(body)) expect(parse(boundary, ...chunks)).toEqual(expected);
    },
  );

  it('MP-35 keeps characters that are split between chunks', () => {
    const body = bytesOf(`--é\r\n${header}"Straße 🚰\u2028"\r\n--é--`);

    for (const chunks of everySplit(body)) {
      expect(parse('é', ...chunks)).toEqual({
        parts: [part('"Straße 🚰\u2028"')],
        hasEnded: true,
      });
    }
  });
});

describe('a part', () => {
  it('MP-44 is handed out once the delimiter behind it is complete', () => {
    const parser = new MultipartParser('graphql');
    parser.push(bytesOf(`${multipartFraming.opening}\r\n${header}{"payload":1}\r\n--graphq`));

    expect(parser.push(bytesOf('l'))).toEqual([part('{"payload":1}')]);
  });

  it('MP-44 comes with the write that holds it, for each write of our own', () => {
    const parser = new MultipartParser(parseBoundary(multipartFraming.contentType));

    expect(parser.push(bytesOf(multipartFraming.opening))).toEqual([part('{}')]);
    expect(parser.push(bytesOf(multipartFraming.result('{"data":1}')))).toEqual([
      part('{"payload":{"data":1}}'),
    ]);
    expect(parser.push(bytesOf(multipartFraming.heartbeat))).toEqual([part('{}')]);
    expect(parser.push(bytesOf(multipartFraming.complete()))).toEqual([]);
    expect(parser.hasEnded).toBe(true);
  });

  it.each([
    ['before the closing delimiter', `--graphql\r\n${header}1\r\n--graphql\r\n--graphql--`],
    ['before another', `--graphql\r\n--graphql\r\n${header}1\r\n--graphql--`],
    ['with an empty line', `--graphql\r\n\r\n--graphql\r\n${header}1\r\n--graphql--`],
    ['with two of them', `--graphql\r\n\r\n\r\n--graphql\r\n${header}1\r\n--graphql--`],
  ])('MP-42 that is empty is left out, %s', (_, body) => {
    for (const chunks of everySplit(bytesOf(body))) {
      expect(parse('graphql', ...chunks)).toEqual({ parts: [part('1')], hasEnded: true });
    }
  });

  it('MP-43 may have headers in any case, unknown ones among them', () => {
    const head = 'CONTENT-Type:application/json; charset=UTF-8 \r\nContent-Length: 2\r\nX';

    expect(parse('b', `--b\r\n${head}\r\n\r\n{}\r\n--b`).parts).toEqual([
      part('{}', { 'content-type': 'application/json; charset=UTF-8', 'content-length': '2' }),
    ]);
  });

  it('may have no headers', () => {
    expect(parse('b', '--b\r\n\r\n{}\r\n\r\n1\r\n--b').parts).toEqual([part('{}\r\n\r\n1', {})]);
  });

  it('may have no body', () => {
    expect(
      parse('b', '--b\r\na: 1\r\n\r\n\r\n--b\r\na: 1\r\n\r\n--b\r\na: 1\r\n--b').parts,
    ).toEqual([part('', { a: '1' }), part('', { a: '1' }), part('', { a: '1' })]);
  });

  it('ends at the beginning of a line alone', () => {
    expect(parse('b', '--b\r\n\r\n"--b"\n--b\r--b --b\r\n--b').parts).toEqual([
      part('"--b"\n--b\r--b --b', {}),
    ]);
  });

  it('may hold almost a delimiter again and again', () => {
    const body = '\r\r\n\r\n-\r\n--\r\n--a\r\n--ac\r\n--a\r\n\r';

    for (const chunks of everySplit(bytesOf(`--ab\r\n\r\n${body}\r\n--ab--`))) {
      expect(parse('ab', ...chunks).parts).toEqual([part(body, {})]);
    }
  });
});

describe('a delimiter', () => {
  it('may have spaces and tabs behind it', () => {
    expect(parse('b', '--b \t \r\n\r\n1\r\n--b\t').parts).toEqual([part('1', {})]);
  });

  it.each(['--bc\r\n', '--b c\r\n', '--b-x', '--b\n\n', '--b\r\r\n'])(
    'that goes on as in %j breaks the body',
    (body) => {
      for (const chunks of everySplit(bytesOf(body))) {
        expect(() => parse('b', ...chunks)).toThrow(violation('BAD_RESPONSE'));
      }
    },
  );
});

describe('the bound', () => {
  const atTheBound = `--b\r\n\r\n${'x'.repeat(18)}\r\n--b\r\na: 1\r\n\r\n${'x'.repeat(12)}\r\n--b`;

  it('lets parts of its size through, wherever the body is split', () => {
    for (const chunks of everySplit(bytesOf(atTheBound))) {
      const parser = new MultipartParser('b', { partCharacters: 20 });

      expect(chunks.flatMap((chunk) => parser.push(chunk))).toHaveLength(2);
    }
  });

  it.each([
    ['a body', atTheBound.replace('xx', 'xxx')],
    ['headers', `--b\r\na: ${'x'.repeat(18)}\r\n\r\n\r\n--b`],
    ['a preamble', `${'x'.repeat(21)}\r\n--b`],
  ])('refuses one byte more in %s, wherever that is split', (_, body) => {
    for (const chunks of everySplit(bytesOf(body))) {
      const parser = new MultipartParser('b', { partCharacters: 20 });

      expect(() => chunks.forEach((chunk) => parser.push(chunk))).toThrow(
        violation('MESSAGE_TOO_BIG'),
      );
    }
  });

  it('refuses a part before its end has come', () => {
    const parser = new MultipartParser('b', { partCharacters: 20 });

    expect(() => parser.push(bytesOf(`--b\r\n\r\n${'x'.repeat(30)}`))).toThrow(
      violation('MESSAGE_TOO_BIG'),
    );
  });

  it('is 16 MiB if nothing else is asked for', () => {
    const opening = bytesOf('--b\r\n\r\n');
    const body = new Uint8Array(16 * 1_024 * 1_024 - 2);
    const parser = new MultipartParser('b');
    parser.push(opening);
    parser.push(body);
    parser.push(bytesOf('\r\n--b\r\n\r\n'));
    parser.push(body);

    expect(() => parser.push(bytesOf('12345678'))).toThrow(violation('MESSAGE_TOO_BIG'));
  });

  it('does not end a long body of short parts, nor padding without end', () => {
    const parser = new MultipartParser('b', { partCharacters: 20 });
    parser.push(bytesOf('--b'));
    for (let i = 0; i < 100; i += 1) parser.push(bytesOf('\r\n\r\n1\r\n--b    \t    '));

    expect(parser.push(bytesOf('\r\n\r\nlast\r\n--b--'))).toEqual([part('last', {})]);
  });
});

/** Counts the characters that are searched from here to the end of the test. */
function countSearched(): { characters: number } {
  const searched = { characters: 0 };
  const indexOf = Reflect.get(String.prototype, 'indexOf') as (...args: unknown[]) => number;
  const spy = vi.spyOn(String.prototype, 'indexOf').mockImplementation(function (
    this: string,
    ...args
  ) {
    const at = indexOf.apply(this, args);
    searched.characters += at === -1 ? this.length : at;
    return at;
  });
  onTestFinished(() => spy.mockRestore());
  return searched;
}

describe('the work', () => {
  it.each([
    ['16 MB in chunks of 1 KB', { piece: 'x', bodyBytes: 16_000_000, chunkBytes: 1_024 }],
    ['line ends', { piece: '\r\n', bodyBytes: 200_000, chunkBytes: 100 }],
    ['almost delimiters', { piece: '\r\n--graphq', bodyBytes: 500_000, chunkBytes: 100 }],
  ])('is linear for a part of %s', (_, { piece, bodyBytes, chunkBytes }) => {
    const body = bytesOf(piece.repeat(bodyBytes / piece.length));
    const chunks = chunksOf(body, chunkBytes);
    const parser = new MultipartParser('graphql');
    parser.push(bytesOf('--graphql\r\n\r\n'));
    const searched = countSearched();

    for (const chunk of chunks) parser.push(chunk);
    const parts = parser.push(bytesOf('\r\n--graphql'));

    expect(parts.map((each) => each.body.length)).toEqual([bodyBytes]);
    // each character once, and the end of each chunk, which may begin a delimiter, twice
    expect(searched.characters).toBeGreaterThan(bodyBytes);
    expect(searched.characters).toBeLessThan(1.2 * bodyBytes);
  });
});

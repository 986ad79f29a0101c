import fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import { FormParser } from '../../../src/server/uploads/form-parser.ts';
import { anySplit, bytesOf, everySplit } from '../../support/chunks.ts';

interface Part {
  readonly name: string;
  readonly fileName: string | undefined;
  readonly type: string;
  readonly content: string;
}

function parse(
  chunks: readonly Uint8Array[],
  contentType = 'multipart/form-data; boundary=b0und',
): readonly Part[] {
  const parts: Part[] = [];
  const parser = new FormParser(contentType, (head) => {
    const pieces: Uint8Array[] = [];
    return {
      chunk: (bytes) => void pieces.push(bytes),
      end: () => parts.push({ ...head, content: Buffer.concat(pieces).toString('utf8') }),
    };
  });
  for (const chunk of chunks) parser.write(chunk);
  parser.end();
  return parts;
}

const parseText = (text: string, contentType?: string): readonly Part[] =>
  parse([bytesOf(text)], contentType);

const part = (headers: string, content: string, boundary = 'b0und'): string =>
  `--${boundary}\r\n${headers}\r\n\r\n${content}\r\n`;
const disposition = 'Content-Disposition: form-data; name="f"';
const file = (content: string): string => part(`${disposition}; filename="a"`, content);

describe('a form in chunks', () => {
  const form =
    part('Content-Disposition: form-data; name="operations"', '{"query":"{ é }"}') +
    part(`${disposition}; filename="日本.txt"\r\nContent-Type: text/plain`, '--b0un') +
    '--b0und--\r\nepilogue: what it says\r\n\r\nmeans nothing--';
  const expected = [
    { name: 'operations', fileName: undefined, type: 'text/plain', content: '{"query":"{ é }"}' },
    { name: 'f', fileName: '日本.txt', type: 'text/plain', content: '--b0un' },
  ];

  it('is read the same wherever it is split', () => {
    for (const chunks of everySplit(bytesOf(form))) expect(parse(chunks)).toEqual(expected);
  });

  it('keeps content that looks like what separates parts', () => {
    const byteOrText = fc.array(
      fc.constantFrom('\r', '\n', '-', '--', '\r\n', '\r\n--', 'b0un', 'b0und', '\0', 'é', 'x'),
      { maxLength: 12 },
    );
    fc.assert(
      fc.property(
        fc
          .array(byteOrText, { maxLength: 3 })
          .map((files) => files.map((pieces) => pieces.join('')))
          .filter((files) => files.every((content) => !`\r\n${content}`.includes('\r\n--b0und')))
          .chain((files) => {
            const text = `${files.map(file).join('')}--b0und--\r\n`;
            return anySplit(bytesOf(text)).map((chunks) => ({ files, chunks }));
          }),
        ({ files, chunks }) => {
          expect(parse(chunks).map(({ content }) => content)).toEqual(files);
        },
      ),
      { numRuns: 500 },
    );
  });
});

describe('a boundary', () => {
  const simple = `${file('content')}--b0und--`;
  it.each([
    ['UP-23 bare', 'multipart/form-data; boundary=b0und', simple],
    ['UP-23 in quotes', 'multipart/form-data; charset=utf-8; boundary="b0und"', simple],
    [
      'UP-23 after a preamble, before an epilogue',
      'multipart/form-data; boundary=b0und',
      `preamble\r\n\r\n${simple}\r\nepilogue`,
    ],
    [
      'of hyphens',
      'multipart/form-data; boundary=------------------------0a1b--',
      simple.replaceAll('--b0und', '--------------------------0a1b--'),
    ],
  ])('%s is understood', (_says, contentType, text) => {
    expect(parseText(text, contentType)).toMatchObject([{ name: 'f', content: 'content' }]);
  });
});

const named = (parameter: string): readonly Part[] =>
  parseText(`${part(`${disposition}; ${parameter}`, '')}--b0und--`);

describe('a file name', () => {
  it.each([
    ['UP-18 in UTF-8', 'filename="größe 日本 🎉.txt"', 'größe 日本 🎉.txt'],
    [
      'UP-18 with quotes and line ends as browsers write them',
      'filename="a%22b%0D%0Ac"',
      'a"b\r\nc',
    ],
    ['with a percent sign of its own', 'filename="100%41.txt"', '100%41.txt'],
    ['with quotes as older programs write them', String.raw`filename="a\"b"`, 'a"b'],
    ['in the form of RFC 8187', `filename*=utf-8''%e6%97%a5.txt`, '日.txt'],
    ['that is empty', 'filename=""', ''],
  ])('%s is read', (_says, parameter, fileName) => {
    expect(named(parameter)).toMatchObject([{ name: 'f', fileName }]);
  });
});

describe('a media type of a part', () => {
  it.each([
    ['as its header says', `${disposition}; filename="a"\r\nContent-Type: image/png`, 'image/png'],
    ['binary, for a file without one', `${disposition}; filename="日"`, 'application/octet-stream'],
  ])('is %s', (_says, headers, type) => {
    expect(parseText(`${part(headers, '')}--b0und--`)).toMatchObject([{ type }]);
  });
});

describe('what is no form', () => {
  const boundary = 'multipart/form-data; boundary=b0und';
  it.each([
    ['without a boundary', 'multipart/form-data', file('x')],
    ['that is empty', boundary, ''],
    ['that ends in a part', boundary, file('x')],
    ['that ends in a header', boundary, '--b0und\r\nContent-Disp'],
    ['with a part without a name', boundary, `${part('Content-Type: text/plain', 'x')}--b0und--`],
    ['with a header that is none', boundary, `${part('no header', 'x')}--b0und--`],
    [
      'with a broken name of RFC 8187',
      boundary,
      `${part(`${disposition}; filename*=utf-8''%e6%97`, 'x')}--b0und--`,
    ],
    ['with a head of 20 KB', boundary, `${part(`x: ${'a'.repeat(20_000)}`, 'x')}--b0und--`],
  ])('%s is refused', (_says, contentType, text) => {
    expect(() => parseText(text, contentType)).toThrow(
      expect.objectContaining({ code: 'UPLOAD_INVALID' }),
    );
  });
});

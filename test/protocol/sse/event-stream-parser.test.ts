import { describe, expect, it } from 'vitest';

import { EventStreamParser } from '../../../src/protocol/sse/event-stream-parser.ts';
import type { IncomingEvent } from '../../../src/protocol/sse/event-stream-parser.ts';
import { bytesOf, everySplit } from '../../support/chunks.ts';

function message(data: string, members: Partial<IncomingEvent> = {}): IncomingEvent {
  return { event: 'message', data, lastEventId: '', ...members };
}

function parse(...chunks: readonly (string | Uint8Array)[]): readonly IncomingEvent[] {
  const parser = new EventStreamParser();
  return chunks.flatMap((chunk) => parser.push(typeof chunk === 'string' ? bytesOf(chunk) : chunk));
}

const tooBig = expect.objectContaining({ name: 'ProtocolViolation', code: 'MESSAGE_TOO_BIG' });

describe('lines', () => {
  it.each([
    ['LF', '\n'],
    ['CR', '\r'],
    ['CRLF', '\r\n'],
  ])('SSE-60 end with %s', (_, end) => {
    const stream = ['event: next', 'data: 1', '', 'data: 2', '', ''].join(end);

    expect(parse(stream)).toEqual([message('1', { event: 'next' }), message('2')]);
  });

  it('SSE-60 end with whatever comes, mixed in one stream', () => {
    expect(parse('data: 1\r\ndata: 2\rdata: 3\n\r\ndata: 4\n\r')).toEqual([
      message('1\n2\n3'),
      message('4'),
    ]);
  });

  it('SSE-60 end once for a CRLF that is split between chunks', () => {
    expect(parse('data: 1\r', '\ndata: 2\r', '\n\r', '\n')).toEqual([message('1\n2')]);
  });

  it('SSE-60 end once for a CRLF with an empty chunk and half a character between', () => {
    const halves = bytesOf('data: é\r\n\r\n');

    expect(parse(halves.slice(0, 7), '', halves.slice(7, 9), '', halves.slice(9))).toEqual([
      message('é'),
    ]);
  });

  it('SSE-60 end at a CR at once, whatever follows later', () => {
    expect(parse('data: 1\r\r')).toEqual([message('1')]);
    expect(parse('data: 1\r\r', '\ndata: 2\n\n')).toEqual([message('1'), message('2')]);
  });

  it('SSE-60 do not end with U+2028 or a form feed', () => {
    expect(parse('data: a\u2028b\u2029c\fd\u0085e\n\n')).toEqual([
      message('a\u2028b\u2029c\fd\u0085e'),
    ]);
  });
});

describe('a stream', () => {
  it('SSE-60 parses the same wherever it is split', () => {
    const stream = bytesOf(
      '\uFEFF:\r\n\r\nevent: next\rdata: {"a":"Straße 🚰"}\rid: 7\r\r:x\n\ndata: 1\ndata:  2\n\nevent: complete\r\ndata\r\n\r\n',
    );
    const expected = [
      message('{"a":"Straße 🚰"}', { event: 'next', lastEventId: '7' }),
      message('1\n 2', { lastEventId: '7' }),
      message('', { event: 'complete', lastEventId: '7' }),
    ];

    for (const chunks of everySplit(stream)) expect(parse(...chunks)).toEqual(expected);
  });

  it('SSE-60 may begin with one byte order mark', () => {
    expect(parse('\uFEFFdata: 1\n\n')).toEqual([message('1')]);
    expect(parse('\uFEFF\uFEFFdata: 1\n\n')).toEqual([]);
    expect(parse('data: 1\n\n', '\uFEFFdata: 2\n\n')).toEqual([message('1')]);
  });

  it('SSE-60 may hold bytes that are not UTF-8', () => {
    expect(parse('data: a', new Uint8Array([0xff, 0xc3]), 'b\n\n')).toEqual([
      message('a\uFFFD\uFFFDb'),
    ]);
  });

  it('SSE-60 dispatches an event once its blank line is there, and not before', () => {
    const parser = new EventStreamParser();

    expect(parser.push(bytesOf('data: 1\n'))).toEqual([]);
    expect(parser.push(bytesOf('\n'))).toEqual([message('1')]);
    expect(parser.push(bytesOf('data: 2'))).toEqual([]);
  });
});

describe('fields', () => {
  it('SSE-60 several data lines join with LF', () => {
    expect(parse('data: a\ndata:b\ndata: \ndata\n\n')).toEqual([message('a\nb\n\n')]);
  });

  it('SSE-60 one space behind the colon is dropped, and no more', () => {
    expect(parse('data:x\n\ndata: x\n\ndata:  x\n\ndata:\tx\n\ndata: a:b\n\n')).toEqual(
      ['x', 'x', ' x', '\tx', 'a:b'].map((data) => message(data)),
    );
  });

  it('SSE-60 an event without a data line is not dispatched, and its name is forgotten', () => {
    expect(parse('event: next\n\ndata: 1\n\n')).toEqual([message('1')]);
  });

  it('SSE-60 a data line without value is data', () => {
    expect(parse('event: complete\ndata:\n\nevent: complete\ndata\n\n')).toEqual([
      message('', { event: 'complete' }),
      message('', { event: 'complete' }),
    ]);
  });

  it('SSE-60 the last name counts, an empty one as none', () => {
    expect(parse('event: a\nevent: b\ndata: 1\n\nevent: a\nevent:\ndata: 2\n\n')).toEqual([
      message('1', { event: 'b' }),
      message('2'),
    ]);
  });

  it('SSE-61 comments are ignored, between and inside events', () => {
    expect(parse(':\n\n: ping\n\nevent: next\n:data: 0\ndata: 1\n:\n\n')).toEqual([
      message('1', { event: 'next' }),
    ]);
  });

  it('SSE-61 unknown fields are ignored; names are exact', () => {
    expect(parse('Data: 0\ndata : 0\n data: 0\nfoo: 0\nfoo\ndata: 1\n\n')).toEqual([message('1')]);
  });

  it('SSE-62 an unknown event name is an event like others, for its reader to ignore', () => {
    expect(parse('event: ping\ndata: 0\n\nevent: next\ndata: 1\n\n')).toEqual([
      message('0', { event: 'ping' }),
      message('1', { event: 'next' }),
    ]);
  });
});

describe('the id', () => {
  it('stays until the next, unless that holds a NUL', () => {
    expect(parse('id: 1\ndata: a\n\ndata: b\n\nid: \0\ndata: c\n\nid\ndata: d\n\n')).toEqual([
      message('a', { lastEventId: '1' }),
      message('b', { lastEventId: '1' }),
      message('c', { lastEventId: '1' }),
      message('d'),
    ]);
  });

  it('may be those of single events: they count for no other', () => {
    const parser = new EventStreamParser({ idsOf: 'event' });

    expect(
      parser.push(bytesOf('id: 1\ndata: a\n\ndata: b\n\nid: 2\n\ndata: c\n\nid: 1\ndata: d\n\n')),
    ).toEqual([
      message('a', { lastEventId: '1' }),
      message('b'),
      message('c'),
      message('d', { lastEventId: '1' }),
    ]);
  });

  it('moves with an event that is not dispatched for want of data, but not with an unfinished one', () => {
    const parser = new EventStreamParser();

    expect(parser.push(bytesOf('id: 1\n\nid: 2\n'))).toEqual([]);
    expect(parser.lastEventId).toBe('1');
  });
});

describe('the reconnection time', () => {
  it('is undefined until the stream tells it', () => {
    expect(new EventStreamParser().retryMs).toBe(undefined);
  });

  it('is what the stream told last in digits', () => {
    const parser = new EventStreamParser();
    parser.push(bytesOf('retry: 2500\nretry: 1.5\nretry: -1\nretry:\nretry: 1e3\nretry: ٣\n'));

    expect(parser.retryMs).toBe(2_500);
  });
});

describe('the bound', () => {
  it('holds for a line that does not end', () => {
    const parser = new EventStreamParser({ eventCharacters: 20 });
    parser.push(bytesOf('data: 67890123456789'));

    expect(() => parser.push(bytesOf('0'))).toThrow(tooBig);
  });

  it('holds for data of many lines', () => {
    const parser = new EventStreamParser({ eventCharacters: 10 });
    parser.push(bytesOf('data:12345\ndata:789\n'));

    expect(() => parser.push(bytesOf('data\n'))).not.toThrow();
    expect(() => parser.push(bytesOf('data\n'))).toThrow(tooBig);
  });

  it.each([
    ['a stream of events', 'data: 1\n\n'],
    ['comments without blank lines', ': ping\n'],
    ['fields that are not kept', 'event: next\n'],
  ])('does not end %s', (_, piece) => {
    const parser = new EventStreamParser({ eventCharacters: 20 });

    for (let i = 0; i < 100; i += 1) parser.push(bytesOf(piece));
    expect(parser.push(bytesOf('\ndata: last\n\n'))).toContainEqual(
      expect.objectContaining({ data: 'last' }),
    );
  });

  it('does not depend on where the stream is split', () => {
    const stream = bytesOf('data:12345\ndata:7890\n\ndata:12345\ndata:78901\n\n');
    for (const chunks of everySplit(stream)) {
      const parser = new EventStreamParser({ eventCharacters: 10 });

      expect(() => chunks.forEach((chunk) => parser.push(chunk))).toThrow(tooBig);
    }
    for (const chunks of everySplit(stream.slice(0, -3))) {
      const parser = new EventStreamParser({ eventCharacters: 10 });

      expect(chunks.flatMap((chunk) => parser.push(chunk))).toEqual([message('12345\n7890')]);
    }
  });
});

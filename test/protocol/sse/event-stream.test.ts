import { describe, expect, it } from 'vitest';

import { comment, encodeEvent } from '../../../src/protocol/sse/event-stream.ts';
import { UsageError } from '../../../src/errors.ts';

describe('an event', () => {
  it('is written with LF alone and one blank line behind it', () => {
    expect(encodeEvent({ event: 'next', data: '{"data":{"tick":1}}' })).toBe(
      'event: next\ndata: {"data":{"tick":1}}\n\n',
    );
  });

  it('SSE-5 has a data line when its data is empty', () => {
    expect(encodeEvent({ event: 'complete', data: '' })).toBe('event: complete\ndata:\n\n');
  });

  it.each([
    ['LF', '{\n"a":1}'],
    ['CR', '{\r"a":1}'],
    ['CRLF', '{\r\n"a":1}'],
  ])('SSE-16 becomes several data lines where the text has %s', (_, data) => {
    expect(encodeEvent({ event: 'next', data })).toBe('event: next\ndata: {\ndata: "a":1}\n\n');
  });

  it('SSE-16 stays on one line with U+2028, which ends no line here', () => {
    expect(encodeEvent({ event: 'next', data: '"a\u2028b"' })).toBe(
      'event: next\ndata: "a\u2028b"\n\n',
    );
  });

  it('has its id before everything else, so that a reader that takes the first data line finds it', () => {
    expect(encodeEvent({ event: 'next', data: '1', id: 'k.7' })).toBe(
      'id: k.7\nevent: next\ndata: 1\n\n',
    );
  });

  it.each(['a\nb', 'a\rb', 'a\0b'])('refuses the id %j, which would be read as another', (id) => {
    expect(() => encodeEvent({ event: 'next', data: '1', id })).toThrow(UsageError);
  });
});

describe('a comment', () => {
  it('ends with a blank line, so that readers that wait for one hand it on', () => {
    expect(comment).toBe(':\n\n');
  });
});

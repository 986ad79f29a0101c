import { describe, expect, it } from 'vitest';

import { singleFraming } from '../../../src/protocol/sse/single-framing.ts';
import { namesIn } from './names-in.ts';

describe('the framing of a single connection', () => {
  it('wraps a result with the id of its operation', () => {
    expect(singleFraming.result('op-1', '{"data":{"tick":1}}')).toBe(
      'event: next\ndata: {"id":"op-1","payload":{"data":{"tick":1}}}\n\n',
    );
  });

  it('SSE-5 completes an operation with its id as data', () => {
    expect(singleFraming.complete('op-1')).toBe('event: complete\ndata: {"id":"op-1"}\n\n');
  });

  it('reports errors as a result of the operation, and completes it', () => {
    expect(singleFraming.error('op-1', [{ message: 'no' }])).toBe(
      'event: next\ndata: {"id":"op-1","payload":{"errors":[{"message":"no"}]}}\n\n' +
        'event: complete\ndata: {"id":"op-1"}\n\n',
    );
  });

  it('reports errors whose extensions JSON cannot hold by their messages', () => {
    expect(singleFraming.error('1', [{ message: 'no', extensions: { big: 1n } }])).toContain(
      'data: {"id":"1","payload":{"errors":[{"message":"no"}]}}\n',
    );
  });

  it('SSE-16 an id cannot break out of its line', () => {
    expect(singleFraming.complete('a"\n\nevent: next')).toBe(
      'event: complete\ndata: {"id":"a\\"\\n\\nevent: next"}\n\n',
    );
  });

  it('SSE-19 writes the names next and complete alone', () => {
    const { result, complete, error } = singleFraming;
    const everything = result('1', 'null') + complete('1') + error('1', [{ message: 'no' }]);

    expect(namesIn(everything)).toEqual(['next', 'complete', 'next', 'complete']);
  });
});

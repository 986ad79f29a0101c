import { describe, expect, it } from 'vitest';

import { distinctFraming } from '../../../src/protocol/sse/distinct-framing.ts';
import { namesIn } from './names-in.ts';

describe('the framing of distinct connections', () => {
  it('is an event stream that begins with a comment and stays alive by comments', () => {
    expect(distinctFraming).toMatchObject({
      contentType: 'text/event-stream',
      opening: ':\n\n',
      heartbeat: ':\n\n',
    });
  });

  it('SSE-6 writes the execution result itself', () => {
    expect(distinctFraming.result('{"data":{"tick":1}}')).toBe(
      'event: next\ndata: {"data":{"tick":1}}\n\n',
    );
  });

  it('SSE-5 completes with a data line', () => {
    expect(distinctFraming.complete()).toBe('event: complete\ndata:\n\n');
  });

  it('reports errors as a result, and completes', () => {
    expect(distinctFraming.error([{ message: 'no', path: ['a'] }])).toBe(
      'event: next\ndata: {"errors":[{"message":"no","path":["a"]}]}\n\nevent: complete\ndata:\n\n',
    );
  });

  it('reports errors whose extensions JSON cannot hold by their messages', () => {
    expect(distinctFraming.error([{ message: 'no', extensions: { big: 1n } }])).toBe(
      'event: next\ndata: {"errors":[{"message":"no"}]}\n\nevent: complete\ndata:\n\n',
    );
  });

  it('SSE-19 writes the names next and complete alone', () => {
    const everything = [
      distinctFraming.opening,
      distinctFraming.heartbeat,
      distinctFraming.result('{"data":null}'),
      distinctFraming.complete(),
      distinctFraming.error([{ message: 'no' }]),
    ].join('');

    expect(namesIn(everything)).toEqual(['next', 'complete', 'next', 'complete']);
  });
});

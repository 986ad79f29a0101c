import { describe, expect, it } from 'vitest';

import { ByteQueue } from '../../../src/protocol/multipart/byte-queue.ts';
import { bytesOf } from '../../support/chunks.ts';

function textIn(queue: ByteQueue): string {
  return new TextDecoder().decode(queue.bytes);
}

describe('a byte queue', () => {
  it('is empty at first', () => {
    expect(new ByteQueue().bytes).toHaveLength(0);
  });

  it('gives what was appended and not dropped, in order', () => {
    const queue = new ByteQueue();
    queue.append(bytesOf('abc'));
    queue.append(bytesOf('def'));
    queue.drop(2);
    queue.append(bytesOf('g'));

    expect(textIn(queue)).toBe('cdefg');
  });

  it('keeps what it holds when it grows', () => {
    const queue = new ByteQueue();
    queue.append(bytesOf('abc'));
    queue.drop(1);
    queue.append(bytesOf('x'.repeat(10_000)));

    expect(textIn(queue)).toBe(`bc${'x'.repeat(10_000)}`);
  });

  it('goes on after it was emptied', () => {
    const queue = new ByteQueue();
    queue.append(bytesOf('abc'));
    queue.drop(3);
    expect(queue.bytes).toHaveLength(0);
    queue.append(bytesOf('d'));

    expect(textIn(queue)).toBe('d');
  });

  it('gives the memory of something long back once that was taken', () => {
    const queue = new ByteQueue();
    queue.append(new Uint8Array(1_000_000));
    queue.drop(1_000_000);

    expect(queue.bytes.buffer.byteLength).toBe(0);
  });
});

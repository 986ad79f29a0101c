import { describe, expect, it } from 'vitest';

import { BoundedQueue } from '../../src/stream/bounded-queue.ts';

interface Item {
  readonly n: number;
}

function filled(count: number, capacity?: number): BoundedQueue<Item> {
  const queue = new BoundedQueue<Item>(capacity === undefined ? {} : { capacity });
  for (let n = 0; n < count; n++) queue.push({ n });
  return queue;
}

describe('BoundedQueue', () => {
  it('gives what was pushed, in order, at once', () => {
    const queue = filled(2);

    expect([queue.take(), queue.take()]).toEqual([{ n: 0 }, { n: 1 }]);
    expect(queue.size).toBe(0);
  });

  it('hands an item over to who waits', async () => {
    const queue = filled(0);
    const pending = queue.take();

    queue.push({ n: 7 });

    expect(await pending).toEqual({ n: 7 });
    expect(queue.size).toBe(0);
  });

  it('ends after what waits was taken', () => {
    const queue = filled(1);

    queue.end();
    queue.push({ n: 1 });

    expect(queue.take()).toEqual({ n: 0 });
    expect(queue.take()).toBeUndefined();
  });

  it('ends for who waits', async () => {
    const queue = filled(0);
    const pending = queue.take();

    queue.end();

    expect(await pending).toBeUndefined();
  });

  it('fails once, after what waits was taken', async () => {
    const queue = filled(1);

    queue.fail('broken');

    expect(queue.take()).toEqual({ n: 0 });
    await expect(queue.take()).rejects.toBe('broken');
    expect(queue.take()).toBeUndefined();
  });

  it('fails for who waits, once', async () => {
    const queue = filled(0);
    const pending = queue.take();

    queue.fail('broken');

    await expect(pending).rejects.toBe('broken');
    expect(queue.take()).toBeUndefined();
  });

  it('holds 1,024 items by default', () => {
    expect(filled(1_024).isOpen).toBe(true);
    expect(filled(1_025).isOpen).toBe(false);
  });

  it('fails on the next take when it is full, and holds nothing any more', async () => {
    const queue = filled(3, 2);

    expect([queue.isOpen, queue.size]).toEqual([false, 0]);
    queue.push({ n: 9 });
    queue.end();
    await expect(queue.take()).rejects.toMatchObject({
      name: 'SourceError',
      code: 'BUFFER_OVERFLOW',
    });
    expect(queue.take()).toBeUndefined();
  });

  it('drops what waits when it is cleared', () => {
    const queue = filled(3);

    queue.clear();

    expect(queue.size).toBe(0);
    expect(queue.take()).toBeUndefined();
  });

  it('does not keep what was taken, however long it never runs empty', () => {
    const queue = filled(3, 4);

    for (let n = 3; n < 1_000; n++) {
      queue.push({ n });
      expect(queue.take()).toEqual({ n: n - 3 });
      expect(queue.size).toBe(3);
    }
  });
});

import { describe, expect, it, vi } from 'vitest';

import { UsageError } from '../../src/errors.ts';
import { createSourceReader, iterateOpening } from '../../src/stream/source-reader.ts';
import type { ItemProducer } from '../../src/stream/source-reader.ts';
import type { SourceItem } from '../../src/stream/source.ts';

type Answer = SourceItem<number> | undefined;

const event = (n: number): SourceItem<number> => ({ kind: 'event', event: n });

function readerOf(next: ItemProducer<number>['next']) {
  const release = vi.fn<() => void>();
  return { reader: createSourceReader<number>({ next, release }), release };
}

function deferred() {
  const settle: { resolve?: (answer: Answer) => void; reject?: (error: unknown) => void } = {};
  const promise = new Promise<Answer>((resolve, reject) => {
    settle.resolve = resolve;
    settle.reject = reject;
  });
  return { promise, ...settle };
}

describe('SourceReader', () => {
  it.each([
    ['at once', (answer: Answer) => answer],
    ['later', async (answer: Answer) => answer],
  ])('gives items until the end, then lets go, when they come %s', async (_, wrap) => {
    const answers: Answer[] = [event(1), event(2), undefined];
    const { reader, release } = readerOf(() => wrap(answers.shift()));

    expect([await reader.read(), await reader.read()]).toEqual([event(1), event(2)]);
    expect(release).not.toHaveBeenCalled();
    expect(await reader.read()).toBeUndefined();
    expect(await reader.read()).toBeUndefined();
    expect(release).toHaveBeenCalledTimes(1);
  });

  it.each([
    [
      'throws',
      () => {
        throw new Error('broken');
      },
    ],
    ['rejects', () => Promise.reject(new Error('broken'))],
  ])('fails once when its producer %s, then lets go', async (_, next) => {
    const { reader, release } = readerOf(next);

    await expect(reader.read()).rejects.toThrow('broken');
    expect(await reader.read()).toBeUndefined();
    expect(release).toHaveBeenCalledTimes(1);
  });

  it('ends a pending read when it is closed, and lets go once', async () => {
    const { reader, release } = readerOf(() => new Promise(() => {}));
    const pending = reader.read();

    await Promise.all([reader.close(), reader.close()]);

    expect(await pending).toBeUndefined();
    expect(await reader.read()).toBeUndefined();
    expect(release).toHaveBeenCalledTimes(1);
  });

  it.each([
    ['an item', ({ resolve }: ReturnType<typeof deferred>) => resolve?.(event(1))],
    ['a failure', ({ reject }: ReturnType<typeof deferred>) => reject?.(new Error('late'))],
  ])('ignores %s that comes after it was closed', async (_, settle) => {
    const late = deferred();
    const { reader } = readerOf(() => late.promise);
    const pending = reader.read();
    await reader.close();

    settle(late);

    expect(await pending).toBeUndefined();
  });

  it('refuses a second read while one is pending, and keeps the first', async () => {
    const late = deferred();
    const { reader } = readerOf(() => late.promise);
    const first = reader.read();

    await expect(reader.read()).rejects.toThrow(UsageError);
    late.resolve?.(event(1));

    expect(await first).toEqual(event(1));
  });

  it.each([
    [
      'throws',
      () => {
        throw new Error('release');
      },
    ],
    ['rejects', () => Promise.reject(new Error('release'))],
  ])('never rejects on close, also when letting go %s', async (_, release) => {
    const reader = createSourceReader<number>({ next: () => undefined, release });

    await expect(reader.close()).resolves.toBeUndefined();
  });

  it('is closed when letting go is done', async () => {
    let isReleased = false;
    const release = async () => {
      await Promise.resolve();
      isReleased = true;
    };
    const reader = createSourceReader<number>({ next: () => undefined, release });

    await reader.close();

    expect(isReleased).toBe(true);
  });

  describe('as an async iterable', () => {
    it('gives the bare events', async () => {
      const answers: Answer[] = [event(1), event(2), undefined];
      const { reader } = readerOf(() => answers.shift());
      const events: number[] = [];

      for await (const n of reader) events.push(n);

      expect(events).toEqual([1, 2]);
    });

    it('throws the error of a failed event, and lets go', async () => {
      const failure = new Error('event');
      const { reader, release } = readerOf(() => ({ kind: 'event-error', error: failure }));
      const iterator = reader[Symbol.asyncIterator]();

      await expect(iterator.next()).rejects.toBe(failure);
      expect(await iterator.next()).toEqual({ done: true, value: undefined });
      expect(release).toHaveBeenCalledTimes(1);
    });

    it('answers several calls of next in their order', async () => {
      const answers: Answer[] = [event(1), event(2), undefined];
      const { reader } = readerOf(async () => answers.shift());
      const iterator = reader[Symbol.asyncIterator]();

      expect(await Promise.all([iterator.next(), iterator.next(), iterator.next()])).toEqual([
        { done: false, value: 1 },
        { done: false, value: 2 },
        { done: true, value: undefined },
      ]);
    });

    it('can be left by return while next is pending', async () => {
      const { reader, release } = readerOf(() => new Promise(() => {}));
      const iterator = reader[Symbol.asyncIterator]();
      const pending = iterator.next();
      await Promise.resolve();

      expect(await iterator.return?.()).toEqual({ done: true, value: undefined });
      expect(await pending).toEqual({ done: true, value: undefined });
      expect(release).toHaveBeenCalledTimes(1);
    });

    it('can be left by throw', async () => {
      const { reader, release } = readerOf(() => event(1));
      const iterator = reader[Symbol.asyncIterator]();

      await expect(iterator.throw?.('reason')).rejects.toBe('reason');
      expect(release).toHaveBeenCalledTimes(1);
    });
  });

  describe('that is still being opened', () => {
    it('closes as soon as it is open when it was left before', async () => {
      const { reader, release } = readerOf(() => event(1));
      const opening = Promise.resolve(reader);
      const iterator = iterateOpening(opening);

      await iterator.return?.();
      await opening;

      expect(release).toHaveBeenCalledTimes(1);
    });

    it('can be left although it never opens', async () => {
      const iterator = iterateOpening<number>(new Promise(() => {}));
      const pending = iterator.next();

      await iterator.return?.();

      expect(await pending).toEqual({ done: true, value: undefined });
    });
  });
});

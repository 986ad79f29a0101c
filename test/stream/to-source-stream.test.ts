import { createMemoryBroker } from 'millrace/broker/memory';
import { NEVER, Observable, Subject, from, interval, of, throwError } from 'rxjs';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';

import type { ObserverLike } from '../../src/stream/observable-stream.ts';
import type { SourceReader, SourceStream } from '../../src/stream/source.ts';
import { toSourceStream } from '../../src/stream/to-source-stream.ts';

const unhandled = vi.fn<(reason: unknown) => void>();

beforeEach(() => {
  unhandled.mockReset();
  process.on('unhandledRejection', unhandled);
});
afterEach(async () => {
  // Rejections are reported when the queue of microtasks has run empty.
  await new Promise((resolve) => {
    setImmediate(resolve);
  });
  process.off('unhandledRejection', unhandled);
  if (unhandled.mock.calls.length > 0)
    throw new Error(`unhandled: ${String(unhandled.mock.calls[0]?.[0])}`);
});

function streamOf(value: unknown): SourceStream<unknown> {
  const stream = toSourceStream(value);
  if (stream === undefined) throw new Error('not recognised');
  return stream;
}

function failToUnsubscribe(): never {
  throw new Error('unsubscribe');
}

async function readAll(reader: SourceReader<unknown>): Promise<unknown[]> {
  const events: unknown[] = [];
  for (let item = await reader.read(); item !== undefined; item = await reader.read()) {
    events.push(item.kind === 'event' ? item.event : item.error);
  }
  return events;
}

describe('toSourceStream', () => {
  it.each([
    ['undefined', undefined],
    ['null', null],
    ['a number', 1],
    ['a text', 'text'],
    ['an object', {}],
    ['an array', [1]],
    ['a function', () => 1],
    ['a promise', Promise.resolve()],
    ['an object whose subscribe is no function', { subscribe: true }],
  ])('does not recognise %s', (_, value) => {
    expect(toSourceStream(value)).toBeUndefined();
  });

  it('gives a source of its own as it is, although it is an async iterable too', () => {
    const source = createMemoryBroker().topic('topic').source();

    expect(toSourceStream(source)).toBe(source);
  });

  it('prefers an async iterable to an observable', async () => {
    const both = Object.assign(of('observable'), {
      async *[Symbol.asyncIterator]() {
        yield 'iterable';
      },
    });

    expect(await readAll(await streamOf(both).open())).toEqual(['iterable']);
  });

  it.each([
    ['of Symbol.observable', Symbol.for('observable')],
    ['of @@observable', '@@observable'],
  ])('prefers the observable %s to a subscribe method', async (_, key) => {
    const value = { [key]: () => of('interop'), subscribe: () => {} };

    expect(await readAll(await streamOf(value).open())).toEqual(['interop']);
  });

  it('finds Symbol.observable where somebody defined it', async () => {
    const symbol = Symbol('observable');
    Object.defineProperty(Symbol, 'observable', { value: symbol, configurable: true });
    try {
      expect(await readAll(await streamOf({ [symbol]: () => of('interop') }).open())).toEqual([
        'interop',
      ]);
    } finally {
      Reflect.deleteProperty(Symbol, 'observable');
    }
  });

  it('recognises what is only an observable by its subscribe method', async () => {
    const value = {
      subscribe: (observer: ObserverLike) => {
        observer.next(1);
        observer.complete();
      },
    };

    expect(await readAll(await streamOf(value).open())).toEqual([1]);
  });
});

describe('an async iterable', () => {
  it('is read at the pace of its consumer', async () => {
    const produced = vi.fn<(n: number) => void>();
    const stream = streamOf(
      (async function* () {
        for (let n = 1; ; n++) {
          produced(n);
          yield n;
        }
      })(),
    );
    expect(stream.pace).toBe('pull');

    const reader = await stream.open();
    await reader.read();

    expect(produced.mock.calls).toEqual([[1]]);
    await reader.close();
  });

  it('gives its values until it is done, and is not returned then', async () => {
    const returned = vi.fn<() => Promise<IteratorResult<number>>>();
    const results = [
      { done: false, value: 1 },
      { done: true, value: undefined },
    ];
    const reader = await streamOf({
      [Symbol.asyncIterator]: () => ({ next: async () => results.shift(), return: returned }),
    }).open();

    expect(await readAll(reader)).toEqual([1]);
    expect(returned).not.toHaveBeenCalled();
  });

  it.each([
    [
      'throws',
      () => {
        throw new Error('next');
      },
    ],
    ['rejects', () => Promise.reject(new Error('next'))],
  ])('fails once when next %s, and is not returned then', async (_, next) => {
    const returned = vi.fn<() => Promise<IteratorResult<number>>>();
    const reader = await streamOf({
      [Symbol.asyncIterator]: () => ({ next, return: returned }),
    }).open();

    await expect(reader.read()).rejects.toThrow('next');
    expect(await reader.read()).toBeUndefined();
    expect(returned).not.toHaveBeenCalled();
  });

  it.each([undefined, null, 7])(
    'fails when next answers %s, which is no result',
    async (answer) => {
      const reader = await streamOf({
        [Symbol.asyncIterator]: () => ({ next: async () => answer }),
      }).open();

      await expect(reader.read()).rejects.toThrow(TypeError);
      expect(await reader.read()).toBeUndefined();
    },
  );

  it('fails with what was thrown, also if it is no error', async () => {
    const reader = await streamOf({
      [Symbol.asyncIterator]: () => ({
        next: () => Promise.reject('text'), // oxlint-disable-line typescript/prefer-promise-reject-errors
      }),
    }).open();

    await expect(reader.read()).rejects.toBe('text');
  });

  it('cannot be opened when it cannot make an iterator', async () => {
    const stream = streamOf({
      [Symbol.asyncIterator]: () => {
        throw new Error('iterator');
      },
    });

    await expect(stream.open()).rejects.toThrow('iterator');
  });

  it('is returned once when it is closed', async () => {
    const left = vi.fn<() => void>();
    const reader = await streamOf(
      (async function* () {
        try {
          yield 1;
        } finally {
          left();
        }
      })(),
    ).open();
    await reader.read();

    await reader.close();
    await reader.close();

    expect(left).toHaveBeenCalledTimes(1);
  });

  it('does not block closing by a generator that is stuck', async () => {
    const reader = await streamOf(
      (async function* () {
        await new Promise(() => {});
        yield 1;
      })(),
    ).open();
    const pending = reader.read();

    await reader.close();

    expect(await pending).toBeUndefined();
  });

  it.each([
    [
      'throws',
      () => {
        throw new Error('return');
      },
    ],
    ['rejects', () => Promise.reject(new Error('return'))],
    ['is missing', undefined],
    ['gives no promise', () => ({ done: true, value: undefined })],
  ])('closes although return %s', async (_, method) => {
    const iterator = {
      next: () => new Promise<never>(() => {}),
      ...(method && { return: method }),
    };
    const reader = await streamOf({ [Symbol.asyncIterator]: () => iterator }).open();
    const pending = reader.read();

    await expect(reader.close()).resolves.toBeUndefined();
    expect(await pending).toBeUndefined();
  });

  it('may fail after it was closed without anybody hearing of it', async () => {
    const fail: { now?: (error: unknown) => void } = {};
    const reader = await streamOf({
      [Symbol.asyncIterator]: () => ({
        next: () =>
          new Promise((_, reject) => {
            fail.now = reject;
          }),
      }),
    }).open();
    const pending = reader.read();
    await reader.close();

    fail.now?.(new Error('late'));

    expect(await pending).toBeUndefined();
  });
});

describe('a ReadableStream', () => {
  it('is read to its end, at the pace of its consumer, and unlocked then', async () => {
    const stream = new ReadableStream({
      start: (controller) => {
        controller.enqueue(1);
        controller.enqueue(2);
        controller.close();
      },
    });
    const source = streamOf(stream);

    expect(source.pace).toBe('pull');
    expect(await readAll(await source.open())).toEqual([1, 2]);
    expect(stream.locked).toBe(false);
  });

  it('is cancelled at once when it is closed while a chunk is awaited, and unlocked', async () => {
    const cancel = vi.fn<() => void>();
    const stream = new ReadableStream({ cancel });
    const reader = await streamOf(stream).open();
    const pending = reader.read();

    await reader.close();

    expect(cancel).toHaveBeenCalledTimes(1);
    expect(await pending).toBeUndefined();
    expect(stream.locked).toBe(false);
  });

  it('fails with what it was failed with, and is unlocked', async () => {
    const stream = new ReadableStream({
      pull: (controller) => {
        controller.error('broken');
      },
    });
    const reader = await streamOf(stream).open();

    await expect(reader.read()).rejects.toBe('broken');
    expect(await reader.read()).toBeUndefined();
    expect(stream.locked).toBe(false);
  });

  it('cannot be opened while somebody else reads it', async () => {
    const stream = new ReadableStream();
    stream.getReader();

    await expect(streamOf(stream).open()).rejects.toThrow(TypeError);
  });

  it('closes although its cancellation fails', async () => {
    const stream = new ReadableStream({ cancel: () => Promise.reject(new Error('cancel')) });
    const reader = await streamOf(stream).open();

    await expect(reader.close()).resolves.toBeUndefined();
  });
});

describe('an observable', () => {
  it('is subscribed to when it is opened, not before', async () => {
    const subject = new Subject<number>();
    const stream = streamOf(subject);
    expect([stream.pace, subject.observed]).toEqual(['live', false]);

    const reader = await stream.open();
    expect(subject.observed).toBe(true);

    await reader.close();
    expect(subject.observed).toBe(false);
  });

  it('keeps what it emits between opening and reading', async () => {
    const subject = new Subject<number>();
    const reader = await streamOf(subject).open();

    subject.next(1);
    subject.next(2);
    subject.complete();

    expect(await readAll(reader)).toEqual([1, 2]);
  });

  it('wakes who waits', async () => {
    const subject = new Subject<number>();
    const reader = await streamOf(subject).open();
    const pending = reader.read();

    subject.next(1);

    expect(await pending).toEqual({ kind: 'event', event: 1 });
    await reader.close();
  });

  it('may emit and complete while it is subscribed to', async () => {
    expect(await readAll(await streamOf(from([1, 2, 3])).open())).toEqual([1, 2, 3]);
  });

  it('may emit undefined', async () => {
    expect(await readAll(await streamOf(of(undefined, null)).open())).toEqual([undefined, null]);
  });

  it('may fail while it is subscribed to, with whatever', async () => {
    const reader = await streamOf(throwError(() => 'text')).open();

    await expect(reader.read()).rejects.toBe('text');
    expect(await reader.read()).toBeUndefined();
  });

  it('gives what it emitted before it failed', async () => {
    const subject = new Subject<number>();
    const reader = await streamOf(subject).open();
    subject.next(1);
    subject.error(new Error('broken'));

    expect(await reader.read()).toEqual({ kind: 'event', event: 1 });
    await expect(reader.read()).rejects.toThrow('broken');
  });

  it('ends a pending read when it is closed', async () => {
    const reader = await streamOf(NEVER).open();
    const pending = reader.read();

    await reader.close();

    expect(await pending).toBeUndefined();
  });

  it('stops its timers when it is closed', async () => {
    vi.useFakeTimers();
    const reader = await streamOf(interval(1_000)).open();
    expect(vi.getTimerCount()).toBe(1);

    await reader.close();

    expect(vi.getTimerCount()).toBe(0);
    vi.useRealTimers();
  });

  it('cannot be opened when subscribe throws', async () => {
    const stream = streamOf({
      subscribe: () => {
        throw new Error('subscribe');
      },
    });

    await expect(stream.open()).rejects.toThrow('subscribe');
  });

  it('fails its consumer when too much waits, lets go of it all, and does not throw at who emits', async () => {
    const subject = new Subject<number>();
    const reader = await streamOf(subject).open();

    for (let n = 0; n < 2_000; n++) subject.next(n);

    expect(subject.observed).toBe(false);
    await expect(reader.read()).rejects.toMatchObject({ code: 'BUFFER_OVERFLOW' });
    expect(await reader.read()).toBeUndefined();
  });

  describe('is unsubscribed from exactly once', () => {
    type Ending = (observer: ObserverLike, reader: SourceReader<unknown>) => unknown;

    it.each<[string, Ending]>([
      ['it is closed twice', async (_, reader) => [await reader.close(), await reader.close()]],
      [
        'it completes and is closed',
        async (observer, reader) => [observer.complete(), await reader.close()],
      ],
      ['it completes twice', (observer) => [observer.complete(), observer.complete()]],
      [
        'it fails and is read',
        async (observer, reader) => [observer.error('x'), await reader.read().catch(() => {})],
      ],
      [
        'it is closed, then completes',
        async (observer, reader) => [await reader.close(), observer.complete()],
      ],
    ])('when %s', async (_, end) => {
      const unsubscribe = vi.fn<() => void>();
      const observers: ObserverLike[] = [];
      const value = {
        subscribe: (observer: ObserverLike) => (observers.push(observer), { unsubscribe }),
      };
      const reader = await streamOf(value).open();

      for (const observer of observers) await end(observer, reader);

      expect(unsubscribe).toHaveBeenCalledTimes(1);
    });

    it.each(['complete', 'error'] as const)('when it ends by %s inside subscribe', async (end) => {
      const unsubscribe = vi.fn<() => void>();
      const value = {
        subscribe: (observer: ObserverLike) => (observer[end]('x'), { unsubscribe }),
      };

      const reader = await streamOf(value).open();
      await reader.read().catch(() => {});
      await reader.close();

      expect(unsubscribe).toHaveBeenCalledTimes(1);
    });

    it('when subscribe gives a function', async () => {
      const unsubscribe = vi.fn<() => void>();
      const reader = await streamOf({ subscribe: () => unsubscribe }).open();

      await reader.close();

      expect(unsubscribe).toHaveBeenCalledTimes(1);
    });
  });

  it('closes although unsubscribing throws', async () => {
    const reader = await streamOf({ subscribe: () => ({ unsubscribe: failToUnsubscribe }) }).open();

    await expect(reader.close()).resolves.toBeUndefined();
  });

  it('is not thrown at when unsubscribing throws as it completes', async () => {
    const observers: ObserverLike[] = [];
    const reader = await streamOf({
      subscribe: (observer: ObserverLike) => {
        observers.push(observer);
        return failToUnsubscribe;
      },
    }).open();

    expect(() => observers[0]?.complete()).not.toThrow();
    expect(await reader.read()).toBeUndefined();
  });

  it('is left when the loop over it is left', async () => {
    const left = vi.fn<() => void>();
    const counting = new Observable<number>((subscriber) => {
      subscriber.next(1);
      subscriber.next(2);
      return left;
    });

    for await (const event of await streamOf(counting).open()) {
      if (event === 1) break;
    }

    expect(left).toHaveBeenCalledTimes(1);
  });
});

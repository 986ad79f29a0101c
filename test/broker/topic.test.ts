import { createTopic } from 'millrace/broker';
import type { Broker, TopicSource } from 'millrace/broker';
import { createMemoryBroker } from 'millrace/broker/memory';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';

import type { MemoryBroker } from '../../src/broker/memory.ts';
import { UsageError } from '../../src/errors.ts';
import { isSource } from '../../src/stream/source.ts';
import type { SourceReader } from '../../src/stream/source.ts';

describe('topic', () => {
  let broker: MemoryBroker;

  beforeEach(() => {
    broker = createMemoryBroker();
  });
  afterEach(async () => {
    await broker.close();
  });

  /** Publishes after the source was made, then reads until the broker closes. */
  async function run(source: TopicSource<unknown>, events: readonly unknown[]): Promise<unknown[]> {
    const reader = await source.open();
    await broker.topic('topic').publishMany(events);
    await broker.close();
    return readAll(reader);
  }

  it.each([null, 7, {}])('refuses the key %j, which TypeScript did not see', async (key) => {
    const topic = broker.topic<number>('topic');
    const wrong = key as unknown as string; // What a resolver without types may pass.

    expect(() => topic.source(wrong)).toThrow(UsageError);
    await expect(topic.publish(1, { key: wrong })).rejects.toThrow(UsageError);
    await expect(topic.publishMany([1], { key: wrong })).rejects.toThrow(UsageError);
  });

  it('passes the idempotency id on', async () => {
    const topic = broker.topic<number>('topic');

    const first = await topic.publish(1, { idempotencyId: 'a' });

    expect(await topic.publish(1, { idempotencyId: 'a' })).toEqual(first);
  });

  describe('source', () => {
    it('is recognised as a source', () => {
      expect(isSource(broker.topic('topic').source())).toBe(true);
    });

    it('gives each event with its position', async () => {
      const topic = broker.topic<number>('topic');
      const reader = await topic.source().open();

      const position = await topic.publish(1);

      expect(await reader.read()).toEqual({ kind: 'event', event: 1, position });
      await reader.close();
    });

    it('can be opened more than once, each time from where it was made', async () => {
      const topic = broker.topic<number>('topic');
      const source = topic.source();
      await topic.publish(1);

      const readers = [await source.open(), await source.open()];

      for (const reader of readers) {
        expect(await reader.read()).toMatchObject({ event: 1 });
        await reader.close();
      }
    });

    it('refuses to open when events after its start are gone, and holds no reader then', async () => {
      const small = createMemoryBroker({ events: 2 });
      const topic = small.topic<number>('topic');
      const source = topic.source();
      await topic.publishMany([1, 2, 3]);

      await expect(source.open()).rejects.toMatchObject({ code: 'EVENTS_LOST' });
      expect(small.readerCount).toBe(0);
    });

    it('fails when it falls behind what the log holds, and lets go of its reader', async () => {
      const small = createMemoryBroker({ events: 2 });
      const topic = small.topic<number>('topic');
      const reader = await topic.source().open();
      await topic.publishMany([1, 2, 3]);

      await expect(reader.read()).rejects.toMatchObject({ code: 'EVENTS_LOST' });
      expect(await reader.read()).toBeUndefined();
      expect(small.readerCount).toBe(0);
    });

    it('has an identity of broker, topic, key and maps, whatever filters and snapshots it has', () => {
      const source = broker.topic<number>('topic').source('key').map(double);

      const other = broker
        .topic<number>('topic')
        .source('key')
        .filter((n) => n > 1)
        .map(double)
        .startWith(() => [1]);

      expect(source.identity).toEqual({
        owner: broker,
        topic: 'topic',
        key: 'key',
        maps: [double],
      });
      expect(other.identity).toEqual(source.identity);
    });
  });

  describe('filter and map', () => {
    it('run in the order of the calls', async () => {
      const source = broker
        .topic<number>('topic')
        .source()
        .filter((n) => n > 1)
        .map((n) => n * 10)
        .filter((n) => n < 40)
        .map((n) => `<${n}>`);

      expect(await run(source, [1, 2, 3, 4])).toEqual(['<20>', '<30>']);
    });

    it('leave the source alone that they were called on', async () => {
      const source = broker.topic<number>('topic').source();
      source.filter(() => false);
      source.map(String);

      expect(await run(source, [1])).toEqual([1]);
    });

    it.each<[string, unknown, boolean]>([
      ['1', 1, true],
      ['a text', 'yes', true],
      ['an object', {}, true],
      ['0', 0, false],
      ['undefined', undefined, false],
      ['a promise of 1', Promise.resolve(1), true],
      ['a promise of nothing', Promise.resolve(), false],
    ])('keep an event by whether the answer is truthy: %s', async (_, answer, keeps) => {
      const source = broker
        .topic<number>('topic')
        .source()
        .filter(() => answer);

      expect(await run(source, [1])).toEqual(keeps ? [1] : []);
    });

    it('await what a map promises', async () => {
      const source = broker
        .topic<number>('topic')
        .source()
        .map(async (n) => n + 1)
        .filter((n) => n === 2);

      expect(await run(source, [1, 2])).toEqual([2]);
    });

    it('keep the order of events whatever takes how long', async () => {
      const source = broker
        .topic<number>('topic')
        .source()
        .map((n) => (n % 2 === 0 ? Promise.resolve(n) : n))
        .filter((n) => (n % 3 === 0 ? Promise.resolve(true) : true));

      const events = Array.from({ length: 50 }, (_, i) => i);
      expect(await run(source, events)).toEqual(events);
    });

    it.each([
      ['a filter throws', (source: TopicSource<number>) => source.filter(failOnTwo)],
      [
        'a filter rejects',
        (source: TopicSource<number>) => source.filter(async (n) => failOnTwo(n)),
      ],
      ['a map throws', (source: TopicSource<number>) => source.map(failOnTwo)],
      ['a map rejects', (source: TopicSource<number>) => source.map(async (n) => failOnTwo(n))],
    ])('fail one event when %s, and go on', async (_, add) => {
      const topic = broker.topic<number>('topic');
      const reader = await add(topic.source()).open();
      const positions = await topic.publishMany([1, 2, 3]);

      const items = [await reader.read(), await reader.read(), await reader.read()];

      expect(items).toMatchObject([
        { kind: 'event', event: 1 },
        { kind: 'event-error', error: new Error('two'), position: positions[1] },
        { kind: 'event', event: 3 },
      ]);
      await reader.close();
    });

    it('fail an event with whatever was thrown, also if it is no error', async () => {
      const source = broker
        .topic<number>('topic')
        .source()
        .map(() => Promise.reject('text')); // oxlint-disable-line typescript/prefer-promise-reject-errors
      const reader = await source.open();
      await broker.topic<number>('topic').publish(1);

      expect(await reader.read()).toMatchObject({ kind: 'event-error', error: 'text' });
      await reader.close();
    });

    it('make no promise for events that a filter drops', async () => {
      const source = broker
        .topic<number>('topic')
        .source()
        .filter((n) => n === 100);
      const reader = await source.open();
      await broker.topic<number>('topic').publishMany(Array.from({ length: 101 }, (_, i) => i));
      const arrived = vi.fn<(item: unknown) => void>();
      const pending = reader.read().then(arrived);

      for (let turn = 0; turn < 20; turn++) await Promise.resolve();

      expect(arrived).toHaveBeenCalledWith(expect.objectContaining({ event: 100 }));
      await pending;
      await reader.close();
    });
  });

  describe('events that are functions', () => {
    it('pass maps by composition', async () => {
      const topic = broker.topic<number>('topic');
      const reader = await topic
        .source()
        .map((n) => n * 2)
        .map(async (n) => `${n}!`)
        .open();

      await topic.publish((context) => Number(context));
      await topic.publish(async (context) => Number(context) + 1);

      const items = [await reader.read(), await reader.read()];
      const results = await Promise.all(items.map((item) => evaluate(item, 21)));
      expect(results).toEqual(['42!', '44!']);
      await reader.close();
    });

    it('reject at delivery when a map throws', async () => {
      const topic = broker.topic<number>('topic');
      const reader = await topic.source().map(failOnTwo).open();

      await topic.publish(() => 2);

      await expect(evaluate(await reader.read(), undefined)).rejects.toThrow('two');
      await reader.close();
    });

    it('fail at a filter, which cannot judge them', async () => {
      const topic = broker.topic<number>('topic');
      const reader = await topic
        .source()
        .filter(() => true)
        .open();

      await topic.publish(() => 1);
      await topic.publish(2);

      expect(await reader.read()).toMatchObject({
        kind: 'event-error',
        error: expect.any(UsageError),
      });
      expect(await reader.read()).toMatchObject({ kind: 'event', event: 2 });
      await reader.close();
    });
  });

  describe('startWith', () => {
    it.each([
      ['an array', () => [1, 2]],
      ['a promise of an array', async () => [1, 2]],
      ['a set', () => new Set([1, 2])],
      [
        'a generator',
        () =>
          (function* () {
            yield* [1, 2];
          })(),
      ],
      [
        'an async generator',
        () =>
          (async function* () {
            yield* [1, 2];
          })(),
      ],
      [
        'a promise of an async generator',
        async () =>
          (async function* () {
            yield* [1, 2];
          })(),
      ],
    ])('puts %s before the live events', async (_, snapshot) => {
      const source = broker.topic<number>('topic').source().startWith(snapshot);

      expect(await run(source, [3, 4])).toEqual([1, 2, 3, 4]);
    });

    it('misses nothing that is published while the snapshot is read', async () => {
      const topic = broker.topic<number>('topic');
      const source = topic.source().startWith(async () => {
        await topic.publish(2);
        return [1];
      });
      const reader = await source.open();

      expect(await reader.read()).toEqual({ kind: 'event', event: 1 });
      expect(await reader.read()).toMatchObject({ kind: 'event', event: 2 });
      await reader.close();
    });

    it('sends the snapshot through the steps that follow, not through those before', async () => {
      const source = broker
        .topic<number>('topic')
        .source()
        .filter((n) => n > 10)
        .startWith(() => [1, 2])
        .map((n) => -n);

      expect(await run(source, [3, 11])).toEqual([-1, -2, -11]);
    });

    it('puts a later snapshot before an earlier one', async () => {
      const source = broker
        .topic<number>('topic')
        .source()
        .startWith(() => [2])
        .map((n) => n * 10)
        .startWith(() => [1]);

      expect(await run(source, [3])).toEqual([1, 20, 30]);
    });

    it('gives a long snapshot whole', async () => {
      const rows = Array.from({ length: 1_000 }, (_, i) => i);

      expect(
        await run(
          broker
            .topic<number>('topic')
            .source()
            .startWith(() => rows),
          [1_000],
        ),
      ).toEqual([...rows, 1_000]);
    });

    it.each([
      [
        'throws',
        () => {
          throw new Error('snapshot');
        },
      ],
      ['rejects', () => Promise.reject(new Error('snapshot'))],
      [
        'fails half-way',
        () =>
          (async function* () {
            yield* failingRows();
          })(),
      ],
    ])('fails the source when the snapshot %s, and lets go of its reader', async (_, snapshot) => {
      const reader = await broker.topic<number>('topic').source().startWith(snapshot).open();

      await expect(reader.read()).rejects.toThrow('snapshot');
      expect(await reader.read()).toBeUndefined();
      expect(broker.readerCount).toBe(0);
    });

    it('does not start what a snapshot gives after the reader was closed', async () => {
      const started = vi.fn<() => void>();
      const snapshot = vi.fn<() => Promise<AsyncIterable<number>>>();
      const { promise, resolve } = promiseWithResolvers<AsyncIterable<number>>();
      const reader = await broker
        .topic<number>('topic')
        .source()
        .startWith(snapshot.mockReturnValue(promise))
        .open();
      const pending = reader.read();
      for (let turn = 0; turn < 20; turn++) await Promise.resolve();
      expect(snapshot).toHaveBeenCalledTimes(1);

      await reader.close();
      resolve({
        [Symbol.asyncIterator]: () => {
          started();
          return { next: () => new Promise(() => {}) };
        },
      });

      expect(await pending).toBeUndefined();
      for (let turn = 0; turn < 20; turn++) await Promise.resolve();
      expect(started).not.toHaveBeenCalled();
    });

    it('leaves a snapshot that is being iterated when the reader is closed', async () => {
      const left = vi.fn<() => void>();
      const rows = function* () {
        try {
          for (let i = 0; ; i++) yield i;
        } finally {
          left();
        }
      };
      const reader = await broker.topic<number>('topic').source().startWith(rows).open();
      await reader.read();

      await reader.close();

      expect(left).toHaveBeenCalledTimes(1);
    });
  });

  describe('as an async iterable', () => {
    it('gives the bare events of one loop, and lets go when the loop is left', async () => {
      const topic = broker.topic<number>('topic');
      const source = topic.source();
      await topic.publishMany([1, 2, 3]);
      const events: number[] = [];

      for await (const event of source) {
        events.push(event);
        if (event === 2) break;
      }

      expect(events).toEqual([1, 2]);
      expect(broker.readerCount).toBe(0);
    });

    it('is open from the moment in which the iterator is made', () => {
      const iterator = broker.topic<number>('topic').source()[Symbol.asyncIterator]();

      expect(broker.readerCount).toBe(1);
      return iterator.return?.();
    });

    it('ends a loop with the error of one event', async () => {
      const topic = broker.topic<number>('topic');
      const source = topic.source().map(failOnTwo);
      await topic.publishMany([1, 2, 3]);

      const loop = async () => {
        for await (const event of source) expect(event).toBe(1);
      };

      await expect(loop()).rejects.toThrow('two');
      expect(broker.readerCount).toBe(0);
    });

    it('can be left while an event is awaited', async () => {
      const iterator = broker.topic<number>('topic').source()[Symbol.asyncIterator]();
      const pending = iterator.next();

      await iterator.return?.();

      expect(await pending).toEqual({ done: true, value: undefined });
      expect(broker.readerCount).toBe(0);
    });

    it('reports a source that cannot be opened at the first pull, and nowhere else', async () => {
      const source = broker.topic<number>('topic').source();
      await broker.close();

      const iterator = source[Symbol.asyncIterator]();

      await expect(iterator.next()).rejects.toMatchObject({ code: 'BROKER_CLOSED' });
      expect(await iterator.next()).toEqual({ done: true, value: undefined });
    });
  });

  it('works with any broker', async () => {
    const read: Broker['read'] = vi.fn<Broker['read']>((...parameters) =>
      broker.read(...parameters),
    );
    const remote: Broker = {
      name: 'remote',
      capabilities: broker.capabilities,
      readerCount: 0,
      publish: (...parameters) => broker.publish(...parameters),
      publishMany: (...parameters) => broker.publishMany(...parameters),
      head: (...parameters) => broker.head(...parameters),
      headNow: () => undefined,
      read,
      topic: <Event>(name: string) => createTopic<Event>(remote, name),
      close: () => broker.close(),
    };
    const topic = remote.topic<number>('topic');
    const source = topic.source('key');
    await topic.publish(1, { key: 'key' });

    const reader = await source.open();
    await topic.publish(2, { key: 'key' });

    expect(read).toHaveBeenCalledWith('topic', 'key', undefined);
    expect(await reader.read()).toMatchObject({ event: 2 });
    await reader.close();
  });
});

function failingRows(): Iterable<number> {
  throw new Error('snapshot');
}

async function readAll(reader: SourceReader<unknown>): Promise<unknown[]> {
  const events: unknown[] = [];
  for (let item = await reader.read(); item !== undefined; item = await reader.read()) {
    events.push(item.kind === 'event' ? item.event : item.error);
  }
  return events;
}

async function evaluate(item: unknown, context: unknown): Promise<unknown> {
  const { event } = item as { readonly event: (context: unknown) => unknown };
  return event(context);
}

function double(n: number): number {
  return n * 2;
}

function failOnTwo(n: number): number {
  if (n === 2) throw new Error('two');
  return n;
}

function promiseWithResolvers<Value>(): {
  readonly promise: Promise<Value>;
  readonly resolve: (value: Value) => void;
} {
  let settle: ((value: Value) => void) | undefined;
  const promise = new Promise<Value>((resolve) => {
    settle = resolve;
  });
  return { promise, resolve: (value) => settle?.(value) };
}

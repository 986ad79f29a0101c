import { afterEach, beforeEach, describe, expect, it } from 'vitest';

import type { Broker, LogReader, TopicSource } from '../../src/broker/types.ts';
import { SourceError } from '../../src/errors.ts';
import type { Position } from '../../src/vocabulary.ts';

/** What a broker under test has to be made with. */
export interface BrokerContractOptions {
  /** Events that a log keeps; as many as the broker keeps anyway without it. */
  readonly retainedEvents?: number;
}

/** Makes a broker of its own for one test; everything that it needs ends with `broker.close()`. */
export type CreateBroker = (options: BrokerContractOptions) => Promise<Broker>;

interface Message {
  readonly n: number;
}

const numbers = (count: number, first = 0) =>
  Array.from({ length: count }, (_, i) => ({ n: first + i }));

/** What every broker must do; capabilities that it does not have are not asked for. */
export function brokerContract(name: string, create: CreateBroker): void {
  describe(`broker contract: ${name}`, () => {
    let broker: Broker;

    beforeEach(async () => {
      broker = await create({});
    });
    afterEach(async () => {
      await broker.close();
    });

    async function recreate(options: BrokerContractOptions): Promise<void> {
      await broker.close();
      broker = await create(options);
    }

    async function publishAll(key: string, messages: readonly Message[]): Promise<Position[]> {
      const positions: Position[] = [];
      for (const message of messages) positions.push(await broker.publish('topic', key, message));
      return positions;
    }

    describe('publishing', () => {
      it('accepts an event that nobody reads', async () => {
        const position = await broker.publish('topic', 'key', { n: 1 });

        expect(await broker.head('topic', 'key')).toEqual(position);
      });

      it('gives each event of a log a position of its own in one epoch', async () => {
        const positions = await publishAll('key', numbers(10));

        expect(new Set(positions.map((position) => position.offset)).size).toBe(10);
        expect(new Set(positions.map((position) => position.epoch)).size).toBe(1);
      });

      it('publishes many events in their order', async () => {
        const reader = await broker.read('topic', 'key', undefined);

        const positions = await broker.publishMany('topic', 'key', numbers(5));

        const entries = await take(reader, 5);
        expect(entries.map((entry) => entry.event)).toEqual(numbers(5));
        expect(entries.map((entry) => entry.position)).toEqual(positions);
      });

      it('publishes no events at all', async () => {
        expect(await broker.publishMany('topic', 'key', [])).toEqual([]);
      });

      it('says when it accepted an event', async () => {
        const reader = await broker.read('topic', 'key', undefined);

        await broker.publish('topic', 'key', { n: 1 });

        const [entry] = await take(reader, 1);
        expect(entry?.publishedAt).toEqual(expect.any(Number));
      });

      it('does not wait for a reader that does not read', async () => {
        await broker.read('topic', 'key', undefined);

        const positions = await publishAll('key', numbers(300));

        expect(positions).toHaveLength(300);
      });
    });

    describe('reading', () => {
      it('gives each reader every event of its log in the order of publication', async () => {
        const readers = await Promise.all(
          [1, 2, 3].map(() => broker.read('topic', 'key', undefined)),
        );

        await publishAll('key', numbers(50));

        for (const reader of readers) expect(await takeEvents(reader, 50)).toEqual(numbers(50));
      });

      it('keeps the order when nobody awaits the publications', async () => {
        const reader = await broker.read('topic', 'key', undefined);

        await Promise.all(numbers(50).map((message) => broker.publish('topic', 'key', message)));

        expect(await takeEvents(reader, 50)).toEqual(numbers(50));
      });

      it('does not mix topics or keys, however they are spelled', async () => {
        const logs = [
          ['topic', ''],
          ['topic', 'a'],
          ['', 'topic'],
          ['topic:a', ''],
          ['topic', ':a'],
          ['__proto__', 'constructor'],
        ] as const;
        const readers = await Promise.all(
          logs.map(([topic, key]) => broker.read(topic, key, undefined)),
        );

        for (const [i, [topic, key]] of logs.entries()) await broker.publish(topic, key, { n: i });

        for (const [i, reader] of readers.entries())
          expect(await takeEvents(reader, 1)).toEqual([{ n: i }]);
      });

      it('is registered before `read` resolves: what is published then is not missed', async () => {
        const reader = await broker.read('topic', 'key', undefined);
        await broker.publish('topic', 'key', { n: 1 });

        expect(await takeEvents(reader, 1)).toEqual([{ n: 1 }]);
      });

      it('starts after the head when no position is given', async () => {
        await publishAll('key', numbers(3));

        const reader = await broker.read('topic', 'key', undefined);
        await publishAll('key', numbers(1, 3));

        expect(reader.complete).toBe(true);
        expect(await takeEvents(reader, 1)).toEqual([{ n: 3 }]);
      });

      it('serves readers that differ in speed', async () => {
        const quick = await broker.read('topic', 'key', undefined);
        const slow = await broker.read('topic', 'key', undefined);
        for (const message of numbers(100)) {
          await broker.publish('topic', 'key', message);
          expect(await takeEvents(quick, 1)).toEqual([message]);
        }

        expect(await takeEvents(slow, 100)).toEqual(numbers(100));
      });

      it('serves a thousand keys', async () => {
        const keys = Array.from({ length: 1_000 }, (_, i) => `key ${i}`);
        const readers = await Promise.all(keys.map((key) => broker.read('topic', key, undefined)));

        await Promise.all(keys.map((key, i) => broker.publish('topic', key, { n: i })));

        const events = await Promise.all(readers.map((reader) => takeEvents(reader, 1)));
        expect(events).toEqual(keys.map((_, i) => [{ n: i }]));
      });

      it('gives batches that are not empty', async () => {
        const reader = await broker.read('topic', 'key', undefined);
        await broker.publishMany('topic', 'key', numbers(500));

        for (let count = 0; count < 500;) {
          const batch = await reader.read();
          expect(batch?.length).toBeGreaterThan(0);
          count += batch?.length ?? 0;
        }
      });
    });

    describe('leaving', () => {
      it('ends a pending read when the reader is closed', async () => {
        const reader = await broker.read('topic', 'key', undefined);
        const pending = reader.read();

        await reader.close();

        expect(await pending).toBeUndefined();
        expect(await reader.read()).toBeUndefined();
      });

      it('gives nothing after close, also of what was published before', async () => {
        const reader = await broker.read('topic', 'key', undefined);
        await broker.publish('topic', 'key', { n: 1 });

        await reader.close();

        expect(await reader.read()).toBeUndefined();
      });

      it('may be closed twice', async () => {
        const reader = await broker.read('topic', 'key', undefined);

        await reader.close();

        await expect(reader.close()).resolves.toBeUndefined();
      });

      it.each([
        ['first', 0],
        ['middle', 1],
        ['last', 2],
      ])('leaves the others alone when the %s reader of a log is closed', async (_, leaving) => {
        const readers = await Promise.all(
          [1, 2, 3].map(() => broker.read('topic', 'key', undefined)),
        );

        await readers[leaving]?.close();
        await broker.publish('topic', 'key', { n: 1 });

        for (const reader of readers.filter((__, i) => i !== leaving)) {
          expect(await takeEvents(reader, 1)).toEqual([{ n: 1 }]);
        }
      });

      it('counts the readers that are open', async () => {
        const reader = await broker.read('topic', 'key', undefined);
        await broker.read('topic', 'key', undefined);
        expect(broker.readerCount).toBe(2);

        await reader.close();
        await reader.close();

        expect(broker.readerCount).toBe(1);
      });

      it('serves a new reader after all others have left', async () => {
        const first = await broker.read('topic', 'key', undefined);
        await first.close();

        const second = await broker.read('topic', 'key', undefined);
        await broker.publish('topic', 'key', { n: 1 });

        expect(await takeEvents(second, 1)).toEqual([{ n: 1 }]);
      });

      it('is not disturbed by a consumer that throws', async () => {
        const other = await broker.read('topic', 'key', undefined);
        const reader = await broker.read('topic', 'key', undefined);
        const consume = async () => {
          await reader.read();
          throw new Error('consumer');
        };
        const outcome = Promise.allSettled([consume()]);
        await broker.publish('topic', 'key', { n: 1 });
        expect(await outcome).toMatchObject([{ status: 'rejected' }]);

        await broker.publish('topic', 'key', { n: 2 });

        expect(await takeEvents(other, 2)).toEqual([{ n: 1 }, { n: 2 }]);
      });
    });

    describe('replay', () => {
      it('gives what follows a position, strictly, and then what is published, without a seam', async (test) => {
        test.skip(!broker.capabilities.replay, 'the broker cannot replay');
        const positions = await publishAll('key', numbers(10));

        const reader = await broker.read('topic', 'key', positions[3]);
        await publishAll('key', numbers(5, 10));

        expect(reader.complete).toBe(true);
        expect(await takeEvents(reader, 11)).toEqual(numbers(11, 4));
      });

      it('has nothing to replay at the head', async (test) => {
        test.skip(!broker.capabilities.replay, 'the broker cannot replay');
        await publishAll('key', numbers(3));

        const reader = await broker.read('topic', 'key', await broker.head('topic', 'key'));
        await publishAll('key', numbers(1, 3));

        expect(reader.complete).toBe(true);
        expect(await takeEvents(reader, 1)).toEqual([{ n: 3 }]);
      });

      it('replays from the head of a log without events', async (test) => {
        test.skip(!broker.capabilities.replay, 'the broker cannot replay');
        const head = await broker.head('topic', 'key');
        await publishAll('key', numbers(3));

        const reader = await broker.read('topic', 'key', head);

        expect(reader.complete).toBe(true);
        expect(await takeEvents(reader, 3)).toEqual(numbers(3));
      });

      it('says what it holds', async (test) => {
        test.skip(!broker.capabilities.replay, 'the broker cannot replay');
        const positions = await publishAll('key', numbers(3));

        const reader = await broker.read('topic', 'key', undefined);

        expect(reader.epoch).toBe(positions[0]?.epoch);
        expect(reader.earliest).toEqual(positions[0]);
        expect(reader.head).toEqual(positions[2]);
      });

      it('replays nothing when something after the position was removed', async (test) => {
        test.skip(!broker.capabilities.replay, 'the broker cannot replay');
        await recreate({ retainedEvents: 10 });
        const positions = await publishAll('key', numbers(20));

        const reader = await broker.read('topic', 'key', positions[3]);
        await publishAll('key', numbers(1, 20));

        expect(reader.complete).toBe(false);
        expect(await takeEvents(reader, 1)).toEqual([{ n: 20 }]);
      });

      it('replays all when the position itself was the last to be removed', async (test) => {
        test.skip(!broker.capabilities.replay, 'the broker cannot replay');
        await recreate({ retainedEvents: 10 });
        const positions = await publishAll('key', numbers(20));

        const reader = await broker.read('topic', 'key', positions[9]);

        expect(reader.complete).toBe(true);
        expect(await takeEvents(reader, 10)).toEqual(numbers(10, 10));
      });

      it.each([
        ['of another epoch', (head: Position) => ({ ...head, epoch: 'another' })],
        ['that nobody issued', (head: Position) => ({ ...head, offset: 'no offset' })],
        ['with an empty offset', (head: Position) => ({ ...head, offset: '' })],
      ])('replays nothing after a position %s', async (_, change) => {
        await publishAll('key', numbers(3));

        const reader = await broker.read('topic', 'key', change(await broker.head('topic', 'key')));
        await publishAll('key', numbers(1, 3));

        expect(reader.complete).toBe(false);
        expect(await takeEvents(reader, 1)).toEqual([{ n: 3 }]);
      });

      it('tells a reader that it fell behind, and what it missed, before any later event', async (test) => {
        test.skip(!broker.capabilities.replay, 'the broker cannot replay');
        await recreate({ retainedEvents: 10 });
        const reader = await broker.read('topic', 'key', undefined);
        const other = await broker.read('topic', 'key', undefined);

        for (const message of numbers(30)) {
          await broker.publish('topic', 'key', message);
          expect(await takeEvents(other, 1)).toEqual([message]);
        }

        await expect(reader.read()).rejects.toMatchObject({
          name: 'SourceError',
          code: 'EVENTS_LOST',
        });
        expect(await reader.read()).toBeUndefined();
      });
    });

    describe('recovery', () => {
      it('opens readers at all positions at once, each of whom gets what follows', async (test) => {
        test.skip(!broker.capabilities.replay, 'the broker cannot replay');
        const positions = await broker.publishMany('topic', 'key', numbers(200));

        const readers = await Promise.all(
          numbers(1_000).map(({ n }) => broker.read('topic', 'key', positions[n % 200])),
        );
        await broker.publish('topic', 'key', { n: 200 });

        for (const [i, reader] of readers.entries()) {
          expect(reader.complete).toBe(true);
          const expected = numbers(200 - (i % 200), (i % 200) + 1);
          expect(await takeEvents(reader, expected.length)).toEqual(expected);
        }
      });

      it('neither misses nor repeats anything for readers who begin while much is published', async (test) => {
        test.skip(!broker.capabilities.ordered, 'the broker keeps no order');
        const progress = { accepted: 0 };
        const publishing = (async () => {
          while (progress.accepted < 900) {
            await broker.publishMany('topic', 'key', numbers(10, progress.accepted));
            progress.accepted += 10;
          }
        })();

        const begun: { reader: LogReader; before: number; after: number }[] = [];
        while (progress.accepted < 800) {
          const before = progress.accepted;
          const reader = await broker.read('topic', 'key', undefined);
          begun.push({ reader, before, after: progress.accepted });
        }
        await publishing;

        for (const { reader, before, after } of begun) {
          const events = await takeThrough(reader, 899);
          const first = 900 - events.length;
          expect(events).toEqual(numbers(events.length, first));
          expect(first).toBeGreaterThanOrEqual(before);
          expect(first).toBeLessThanOrEqual(after);
        }
      });

      it('lets a reader that was told of a loss begin again where the log still can', async (test) => {
        test.skip(!broker.capabilities.replay, 'the broker cannot replay');
        await recreate({ retainedEvents: 10 });
        const slow = await broker.read('topic', 'key', undefined);
        const quick = await broker.read('topic', 'key', undefined);
        const positions: Position[] = [];
        for (const message of numbers(30)) {
          positions.push(await broker.publish('topic', 'key', message));
          expect(await takeEvents(quick, 1)).toEqual([message]);
        }
        await expect(slow.read()).rejects.toMatchObject({ code: 'EVENTS_LOST' });

        const tooEarly = await broker.read('topic', 'key', positions[5]);
        const early = await broker.read('topic', 'key', positions[19]);

        expect([tooEarly.complete, early.complete]).toEqual([false, true]);
        expect(await takeEvents(early, 10)).toEqual(numbers(10, 20));
        await broker.publish('topic', 'key', { n: 30 });
        expect(await takeEvents(tooEarly, 1)).toEqual([{ n: 30 }]);
      });
    });

    describe('idempotency', () => {
      it('adds one event for publications with one id and tells each its position', async () => {
        const reader = await broker.read('topic', 'key', undefined);

        const first = await broker.publish('topic', 'key', { n: 1 }, { idempotencyId: 'a' });
        const second = await broker.publish('topic', 'key', { n: 1 }, { idempotencyId: 'a' });
        await broker.publish('topic', 'key', { n: 2 }, { idempotencyId: 'b' });

        expect(second).toEqual(first);
        expect(await takeEvents(reader, 2)).toEqual([{ n: 1 }, { n: 2 }]);
      });

      it('keeps the ids of two logs apart', async () => {
        const reader = await broker.read('topic', 'second', undefined);

        await broker.publish('topic', 'first', { n: 1 }, { idempotencyId: 'a' });
        await broker.publish('topic', 'second', { n: 2 }, { idempotencyId: 'a' });

        expect(await takeEvents(reader, 1)).toEqual([{ n: 2 }]);
      });

      it('completes a batch of which a part was published before', async () => {
        const reader = await broker.read('topic', 'key', undefined);

        const part = await broker.publishMany('topic', 'key', numbers(2), {
          idempotencyId: 'batch',
        });
        const all = await broker.publishMany('topic', 'key', numbers(4), {
          idempotencyId: 'batch',
        });

        expect(all.slice(0, 2)).toEqual(part);
        expect(await takeEvents(reader, 4)).toEqual(numbers(4));
      });
    });

    describe('topics', () => {
      it('carry events from publish to source', async () => {
        const topic = broker.topic<Message>('topic');
        const reader = await topic.source('key').open();

        await topic.publish({ n: 1 }, { key: 'key' });
        await topic.publish({ n: 2 });
        await topic.publishMany(numbers(2, 3), { key: 'key' });

        expect(await takeFromSource(reader, 3)).toEqual([{ n: 1 }, { n: 3 }, { n: 4 }]);
        await reader.close();
      });

      it('begin at `source` where the head is known at once, and otherwise at `open`', async () => {
        const topic = broker.topic<Message>('topic');
        await topic.publish({ n: 0 }, { key: 'key' });
        const isKnownAtOnce = broker.headNow('topic', 'key') !== undefined;
        const expected = isKnownAtOnce ? [{ n: 1 }, { n: 2 }] : [{ n: 2 }];
        const source: TopicSource<Message> = topic.source('key');

        await topic.publish({ n: 1 }, { key: 'key' });
        const reader = await source.open();
        await topic.publish({ n: 2 }, { key: 'key' });

        expect(await takeFromSource(reader, expected.length)).toEqual(expected);
        await reader.close();
      });

      it('miss nothing that is published after `open` resolved', async () => {
        const topic = broker.topic<Message>('topic');
        const reader = await topic.source('key').open();

        await topic.publish({ n: 1 }, { key: 'key' });

        expect(await takeFromSource(reader, 1)).toEqual([{ n: 1 }]);
        await reader.close();
      });
    });

    describe('closing', () => {
      it('ends readers, pending or not', async () => {
        const waiting = await broker.read('topic', 'key', undefined);
        const idle = await broker.read('topic', 'key', undefined);
        const pending = waiting.read();

        await broker.close();

        expect(await pending).toBeUndefined();
        expect(await idle.read()).toBeUndefined();
        await expect(idle.close()).resolves.toBeUndefined();
      });

      it('refuses everything afterwards', async () => {
        const topic = broker.topic<Message>('topic');
        const source = topic.source('key');

        await broker.close();

        const refusals = await Promise.allSettled([
          broker.publish('topic', 'key', { n: 1 }),
          broker.publishMany('topic', 'key', numbers(2)),
          broker.head('topic', 'key'),
          broker.read('topic', 'key', undefined),
          topic.publish({ n: 1 }),
          source.open(),
          topic.source('key').open(),
        ]);
        expect(
          refusals.map((refusal) => refusal.status === 'rejected' && codeOf(refusal.reason)),
        ).toEqual(refusals.map(() => 'BROKER_CLOSED'));
      });

      it('may happen twice', async () => {
        await broker.close();

        await expect(broker.close()).resolves.toBeUndefined();
      });
    });
  });
}

function codeOf(error: unknown): string | undefined {
  return error instanceof SourceError ? error.code : undefined;
}

async function take(reader: LogReader, count: number) {
  const entries = [];
  while (entries.length < count) {
    const batch = await reader.read();
    if (batch === undefined) break;
    entries.push(...batch);
  }
  return entries;
}

async function takeEvents(reader: LogReader, count: number): Promise<unknown[]> {
  return (await take(reader, count)).map((entry) => entry.event);
}

/** Everything up to the event with this number. */
async function takeThrough(reader: LogReader, n: number): Promise<readonly unknown[]> {
  const events: unknown[] = [];
  for (;;) {
    const batch = await reader.read();
    if (batch === undefined) return events;
    events.push(...batch.map(({ event }) => event));
    if ((events.at(-1) as Message).n === n) return events; // nothing else is published there
  }
}

async function takeFromSource(
  reader: Awaited<ReturnType<TopicSource<Message>['open']>>,
  count: number,
): Promise<unknown[]> {
  const events: unknown[] = [];
  while (events.length < count) {
    const item = await reader.read();
    if (item?.kind !== 'event') break;
    events.push(item.event);
  }
  return events;
}

import fc from 'fast-check';
import { createMemoryBroker } from 'millrace/broker/memory';
import { describe, expect, it } from 'vitest';

import type { Position } from '../../src/vocabulary.ts';
import { brokerContract } from '../contract/broker-contract.ts';

brokerContract('memory', async ({ retainedEvents }) =>
  createMemoryBroker(retainedEvents === undefined ? {} : { events: retainedEvents }),
);

const event = (context: unknown) => `for ${String(context)}`;

describe('memory broker', () => {
  describe('capacity', () => {
    it('keeps no more logs without readers than it may, the least recently used leave first', async () => {
      const broker = createMemoryBroker({ idleLogs: 2 });

      await broker.publish('topic', 'a', 1);
      await broker.publish('topic', 'b', 1);
      await broker.publish('topic', 'a', 2);
      await broker.publish('topic', 'c', 1);

      expect(broker.logCount).toBe(2);
      const kept = await broker.read('topic', 'a', undefined);
      expect(kept.earliest).toBeDefined();
      const dropped = await broker.read('topic', 'b', undefined);
      expect(dropped.earliest).toBeUndefined();
    });

    it('keeps at most ten thousand logs without readers by default, also when keys are only looked at', async () => {
      const broker = createMemoryBroker();

      for (let i = 0; i < 10_500; i++) broker.headNow('topic', `key ${i}`);

      expect(broker.logCount).toBe(10_000);
    });

    it('never drops a log that somebody reads', async () => {
      const broker = createMemoryBroker({ idleLogs: 1 });
      const reader = await broker.read('topic', 'read', undefined);

      for (let i = 0; i < 10; i++) await broker.publish('topic', `other ${i}`, i);
      await broker.publish('topic', 'read', 'event');

      expect(broker.logCount).toBe(2);
      expect((await reader.read())?.[0]?.event).toBe('event');
    });

    it('lets the log that was published to least recently lose events first when all hold too much', async () => {
      const broker = createMemoryBroker({ totalBytes: 10_000 });
      const text = 'x'.repeat(1_000);
      const readers = await Promise.all(
        ['a', 'b', 'c'].map((key) => broker.read('topic', key, undefined)),
      );

      for (const key of ['a', 'b', 'c']) await broker.publishMany('topic', key, [text, text]);

      expect(broker.heldBytes).toBeLessThanOrEqual(10_000);
      await expect(readers[0]?.read()).rejects.toMatchObject({ code: 'EVENTS_LOST' });
      expect(await readers[1]?.read()).toHaveLength(2);
      expect(await readers[2]?.read()).toHaveLength(2);
    });

    it('holds an event that is larger than everything it may hold until the next comes', async () => {
      const broker = createMemoryBroker({ totalBytes: 1_000 });
      const reader = await broker.read('topic', 'key', undefined);

      await broker.publish('topic', 'key', 'x'.repeat(10_000));

      expect(await reader.read()).toHaveLength(1);
      await broker.publish('topic', 'other', 'small');
      expect(broker.heldBytes).toBeLessThanOrEqual(1_000);
    });

    it('lets go of old events in logs to which nobody publishes any more', async () => {
      let now = 0;
      const broker = createMemoryBroker({ now: () => now });
      for (let i = 0; i < 100; i++) await broker.publish('topic', `quiet ${i}`, 'x'.repeat(1_000));

      now = 120_001;
      for (let i = 0; i < 50; i++) await broker.publish('topic', 'busy', 'x');

      expect(broker.heldBytes).toBeLessThan(50 * 100);
    });

    it('does not replay events that are too old, also when nothing was published since', async () => {
      let now = 0;
      const broker = createMemoryBroker({ now: () => now, ageMs: 1_000 });
      const start = await broker.head('topic', 'key');
      await broker.publish('topic', 'key', 1);

      now = 1_001;
      const reader = await broker.read('topic', 'key', start);

      expect(reader.complete).toBe(false);
      expect(broker.heldBytes).toBe(0);
    });

    it('forgets ids with their events', async () => {
      const broker = createMemoryBroker({ events: 2 });
      const first = await broker.publish('topic', 'key', 1, { idempotencyId: 'a' });
      await broker.publish('topic', 'key', 2, { idempotencyId: 'b' });
      await broker.publish('topic', 'key', 3, { idempotencyId: 'c' });

      const again = await broker.publish('topic', 'key', 1, { idempotencyId: 'a' });

      expect(again).not.toEqual(first);
    });
  });

  describe('positions', () => {
    it('recognises that a log was dropped and made anew since', async () => {
      const broker = createMemoryBroker({ idleLogs: 1 });
      const old = await broker.publish('topic', 'key', 'seen');
      await broker.publish('topic', 'key', 'missed');
      await broker.publish('topic', 'other', 'event');
      await broker.publish('topic', 'key', 'new');

      const reader = await broker.read('topic', 'key', old);

      expect(reader.complete).toBe(false);
    });

    it('replays from the head of a dropped log if nothing can have followed it', async () => {
      const broker = createMemoryBroker({ idleLogs: 1 });
      const head = await broker.publish('topic', 'key', 'seen');
      await broker.publish('topic', 'other', 'event');
      await broker.publish('topic', 'key', 'new');

      const reader = await broker.read('topic', 'key', head);

      expect(reader.complete).toBe(true);
      expect((await reader.read())?.map((entry) => entry.event)).toEqual(['new']);
    });

    it('differ in epoch from those of another broker', async () => {
      const [first, second] = [createMemoryBroker(), createMemoryBroker()];

      expect((await first.head('topic', '')).epoch).not.toBe(
        (await second.head('topic', '')).epoch,
      );
    });

    it('never lead to a partial replay, whatever was dropped or removed meanwhile', async () => {
      const step = fc.oneof(
        fc.record({ kind: fc.constant('publish' as const), key: fc.nat(4) }),
        fc.record({ kind: fc.constant('look' as const), key: fc.nat(4) }),
        fc.record({ kind: fc.constant('resume' as const), key: fc.nat(4), back: fc.nat(8) }),
        fc.record({ kind: fc.constant('pass' as const), ms: fc.nat(40) }),
      );
      const options = fc.record({
        idleLogs: fc.nat(4),
        events: fc.integer({ min: 1, max: 5 }),
        totalBytes: fc.integer({ min: 50, max: 500 }),
      });
      await fc.assert(
        fc.asyncProperty(options, fc.array(step, { maxLength: 60 }), async (limits, steps) => {
          let now = 0;
          const broker = createMemoryBroker({ ...limits, ageMs: 100, now: () => now });
          /** Per key, each position that was ever seen and how many events had been published by then. */
          const seen = Array.from({ length: 5 }, (): { position: Position; count: number }[] => []);
          const counts = [0, 0, 0, 0, 0];

          for (const action of steps) {
            if (action.kind === 'pass') {
              now += action.ms;
              continue;
            }
            const key = String(action.key);
            const positions = seen[action.key] ?? [];
            const count = counts[action.key] ?? 0;
            if (action.kind === 'publish') {
              counts[action.key] = count + 1;
              positions.push({
                position: await broker.publish('topic', key, count),
                count: count + 1,
              });
            } else if (action.kind === 'look') {
              positions.push({ position: await broker.head('topic', key), count });
            } else {
              const from = positions.at(-1 - action.back);
              if (from === undefined) continue;
              const reader = await broker.read('topic', key, from.position);
              const replayed = reader.complete && from.count < count ? await reader.read() : [];
              const all = Array.from({ length: count - from.count }, (_, i) => from.count + i);
              expect(replayed?.map((entry) => entry.event)).toEqual(reader.complete ? all : []);
              await reader.close();
            }
            expect(broker.logCount).toBeLessThanOrEqual(limits.idleLogs);
          }
          expect(broker.readerCount).toBe(0);
          await broker.close();
          expect([broker.logCount, broker.heldBytes]).toEqual([0, 0]);
        }),
        { numRuns: 300 },
      );
    });
  });

  describe('gauges', () => {
    it('count readers from opening until they are closed, end or fail', async () => {
      const broker = createMemoryBroker({ events: 2 });
      const closed = await broker.read('topic', 'key', undefined);
      const behind = await broker.read('topic', 'key', undefined);
      const ended = await broker.read('topic', 'other', undefined);
      expect(broker.readerCount).toBe(3);

      await closed.close();
      await closed.close();
      expect(broker.readerCount).toBe(2);

      await broker.publishMany('topic', 'key', [1, 2, 3]);
      await expect(behind.read()).rejects.toThrow('left the log');
      await behind.close();
      expect(broker.readerCount).toBe(1);

      await broker.close();
      await ended.read();
      expect([broker.readerCount, broker.logCount]).toEqual([0, 0]);
    });

    it('show that a source holds nothing until it is opened', async () => {
      const broker = createMemoryBroker();
      const source = broker.topic<number>('topic').source().filter(Boolean);
      expect(broker.readerCount).toBe(0);

      const reader = await source.open();
      expect(broker.readerCount).toBe(1);
      await reader.close();

      expect(broker.readerCount).toBe(0);
    });
  });

  it('gives what it already accepted before it ends', async () => {
    const broker = createMemoryBroker();
    const reader = await broker.read('topic', 'key', undefined);
    await broker.publish('topic', 'key', 1);

    await broker.close();

    expect((await reader.read())?.[0]?.event).toBe(1);
    expect(await reader.read()).toBeUndefined();
  });

  it('carries functions', async () => {
    const broker = createMemoryBroker();
    const topic = broker.topic<string>('topic');
    const reader = await broker.read('topic', '', undefined);

    await topic.publish(event);

    expect((await reader.read())?.[0]?.event).toBe(event);
  });

  it('knows that topics are not keys of an object', async () => {
    const broker = createMemoryBroker();

    await broker.publish('__proto__', 'constructor', 1);

    expect(broker.logCount).toBe(1);
    expect((await broker.read('toString', 'x', undefined)).earliest).toBeUndefined();
  });
});

import { describe, expect, it } from 'vitest';

import { takeEvents } from '../support/log-readers.ts';
import { numbers } from './broker-stage.ts';
import type { BrokerStage } from './broker-stage.ts';

/** What every broker must give to its readers. */
export function describeReading(stage: BrokerStage): void {
  describe('reading', () => {
    it('gives each reader every event of its log in the order of publication', async () => {
      const readers = await Promise.all(
        [1, 2, 3].map(() => stage.broker.read('topic', 'key', undefined)),
      );

      await stage.publishAll('key', numbers(50));

      for (const reader of readers) expect(await takeEvents(reader, 50)).toEqual(numbers(50));
    });

    it('keeps the order when nobody awaits the publications', async () => {
      const reader = await stage.broker.read('topic', 'key', undefined);

      await Promise.all(
        numbers(50).map((message) => stage.broker.publish('topic', 'key', message)),
      );

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
        logs.map(([topic, key]) => stage.broker.read(topic, key, undefined)),
      );

      for (const [i, [topic, key]] of logs.entries())
        await stage.broker.publish(topic, key, { n: i });

      for (const [i, reader] of readers.entries())
        expect(await takeEvents(reader, 1)).toEqual([{ n: i }]);
    });

    it('is registered before `read` resolves: what is published then is not missed', async () => {
      const reader = await stage.broker.read('topic', 'key', undefined);
      await stage.broker.publish('topic', 'key', { n: 1 });

      expect(await takeEvents(reader, 1)).toEqual([{ n: 1 }]);
    });

    it('starts after the head when no position is given', async () => {
      await stage.publishAll('key', numbers(3));

      const reader = await stage.broker.read('topic', 'key', undefined);
      await stage.publishAll('key', numbers(1, 3));

      expect(reader.complete).toBe(true);
      expect(await takeEvents(reader, 1)).toEqual([{ n: 3 }]);
    });

    it('serves readers that differ in speed', async () => {
      const quick = await stage.broker.read('topic', 'key', undefined);
      const slow = await stage.broker.read('topic', 'key', undefined);
      for (const message of numbers(100)) {
        await stage.broker.publish('topic', 'key', message);
        expect(await takeEvents(quick, 1)).toEqual([message]);
      }

      expect(await takeEvents(slow, 100)).toEqual(numbers(100));
    });

    it('serves a thousand keys', async () => {
      const keys = Array.from({ length: 1_000 }, (_, i) => `key ${i}`);
      const readers = await Promise.all(
        keys.map((key) => stage.broker.read('topic', key, undefined)),
      );

      await Promise.all(keys.map((key, i) => stage.broker.publish('topic', key, { n: i })));

      const events = await Promise.all(readers.map((reader) => takeEvents(reader, 1)));
      expect(events).toEqual(keys.map((_, i) => [{ n: i }]));
    });

    it('gives batches that are not empty', async () => {
      const reader = await stage.broker.read('topic', 'key', undefined);
      await stage.broker.publishMany('topic', 'key', numbers(500));

      for (let count = 0; count < 500;) {
        const batch = await reader.read();
        expect(batch?.length).toBeGreaterThan(0);
        count += batch?.length ?? 0;
      }
    });
  });
}

/** What every broker must do when a reader leaves. */
export function describeLeaving(stage: BrokerStage): void {
  describe('leaving', () => {
    it('ends a pending read when the reader is closed', async () => {
      const reader = await stage.broker.read('topic', 'key', undefined);
      const pending = reader.read();

      await reader.close();

      expect(await pending).toBeUndefined();
      expect(await reader.read()).toBeUndefined();
    });

    it('gives nothing after close, also of what was published before', async () => {
      const reader = await stage.broker.read('topic', 'key', undefined);
      await stage.broker.publish('topic', 'key', { n: 1 });

      await reader.close();

      expect(await reader.read()).toBeUndefined();
    });

    it('may be closed twice', async () => {
      const reader = await stage.broker.read('topic', 'key', undefined);

      await reader.close();

      await expect(reader.close()).resolves.toBeUndefined();
    });

    it.each([
      ['first', 0],
      ['middle', 1],
      ['last', 2],
    ])('leaves the others alone when the %s reader of a log is closed', async (_, leaving) => {
      const readers = await Promise.all(
        [1, 2, 3].map(() => stage.broker.read('topic', 'key', undefined)),
      );

      await readers[leaving]?.close();
      await stage.broker.publish('topic', 'key', { n: 1 });

      for (const reader of readers.filter((__, i) => i !== leaving)) {
        expect(await takeEvents(reader, 1)).toEqual([{ n: 1 }]);
      }
    });

    it('counts the readers that are open', async () => {
      const reader = await stage.broker.read('topic', 'key', undefined);
      await stage.broker.read('topic', 'key', undefined);
      expect(stage.broker.readerCount).toBe(2);

      await reader.close();
      await reader.close();

      expect(stage.broker.readerCount).toBe(1);
    });

    it('serves a new reader after all others have left', async () => {
      const first = await stage.broker.read('topic', 'key', undefined);
      await first.close();

      const second = await stage.broker.read('topic', 'key', undefined);
      await stage.broker.publish('topic', 'key', { n: 1 });

      expect(await takeEvents(second, 1)).toEqual([{ n: 1 }]);
    });

    it('is not disturbed by a consumer that throws', async () => {
      const other = await stage.broker.read('topic', 'key', undefined);
      const reader = await stage.broker.read('topic', 'key', undefined);
      const consume = async () => {
        await reader.read();
        throw new Error('consumer');
      };
      const outcome = Promise.allSettled([consume()]);
      await stage.broker.publish('topic', 'key', { n: 1 });
      expect(await outcome).toMatchObject([{ status: 'rejected' }]);

      await stage.broker.publish('topic', 'key', { n: 2 });

      expect(await takeEvents(other, 2)).toEqual([{ n: 1 }, { n: 2 }]);
    });
  });
}

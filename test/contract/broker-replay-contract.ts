import { describe, expect, it } from 'vitest';

import type { LogReader } from '../../src/broker/types.ts';
import type { Position } from '../../src/vocabulary.ts';
import { takeEvents } from '../support/log-readers.ts';
import { numbers } from './broker-stage.ts';
import type { BrokerStage, Message } from './broker-stage.ts';

/** What every broker must do for who was there before. */
export function describeReplay(stage: BrokerStage): void {
  describe('replay', () => {
    it('gives what follows a position, strictly, and then what is published, without a seam', async (test) => {
      test.skip(!stage.broker.capabilities.replay, 'the broker cannot replay');
      const positions = await stage.publishAll('key', numbers(10));

      const reader = await stage.broker.read('topic', 'key', positions[3]);
      await stage.publishAll('key', numbers(5, 10));

      expect(reader.complete).toBe(true);
      expect(await takeEvents(reader, 11)).toEqual(numbers(11, 4));
    });

    it('has nothing to replay at the head', async (test) => {
      test.skip(!stage.broker.capabilities.replay, 'the broker cannot replay');
      await stage.publishAll('key', numbers(3));

      const reader = await stage.broker.read(
        'topic',
        'key',
        await stage.broker.head('topic', 'key'),
      );
      await stage.publishAll('key', numbers(1, 3));

      expect(reader.complete).toBe(true);
      expect(await takeEvents(reader, 1)).toEqual([{ n: 3 }]);
    });

    it('replays from the head of a log without events', async (test) => {
      test.skip(!stage.broker.capabilities.replay, 'the broker cannot replay');
      const head = await stage.broker.head('topic', 'key');
      await stage.publishAll('key', numbers(3));

      const reader = await stage.broker.read('topic', 'key', head);

      expect(reader.complete).toBe(true);
      expect(await takeEvents(reader, 3)).toEqual(numbers(3));
    });

    it('says what it holds', async (test) => {
      test.skip(!stage.broker.capabilities.replay, 'the broker cannot replay');
      const positions = await stage.publishAll('key', numbers(3));

      const reader = await stage.broker.read('topic', 'key', undefined);

      expect(reader.epoch).toBe(positions[0]?.epoch);
      expect(reader.earliest).toEqual(positions[0]);
      expect(reader.head).toEqual(positions[2]);
    });

    it('replays nothing when something after the position was removed', async (test) => {
      test.skip(!stage.broker.capabilities.replay, 'the broker cannot replay');
      await stage.recreate({ retainedEvents: 10 });
      const positions = await stage.publishAll('key', numbers(20));

      const reader = await stage.broker.read('topic', 'key', positions[3]);
      await stage.publishAll('key', numbers(1, 20));

      expect(reader.complete).toBe(false);
      expect(await takeEvents(reader, 1)).toEqual([{ n: 20 }]);
    });

    it('replays all when the position itself was the last to be removed', async (test) => {
      test.skip(!stage.broker.capabilities.replay, 'the broker cannot replay');
      await stage.recreate({ retainedEvents: 10 });
      const positions = await stage.publishAll('key', numbers(20));

      const reader = await stage.broker.read('topic', 'key', positions[9]);

      expect(reader.complete).toBe(true);
      expect(await takeEvents(reader, 10)).toEqual(numbers(10, 10));
    });

    it.each([
      ['of another epoch', (head: Position) => ({ ...head, epoch: 'another' })],
      ['that nobody issued', (head: Position) => ({ ...head, offset: 'no offset' })],
      ['with an empty offset', (head: Position) => ({ ...head, offset: '' })],
    ])('replays nothing after a position %s', async (_, change) => {
      await stage.publishAll('key', numbers(3));

      const reader = await stage.broker.read(
        'topic',
        'key',
        change(await stage.broker.head('topic', 'key')),
      );
      await stage.publishAll('key', numbers(1, 3));

      expect(reader.complete).toBe(false);
      expect(await takeEvents(reader, 1)).toEqual([{ n: 3 }]);
    });

    it('tells a reader that it fell behind, and what it missed, before any later event', async (test) => {
      test.skip(!stage.broker.capabilities.replay, 'the broker cannot replay');
      await stage.recreate({ retainedEvents: 10 });
      const reader = await stage.broker.read('topic', 'key', undefined);
      const other = await stage.broker.read('topic', 'key', undefined);

      for (const message of numbers(30)) {
        await stage.broker.publish('topic', 'key', message);
        expect(await takeEvents(other, 1)).toEqual([message]);
      }

      await expect(reader.read()).rejects.toMatchObject({
        name: 'SourceError',
        code: 'EVENTS_LOST',
      });
      expect(await reader.read()).toBeUndefined();
    });
  });
}

/** What every broker must do for many who come back at once, or while much is published. */
export function describeRecovery(stage: BrokerStage): void {
  describe('recovery', () => {
    it('opens readers at all positions at once, each of whom gets what follows', async (test) => {
      test.skip(!stage.broker.capabilities.replay, 'the broker cannot replay');
      const positions = await stage.broker.publishMany('topic', 'key', numbers(200));

      const readers = await Promise.all(
        numbers(1_000).map(({ n }) => stage.broker.read('topic', 'key', positions[n % 200])),
      );
      await stage.broker.publish('topic', 'key', { n: 200 });

      for (const [i, reader] of readers.entries()) {
        expect(reader.complete).toBe(true);
        const expected = numbers(200 - (i % 200), (i % 200) + 1);
        expect(await takeEvents(reader, expected.length)).toEqual(expected);
      }
    });

    it('neither misses nor repeats anything for readers who begin while much is published', async (test) => {
      test.skip(!stage.broker.capabilities.ordered, 'the broker keeps no order');
      const progress = { accepted: 0 };
      const publishing = (async () => {
        while (progress.accepted < 900) {
          await stage.broker.publishMany('topic', 'key', numbers(10, progress.accepted));
          progress.accepted += 10;
        }
      })();

      const begun: { reader: LogReader; before: number; after: number }[] = [];
      while (progress.accepted < 800) {
        const before = progress.accepted;
        const reader = await stage.broker.read('topic', 'key', undefined);
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
      test.skip(!stage.broker.capabilities.replay, 'the broker cannot replay');
      await stage.recreate({ retainedEvents: 10 });
      const slow = await stage.broker.read('topic', 'key', undefined);
      const quick = await stage.broker.read('topic', 'key', undefined);
      const positions: Position[] = [];
      for (const message of numbers(30)) {
        positions.push(await stage.broker.publish('topic', 'key', message));
        expect(await takeEvents(quick, 1)).toEqual([message]);
      }
      await expect(slow.read()).rejects.toMatchObject({ code: 'EVENTS_LOST' });

      const tooEarly = await stage.broker.read('topic', 'key', positions[5]);
      const early = await stage.broker.read('topic', 'key', positions[19]);

      expect([tooEarly.complete, early.complete]).toEqual([false, true]);
      expect(await takeEvents(early, 10)).toEqual(numbers(10, 20));
      await stage.broker.publish('topic', 'key', { n: 30 });
      expect(await takeEvents(tooEarly, 1)).toEqual([{ n: 30 }]);
    });
  });
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

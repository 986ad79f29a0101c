import { afterEach, beforeEach, describe, expect, it } from 'vitest';

import type { TopicSource } from '../../src/broker/types.ts';
import { SourceError } from '../../src/errors.ts';
import { takeEntries, takeEvents } from '../support/log-readers.ts';
import { describeLeaving, describeReading } from './broker-reading-contract.ts';
import { describeRecovery, describeReplay } from './broker-replay-contract.ts';
import { BrokerStage, numbers } from './broker-stage.ts';
import type { CreateBroker, Message } from './broker-stage.ts';

/** What every broker must do; capabilities that it does not have are not asked for. */
export function brokerContract(name: string, create: CreateBroker): void {
  describe(`broker contract: ${name}`, () => {
    const stage = new BrokerStage(create);

    beforeEach(async () => {
      await stage.open({});
    });
    afterEach(async () => {
      await stage.broker.close();
    });

    describePublishing(stage);
    describeReading(stage);
    describeLeaving(stage);
    describeReplay(stage);
    describeRecovery(stage);
    describeIdempotency(stage);
    describeTopics(stage);
    describeClosing(stage);
  });
}

function describePublishing(stage: BrokerStage): void {
  describe('publishing', () => {
    it('accepts an event that nobody reads', async () => {
      const position = await stage.broker.publish('topic', 'key', { n: 1 });

      expect(await stage.broker.head('topic', 'key')).toEqual(position);
    });

    it('gives each event of a log a position of its own in one epoch', async () => {
      const positions = await stage.publishAll('key', numbers(10));

      expect(new Set(positions.map((position) => position.offset)).size).toBe(10);
      expect(new Set(positions.map((position) => position.epoch)).size).toBe(1);
    });

    it('publishes many events in their order', async () => {
      const reader = await stage.broker.read('topic', 'key', undefined);

      const positions = await stage.broker.publishMany('topic', 'key', numbers(5));

      const entries = await takeEntries(reader, 5);
      expect(entries.map((entry) => entry.event)).toEqual(numbers(5));
      expect(entries.map((entry) => entry.position)).toEqual(positions);
    });

    it('publishes no events at all', async () => {
      expect(await stage.broker.publishMany('topic', 'key', [])).toEqual([]);
    });

    it('says when it accepted an event', async () => {
      const reader = await stage.broker.read('topic', 'key', undefined);

      await stage.broker.publish('topic', 'key', { n: 1 });

      const [entry] = await takeEntries(reader, 1);
      expect(entry?.publishedAt).toEqual(expect.any(Number));
    });

    it('does not wait for a reader that does not read', async () => {
      await stage.broker.read('topic', 'key', undefined);

      const positions = await stage.publishAll('key', numbers(300));

      expect(positions).toHaveLength(300);
    });
  });
}

function describeIdempotency(stage: BrokerStage): void {
  describe('idempotency', () => {
    it('adds one event for publications with one id and tells each its position', async () => {
      const reader = await stage.broker.read('topic', 'key', undefined);

      const first = await stage.broker.publish('topic', 'key', { n: 1 }, { idempotencyId: 'a' });
      const second = await stage.broker.publish('topic', 'key', { n: 1 }, { idempotencyId: 'a' });
      await stage.broker.publish('topic', 'key', { n: 2 }, { idempotencyId: 'b' });

      expect(second).toEqual(first);
      expect(await takeEvents(reader, 2)).toEqual([{ n: 1 }, { n: 2 }]);
    });

    it('keeps the ids of two logs apart', async () => {
      const reader = await stage.broker.read('topic', 'second', undefined);

      await stage.broker.publish('topic', 'first', { n: 1 }, { idempotencyId: 'a' });
      await stage.broker.publish('topic', 'second', { n: 2 }, { idempotencyId: 'a' });

      expect(await takeEvents(reader, 1)).toEqual([{ n: 2 }]);
    });

    it('completes a batch of which a part was published before', async () => {
      const reader = await stage.broker.read('topic', 'key', undefined);

      const part = await stage.broker.publishMany('topic', 'key', numbers(2), {
        idempotencyId: 'batch',
      });
      const all = await stage.broker.publishMany('topic', 'key', numbers(4), {
        idempotencyId: 'batch',
      });

      expect(all.slice(0, 2)).toEqual(part);
      expect(await takeEvents(reader, 4)).toEqual(numbers(4));
    });
  });
}

function describeTopics(stage: BrokerStage): void {
  describe('topics', () => {
    it('carry events from publish to source', async () => {
      const topic = stage.broker.topic<Message>('topic');
      const reader = await topic.source('key').open();

      await topic.publish({ n: 1 }, { key: 'key' });
      await topic.publish({ n: 2 });
      await topic.publishMany(numbers(2, 3), { key: 'key' });

      expect(await takeFromSource(reader, 3)).toEqual([{ n: 1 }, { n: 3 }, { n: 4 }]);
      await reader.close();
    });

    it('begin at `source` where the head is known at once, and otherwise at `open`', async () => {
      const topic = stage.broker.topic<Message>('topic');
      await topic.publish({ n: 0 }, { key: 'key' });
      const isKnownAtOnce = stage.broker.headNow('topic', 'key') !== undefined;
      const expected = isKnownAtOnce ? [{ n: 1 }, { n: 2 }] : [{ n: 2 }];
      const source: TopicSource<Message> = topic.source('key');

      await topic.publish({ n: 1 }, { key: 'key' });
      const reader = await source.open();
      await topic.publish({ n: 2 }, { key: 'key' });

      expect(await takeFromSource(reader, expected.length)).toEqual(expected);
      await reader.close();
    });

    it('miss nothing that is published after `open` resolved', async () => {
      const topic = stage.broker.topic<Message>('topic');
      const reader = await topic.source('key').open();

      await topic.publish({ n: 1 }, { key: 'key' });

      expect(await takeFromSource(reader, 1)).toEqual([{ n: 1 }]);
      await reader.close();
    });
  });
}

function describeClosing(stage: BrokerStage): void {
  describe('closing', () => {
    it('ends readers, pending or not', async () => {
      const waiting = await stage.broker.read('topic', 'key', undefined);
      const idle = await stage.broker.read('topic', 'key', undefined);
      const pending = waiting.read();

      await stage.broker.close();

      expect(await pending).toBeUndefined();
      expect(await idle.read()).toBeUndefined();
      await expect(idle.close()).resolves.toBeUndefined();
    });

    it('refuses everything afterwards', async () => {
      const topic = stage.broker.topic<Message>('topic');
      const source = topic.source('key');

      await stage.broker.close();

      const refusals = await Promise.allSettled([
        stage.broker.publish('topic', 'key', { n: 1 }),
        stage.broker.publishMany('topic', 'key', numbers(2)),
        stage.broker.head('topic', 'key'),
        stage.broker.read('topic', 'key', undefined),
        topic.publish({ n: 1 }),
        source.open(),
        topic.source('key').open(),
      ]);
      expect(
        refusals.map((refusal) => refusal.status === 'rejected' && codeOf(refusal.reason)),
      ).toEqual(refusals.map(() => 'BROKER_CLOSED'));
    });

    it('may happen twice', async () => {
      await stage.broker.close();

      await expect(stage.broker.close()).resolves.toBeUndefined();
    });
  });
}

function codeOf(error: unknown): string | undefined {
  return error instanceof SourceError ? error.code : undefined;
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

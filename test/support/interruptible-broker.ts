import { createTopic } from 'millrace/broker';
import type { Broker, LogReader } from 'millrace/broker';

import { SourceError } from '../../src/errors.ts';

/** A broker that can be out of reach for those who read through this, while it works for others. */
export interface InterruptibleBroker extends Broker {
  /** Has every reader fail, and every attempt to read or publish. */
  interrupt(): void;
  restore(): void;
  /** Attempts to read. */
  readonly reads: number;
}

/** The way to `broker` of one process. */
export function interruptible(broker: Broker): InterruptibleBroker {
  let isAway = false;
  let reads = 0;
  const losses = new Set<(error: unknown) => void>();
  const assertThere = (): void => {
    if (isAway) throw new SourceError('BROKER_UNAVAILABLE', 'interrupted');
  };
  const guarded = (reader: LogReader): LogReader => ({
    ...reader,
    epoch: reader.epoch,
    complete: reader.complete,
    earliest: reader.earliest,
    head: reader.head,
    read: () =>
      new Promise((resolve, reject) => {
        const lose = (error: unknown): void => {
          void reader.close();
          reject(error);
        };
        losses.add(lose);
        void reader
          .read()
          .then(resolve, reject)
          .finally(() => losses.delete(lose));
      }),
    close: () => reader.close(),
  });
  const way: InterruptibleBroker = {
    name: broker.name,
    capabilities: broker.capabilities,
    get readerCount() {
      return broker.readerCount;
    },
    get reads() {
      return reads;
    },
    async publish(topic, key, event, options) {
      assertThere();
      return broker.publish(topic, key, event, options);
    },
    async publishMany(topic, key, events, options) {
      assertThere();
      return broker.publishMany(topic, key, events, options);
    },
    head: (topic, key) => broker.head(topic, key),
    headNow: (topic, key) => broker.headNow(topic, key),
    async read(topic, key, after) {
      reads += 1;
      assertThere();
      return guarded(await broker.read(topic, key, after));
    },
    topic: (name) => createTopic(way, name),
    close: () => broker.close(),
    interrupt() {
      isAway = true;
      for (const lose of losses) lose(new SourceError('BROKER_UNAVAILABLE', 'interrupted'));
      losses.clear();
    },
    restore() {
      isAway = false;
    },
  };
  return way;
}

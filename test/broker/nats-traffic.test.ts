import { jetstreamManager } from '@nats-io/jetstream';
import type { JetStreamManager } from '@nats-io/jetstream';
import { connect } from '@nats-io/transport-node';
import type { NatsConnection } from '@nats-io/transport-node';
import { createNatsBroker } from 'millrace/broker/nats';
import type { NatsBroker, NatsBrokerOptions } from 'millrace/broker/nats';
import { afterAll, beforeAll, beforeEach, describe, expect, it, onTestFinished } from 'vitest';

import { takeEvents } from '../support/log-readers.ts';
import { shareNats } from '../support/nats-server.ts';
import type { NatsShare } from '../support/nats-server.ts';

let nats: NatsShare;
let connection: NatsConnection;
let manager: JetStreamManager;
let prefix: string;

beforeAll(async () => {
  nats = await shareNats();
  connection = await connect({ servers: nats.url });
  manager = await jetstreamManager(connection);
});
afterAll(async () => {
  await connection.close();
  await nats.close();
});
beforeEach(() => {
  prefix = `${nats.prefix}-${crypto.randomUUID().slice(-12)}`;
});

const numbers = (count: number) => Array.from({ length: count }, (_, i) => i);

function createBroker(options: NatsBrokerOptions = {}): NatsBroker {
  const broker = createNatsBroker({ servers: nats.url, prefix, ...options });
  onTestFinished(() => broker.close());
  return broker;
}

/** Whether everything up to this one has left the stream. */
async function beginsAfter(sequence: number): Promise<boolean> {
  return (await manager.streams.info(prefix)).state.first_seq > sequence;
}

describe('busy logs', () => {
  it('reach readers who keep up, also with more at once than a log keeps', async () => {
    const broker = createBroker({ retention: { events: 2_000 } });
    const readers = await Promise.all(
      ['one', 'two'].map((key) => broker.read('topic', key, undefined)),
    );
    const taking = readers.map((reader) => takeEvents(reader, 5_000));

    // as fast as another program can, so that NATS has far more than was read
    for (const n of numbers(5_000)) {
      connection.publish(`${prefix}.topic.one`, String(n));
      connection.publish(`${prefix}.topic.two`, String(n));
      if (n % 1_000 === 999) await connection.flush();
    }

    for (const taken of taking) expect(await taken).toEqual(numbers(5_000));
  });

  it('do not cost others anything where they outrun a process', async () => {
    const broker = createBroker({ retention: { events: 10 } });
    const reader = await broker.read('topic', 'key', undefined);
    await broker.publish('topic', 'busy', 0);

    for (const n of numbers(20_000)) connection.publish(`${prefix}.topic.busy`, String(n));
    await connection.flush();
    await broker.publish('topic', 'key', 'here');

    expect(await takeEvents(reader, 1)).toEqual(['here']);
  });
});

describe('logs in which nothing happens', () => {
  const quiet = { retention: { ageMs: 400 }, checkMs: 20 } as const;

  it('can be read from their last position after that event is gone, by any process', async () => {
    const broker = createBroker(quiet);
    const reader = await broker.read('topic', 'key', undefined);
    const [first, last] = await broker.publishMany('topic', 'key', [1, 2]);
    expect(await takeEvents(reader, 2)).toEqual([1, 2]);

    await expect.poll(() => beginsAfter(Number(last?.offset) + 1)).toBe(true);
    const positions = [first, last];
    const [early, late] = await Promise.all(
      positions.map((position) => createBroker(quiet).read('topic', 'key', position)),
    );
    await broker.publish('topic', 'key', 3);

    expect([early?.complete, late?.complete]).toEqual([false, true]);
    for (const each of [reader, early, late])
      expect(each && (await takeEvents(each, 1))).toEqual([3]);
  });

  it('can be read from where they were when nothing had ever happened', async () => {
    const broker = createBroker(quiet);
    const { head } = await broker.read('topic', 'key', undefined);

    await expect.poll(() => beginsAfter(Number(head.offset) + 1)).toBe(true);
    const resumed = await createBroker(quiet).read('topic', 'key', head);

    expect(resumed).toMatchObject({ complete: true, earliest: undefined });
  });

  it('that nobody reads can be read from a position for as long as events are kept', async () => {
    const position = await createBroker(quiet).publish('topic', 'key', 1);
    const resume = async () => {
      const reader = await createBroker(quiet).read('topic', 'key', position);
      await reader.close();
      return reader.complete;
    };

    expect(await resume()).toBe(true);
    await expect.poll(() => beginsAfter(Number(position.offset))).toBe(true);
    expect(await resume()).toBe(false);
  });
});

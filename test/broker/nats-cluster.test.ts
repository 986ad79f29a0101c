import { createNatsBroker } from 'millrace/broker/nats';
import type { NatsBroker, NatsBrokerOptions } from 'millrace/broker/nats';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';

import type { Position } from '../../src/vocabulary.ts';
import { takeEvents } from '../support/log-readers.ts';
import { NatsCluster } from '../support/nats-cluster.ts';
import { unavailable } from '../support/outage-stage.ts';

/** Servers elect after four seconds of silence, and not always at the first attempt. */
const patienceMs = 30_000;
const timeoutMs = 1_500;

let cluster: NatsCluster;
let prefix: string;
const open: (() => Promise<void>)[] = [];

beforeAll(async () => {
  cluster = await NatsCluster.start();
}, patienceMs);
afterAll(() => cluster.close());
beforeEach(() => {
  prefix = crypto.randomUUID().slice(-12);
});
afterEach(async () => {
  for (const close of open.splice(0).toReversed()) await close();
  await cluster.startAll();
}, patienceMs);

function createBroker(options: NatsBrokerOptions = {}): NatsBroker {
  const broker = createNatsBroker({
    servers: cluster.urls,
    prefix,
    replicas: 3,
    timeoutMs,
    ...options,
  });
  open.push(() => broker.close());
  return broker;
}

/** Tries again for as long as NATS is away. */
async function persist<Result>(attempt: () => Promise<Result>): Promise<Result> {
  const giveUpAt = performance.now() + patienceMs;
  for (;;) {
    try {
      return await attempt();
    } catch (error) {
      expect(error).toMatchObject(unavailable);
      if (performance.now() > giveUpAt) throw error;
    }
  }
}

const publishOnce = (broker: NatsBroker, event: number): Promise<Position> =>
  persist(() => broker.publish('topic', 'key', event, { idempotencyId: String(event) }));

/** One after the other, each until it is accepted. */
async function publishInOrder(broker: NatsBroker, events: readonly number[]): Promise<void> {
  for (const event of events) await publishOnce(broker, event);
}

const numbers = (count: number, first = 0) => Array.from({ length: count }, (_, i) => first + i);

/** A publisher, a reader of another process, and a first event that came through both. */
async function exchange() {
  const publisher = createBroker();
  const first = await publishOnce(publisher, 0);
  const consumer = createBroker();
  const reader = await persist(() => consumer.read('topic', 'key', undefined));
  await publishOnce(publisher, 1);
  expect(await takeEvents(reader, 1)).toEqual([1]);
  return { publisher, consumer, reader, first };
}

describe('a cluster of three', () => {
  it(
    'is one broker, whichever of them a process is connected to',
    async () => {
      const brokers = cluster.urls.map((servers) => createBroker({ servers }));
      const [first] = brokers as [NatsBroker, ...NatsBroker[]]; // there are three
      const position = await publishOnce(first, 0);
      const readers = await Promise.all(
        brokers.map((broker) => persist(() => broker.read('topic', 'key', position))),
      );

      for (const [i, broker] of brokers.entries()) await publishOnce(broker, i + 1);

      for (const reader of readers) {
        expect(reader.complete).toBe(true);
        expect(await takeEvents(reader, 3)).toEqual([1, 2, 3]);
      }
      const { config, cluster: replicas } = await cluster.inspect(prefix);
      expect(config.num_replicas).toBe(3);
      expect(replicas?.replicas).toHaveLength(2);
    },
    patienceMs,
  );

  it(
    'goes on without the leader of the stream: every event that was accepted comes once, in order',
    async () => {
      const { publisher, consumer, reader, first } = await exchange();
      const leader = await cluster.leaderOf(prefix);
      const events = numbers(400, 2);
      const publishing = publishInOrder(publisher, events);
      const before = await takeEvents(reader, 50);

      await leader.server.kill();
      await publishing;

      const after = await takeEvents(reader, events.length - before.length);
      expect([...before, ...after]).toEqual(events);
      const resumed = await persist(() => consumer.read('topic', 'key', first));
      expect(resumed.complete).toBe(true);
      expect(await takeEvents(resumed, 401)).toEqual([1, ...events]);

      // it comes back with what it had, and is one of three again
      await leader.server.start();
      await expect
        .poll(() => followers().catch(() => []), { timeout: patienceMs, interval: 50 })
        .toEqual([true, true]);
      const returned = createBroker({ servers: leader.server.url });
      const caughtUp = await persist(() => returned.read('topic', 'key', first));
      await publishOnce(returned, 402);
      expect(await takeEvents(caughtUp, 402)).toEqual([1, ...events, 402]);
      expect(await takeEvents(reader, 1)).toEqual([402]);
    },
    2 * patienceMs,
  );

  it(
    'is reached through another server when that of the connection ends',
    async () => {
      const publisher = createBroker({ servers: cluster.urls.slice(0, 1) });
      const first = await publishOnce(publisher, 0);
      const leader = await cluster.leaderOf(prefix);
      await publisher.close();
      const mover = await createBrokerAway(leader.name);
      const reader = await persist(() => mover.broker.read('topic', 'key', first));
      await publishOnce(mover.broker, 1);
      expect(await takeEvents(reader, 1)).toEqual([1]);

      await mover.member.server.kill();
      await publishInOrder(mover.broker, [2, 3, 4]);

      expect(await takeEvents(reader, 3)).toEqual([2, 3, 4]);
      expect(await cluster.brokerConnections()).toHaveLength(1);
    },
    2 * patienceMs,
  );

  it(
    'is away without a majority, and goes on when there is one again',
    async () => {
      const { publisher, reader } = await exchange();
      const [first, second] = cluster.members;
      await Promise.all([first?.server.kill(), second?.server.kill()]);
      const killedAt = performance.now();

      // what is left of the stream may have taken it, and have it once there is a majority
      const refused = publisher.publish('topic', 'key', 2, { idempotencyId: '2' });
      await expect(refused).rejects.toMatchObject(unavailable);
      expect(performance.now() - killedAt).toBeLessThan(4 * timeoutMs);
      const waiting = takeEvents(reader, 2);
      const accepted = publishInOrder(publisher, [2, 3]);
      await first?.server.start();

      await accepted;
      expect(await waiting).toEqual([2, 3]);
      expect(publisher.status).toEqual({ kind: 'ready' });
    },
    2 * patienceMs,
  );
});

/** Whether each of those that follow the leader has what that has. */
async function followers(): Promise<readonly boolean[]> {
  const { cluster: replicas } = await cluster.inspect(prefix);
  return replicas?.replicas?.map(({ current }) => current) ?? [];
}

/** A broker that is connected to any member but one. */
async function createBrokerAway(name: string) {
  for (;;) {
    const broker = createBroker();
    await persist(() => broker.head('topic', 'key'));
    const [member] = await cluster.brokerConnections();
    if (member !== undefined && member.name !== name) return { broker, member };
    await broker.close();
    await expect.poll(() => cluster.brokerConnections()).toEqual([]);
  }
}

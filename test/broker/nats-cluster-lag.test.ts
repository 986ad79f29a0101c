import { AckPolicy, jetstreamManager } from '@nats-io/jetstream';
import { connect } from '@nats-io/transport-node';
import type { NatsConnection } from '@nats-io/transport-node';
import { createNatsBroker } from 'millrace/broker/nats';
import type { NatsBroker, NatsBrokerOptions } from 'millrace/broker/nats';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';

import type { LogReader } from '../../src/broker/types.ts';
import { takeEvents } from '../support/log-readers.ts';
import { NatsCluster } from '../support/nats-cluster.ts';
import type { NatsClusterMember } from '../support/nats-cluster.ts';

const patienceMs = 30_000;

/** A consumer is on any of the three servers: on the one that lags for some of so many, all but certainly. */
const brokerCount = 16;

let cluster: NatsCluster;
const open: (() => Promise<void>)[] = [];

beforeAll(async () => {
  cluster = await NatsCluster.start();
}, patienceMs);
afterAll(() => cluster.close());
afterEach(async () => {
  await cluster.startAll();
  for (const close of open.splice(0).toReversed()) await close();
}, patienceMs);

describe('a server that comes back and has not yet what the others have', () => {
  it(
    'gives readers that come back everything, although others begin meanwhile',
    async () => {
      const { createBrokers, publisher, connection, follower, returned } = await createStage();
      const brokers = createBrokers();
      const readers = await Promise.all(
        brokers.map((each) => each.read('topic', 'key', undefined)),
      );
      await follower.server.kill();
      const publishing = shared(() => publisher.publishMany('topic', 'key', [1, 2, 3]));
      hold(connection, '$JS.API.STREAM.INFO.', publishing);
      hold(connection, '$JS.API.CONSUMER.CREATE.', returned);
      await connection.reconnect();
      await publishing();

      const others = brokers.map((each) => each.read('topic', 'key', undefined));
      await follower.server.start();
      await Promise.all(others);
      await publisher.publish('topic', 'key', 'last');

      expect(await takeAll(readers)).toEqual(new Set(['1,2,3,last']));
    },
    patienceMs,
  );

  it(
    'gives pages of history that lack nothing',
    async () => {
      const { createBrokers, publisher, connection, follower, returned } = await createStage();
      const brokers = createBrokers();
      const first = await publisher.publish('topic', 'key', 0);
      await Promise.all(brokers.map((each) => each.read('topic', 'other', undefined)));
      await follower.server.kill();
      await publisher.publishMany('topic', 'key', [1, 2, 3]);
      hold(connection, '$JS.API.CONSUMER.CREATE.', returned);

      const opening = brokers.map((each) => each.read('topic', 'key', first));
      await follower.server.start();
      const readers = await Promise.all(opening);
      await publisher.publish('topic', 'key', 'last');

      expect(readers.every(({ complete }) => complete)).toBe(true);
      expect(await takeAll(readers)).toEqual(new Set(['1,2,3,last']));
    },
    patienceMs,
  );
});

/** A stream, the server that leads it, one that follows and may be killed, and brokers that share a connection. */
async function createStage() {
  const prefix = crypto.randomUUID().slice(-12);
  const createBroker = (options: NatsBrokerOptions) => {
    const broker = createNatsBroker({ prefix, replicas: 3, timeoutMs: patienceMs, ...options });
    open.push(() => broker.close());
    return broker;
  };
  const publisher = createBroker({ servers: cluster.urls });
  await publisher.publishMany('topic', 'bulk', Array.from({ length: 20 }, String));
  const leader = await cluster.leaderOf(prefix);
  const placer = await cluster.findPlacer();
  const follower = cluster.others(leader).find(({ name }) => name !== placer);
  if (follower === undefined) throw new Error('three servers, and two leaders at most');
  await publisher.close();
  const connection = await connectTo(leader);
  return {
    follower,
    connection,
    publisher: createBroker({ servers: leader.server.url }),
    createBrokers: (): readonly NatsBroker[] =>
      Array.from({ length: brokerCount }, () => createBroker({ connection })),
    returned: shared(async () => givesConsumers(await connectTo(leader), prefix, follower)),
  };
}

async function connectTo({ server }: NatsClusterMember): Promise<NatsConnection> {
  const connection = await connect({ servers: server.url, reconnectTimeWait: 10 });
  open.push(() => connection.close());
  return connection;
}

/** Resolves once a server is given consumers: for a fraction of a second it has less for them than there is. */
async function givesConsumers(
  connection: NatsConnection,
  stream: string,
  { name }: NatsClusterMember,
): Promise<void> {
  const { consumers } = await jetstreamManager(connection, { timeout: 1_000 });
  while (!connection.isClosed()) {
    const config = { ack_policy: AckPolicy.None, mem_storage: true, num_replicas: 1 };
    const probe = await consumers.add(stream, config).catch(() => undefined);
    if (probe === undefined) continue;
    await consumers.delete(stream, probe.name);
    if (probe.cluster?.leader === name) return;
  }
}

/** What is asked for once, whoever asks. */
function shared(ask: () => Promise<unknown>): () => Promise<unknown> {
  let answer: Promise<unknown> | undefined;
  return () => (answer ??= ask());
}

/** What `connection` asks from now on about what begins with `subject` waits for `permission`. */
function hold(
  connection: NatsConnection,
  subject: string,
  permission: () => Promise<unknown>,
): void {
  const request = connection.request.bind(connection);
  connection.request = async (...question) => {
    if (question[0].startsWith(subject)) await permission();
    return request(...question);
  };
}

/** What each reader gives up to the last event. */
async function takeAll(readers: readonly LogReader[]): Promise<ReadonlySet<string>> {
  const all = readers.map(async (reader) => {
    const events: unknown[] = [];
    while (events.at(-1) !== 'last') {
      const next = await takeEvents(reader, 1);
      if (next.length === 0) break;
      events.push(...next);
    }
    return events.join(',');
  });
  return new Set(await Promise.all(all));
}

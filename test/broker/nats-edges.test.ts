import { setImmediate as turn } from 'node:timers/promises';

import { DiscardPolicy, jetstreamManager } from '@nats-io/jetstream';
import { connect } from '@nats-io/transport-node';
import { createNatsBroker } from 'millrace/broker/nats';
import type { NatsBroker, NatsBrokerOptions, NatsStatus } from 'millrace/broker/nats';
import { VirtualClock } from 'millrace/testing';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';

import type { Position } from '../../src/vocabulary.ts';
import { takeEvents } from '../support/log-readers.ts';
import { NatsServer, shareNats } from '../support/nats-server.ts';
import type { NatsShare } from '../support/nats-server.ts';

let nats: NatsShare;
let prefix: string;
const open: (() => Promise<void>)[] = [];

const notSerializable = { name: 'SourceError', code: 'EVENT_NOT_SERIALIZABLE' };

beforeAll(async () => {
  nats = await shareNats();
});
afterAll(async () => {
  await nats.close();
});
beforeEach(() => {
  prefix = `${nats.prefix}-${crypto.randomUUID().slice(-12)}`;
});
afterEach(async () => {
  for (const close of open.splice(0).toReversed()) await close();
});

function createBroker(options: NatsBrokerOptions = {}): NatsBroker {
  const broker = createNatsBroker({ servers: nats.url, prefix, ...options });
  open.push(() => broker.close());
  return broker;
}

describe('a broker that has just begun', () => {
  it('publishes in the order of the calls, whenever they come', async () => {
    for (let round = 0; round < 10; round += 1) {
      const broker = createBroker();
      const publications: Promise<Position>[] = [];
      const publish = () => publications.push(broker.publish('topic', 'key', publications.length));
      publish();
      publish();
      const firstOnes = Promise.all(publications).then(() => 'answered');
      while ((await Promise.race([firstOnes, turn()])) === undefined) publish();

      const places = (await Promise.all(publications)).map(({ offset }) => Number(offset));

      expect(places).toEqual(places.toSorted((one, other) => one - other));
    }
  });
});

describe('an event that is too large', () => {
  it('for the server keeps the others of its publishMany from being published', async () => {
    const broker = createBroker();
    const reader = await broker.read('topic', 'key', undefined);
    const large = 'x'.repeat(2_000_000);

    const many = broker.publishMany('topic', 'key', [1, large, 3]);
    await expect(many).rejects.toMatchObject(notSerializable);
    await broker.publish('topic', 'key', 'after');

    expect(await takeEvents(reader, 1)).toEqual(['after']);
  });

  it('for the stream is refused as such', async () => {
    const connection = await connect({ servers: nats.url });
    open.push(() => connection.close());
    const { streams } = await jetstreamManager(connection);
    await streams.add({ name: prefix, subjects: [`${prefix}.>`], max_msg_size: 1_000 });
    const broker = createBroker();

    const publication = broker.publish('topic', 'key', 'x'.repeat(2_000));

    await expect(publication).rejects.toMatchObject(notSerializable);
    expect(broker.status).toEqual({ kind: 'ready' });
  });
});

describe('events of one publishMany that the stream refuses', () => {
  it.each([
    ['are too large', { max_msg_size: 1_000 }, [1, 'x'.repeat(2_000), 3]],
    ['have no room', { max_bytes: 2_000, discard: DiscardPolicy.New }, [1, 'x'.repeat(2_000), 3]],
  ])('because they %s keep those behind them from being published', async (_, limits, events) => {
    const connection = await connect({ servers: nats.url });
    open.push(() => connection.close());
    const { streams } = await jetstreamManager(connection);
    await streams.add({ name: prefix, subjects: [`${prefix}.>`], ...limits });
    const broker = createBroker();
    const reader = await broker.read('topic', 'key', undefined);

    await expect(broker.publishMany('topic', 'key', events)).rejects.toMatchObject({
      name: 'SourceError',
    });
    await broker.publish('topic', 'key', 'after');

    expect(await takeEvents(reader, 2)).toEqual([1, 'after']);
  });
});

describe('a broker that is closed while it begins to read', () => {
  it('leaves no timer behind', async () => {
    const clock = new VirtualClock();
    for (let round = 0; round < 10; round += 1) {
      const broker = createBroker({ clock });
      await broker.head('topic', 'key');
      const opening = Promise.allSettled([broker.read('topic', 'key', undefined)]);
      for (let i = 0; i < round; i += 1) await turn();

      await broker.close();
      await opening;
    }
    await turn();

    expect(clock.timerCount).toBe(0);
  });
});

/** A server on which `user` may publish to some subjects, and listen to others. */
async function startStrictServer(publish: readonly string[], subscribe = '_INBOX_user.>') {
  const server = await NatsServer.start(`authorization {
    users = [
      { user: all, password: secret }
      { user: user, password: secret, permissions: {
        publish: { allow: ${JSON.stringify(publish)} }, subscribe: { allow: ["${subscribe}"] } } }
    ]
  }
  no_auth_user: all`);
  open.push(() => server.close());
  const connection = await connect({
    servers: server.url,
    user: 'user',
    pass: 'secret',
    inboxPrefix: '_INBOX_user',
  });
  open.push(() => connection.close());
  return { server, connection };
}

describe('a connection with few permissions', () => {
  it('is enough where its inboxes have a prefix of their own', async () => {
    const { server, connection } = await startStrictServer(['$JS.>', `${prefix}.>`]);
    const broker = createBroker({ connection });

    const reader = await broker.read('topic', 'key', undefined);
    await broker.publish('topic', 'key', 1);
    await createBroker({ servers: server.url }).publish('topic', 'key', 2);

    expect(await takeEvents(reader, 2)).toEqual([1, 2]);
  });

  it('that may not publish reads all the same', async () => {
    const { server, connection } = await startStrictServer(['$JS.>']);
    const other = createBroker({ servers: server.url });
    await other.publish('topic', 'key', 1);
    const broker = createBroker({ connection });
    const reader = await broker.read('topic', 'key', undefined);

    const refused = await broker.publish('topic', 'key', 2).catch((error: unknown) => error);
    expect(refused).toMatchObject({ code: 'BROKER_UNAVAILABLE' });
    expect(String((refused as Error).cause)).toContain('Permissions Violation');
    await other.publish('topic', 'key', 3);

    expect(await takeEvents(reader, 1)).toEqual([3]);
  });

  it('that may not listen says so', async () => {
    const { connection } = await startStrictServer(['$JS.>', `${prefix}.>`], '_INBOX_user.*.*');
    const told: NatsStatus[] = [];
    const broker = createBroker({ connection, onStatus: (status) => told.push(status) });

    await broker.read('topic', 'key', undefined);

    const errors = () => told.map((status) => String('error' in status && status.error));
    await expect.poll(errors).toContainEqual(expect.stringContaining('Permissions Violation'));
  });
});

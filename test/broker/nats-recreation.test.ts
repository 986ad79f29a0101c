import { jetstreamManager } from '@nats-io/jetstream';
import { connect } from '@nats-io/transport-node';
import type { NatsConnection } from '@nats-io/transport-node';
import { createNatsBroker } from 'millrace/broker/nats';
import type { NatsBroker, NatsBrokerOptions } from 'millrace/broker/nats';
import { VirtualClock } from 'millrace/testing';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';

import { readToFailure, takeEvents } from '../support/log-readers.ts';
import { NatsServer } from '../support/nats-server.ts';

let server: NatsServer;
const open: (() => Promise<void>)[] = [];

beforeEach(async () => {
  server = await NatsServer.start();
  open.push(() => server.close());
});
afterEach(async () => {
  for (const close of open.splice(0).toReversed()) await close();
});

/** Nothing is found out by silence, or by a check. */
function createBroker(options: NatsBrokerOptions = { servers: server.url }): NatsBroker {
  const broker = createNatsBroker({ timeoutMs: 30_000, checkMs: 600_000, ...options });
  open.push(() => broker.close());
  return broker;
}

async function openConnection(): Promise<NatsConnection> {
  const connection = await connect({ servers: server.url, reconnectTimeWait: 10 });
  open.push(() => connection.close());
  return connection;
}

/** Another program, which may do anything. */
async function manage() {
  const connection = await openConnection();
  const { streams } = await jetstreamManager(connection);
  return { connection, streams };
}

/** What `connection` asks next about `subject` waits for `act`. */
function before(connection: NatsConnection, subject: string, act: () => Promise<void>): void {
  const request = connection.request.bind(connection);
  connection.request = async (...question) => {
    if (question[0].startsWith(subject)) {
      connection.request = request;
      await act();
    }
    return request(...question);
  };
}

const numbers = (count: number) => Array.from({ length: count }, (_, i) => i);

const lost = { events: [], code: 'EVENTS_LOST' };

describe('a stream that is made anew by others', () => {
  it('between the check and the consumer: readers are told', async () => {
    const { streams } = await manage();
    const connection = await openConnection();
    const reader = await createBroker({ connection }).read('topic', 'key', undefined);
    await createBroker().publishMany('topic', 'key', [1, 2, 3]);
    expect(await takeEvents(reader, 3)).toEqual([1, 2, 3]);
    before(connection, '$JS.API.CONSUMER', async () => {
      await streams.delete('millrace');
      await createBroker().publish('topic', 'key', 4);
    });

    await connection.reconnect();

    expect(await readToFailure(reader)).toEqual(lost);
  });

  it('while a gap is looked into: gaps in the new one are looked into all the same', async () => {
    const { streams } = await manage();
    const connection = await openConnection();
    const broker = createBroker({ connection });
    const reader = await broker.read('topic', 'key', undefined);
    const publisher = createBroker();
    before(connection, '$JS.API.CONSUMER', async () => {
      await publisher.publishMany('topic', 'other', numbers(50));
      await streams.purge('millrace', { filter: 'millrace.topic.other' });
      await publisher.publish('topic', 'other', 'after the gap');
      before(connection, '$JS.API.STREAM.MSG.GET', async () => {
        await streams.delete('millrace');
        await createBroker().publish('topic', 'key', 'new');
        await broker.head('topic', 'key');
      });
    });
    await connection.reconnect();
    expect(await readToFailure(reader)).toEqual(lost);

    const next = await broker.read('topic', 'key', undefined);
    await broker.publish('topic', 'key', 'read');
    expect(await takeEvents(next, 1)).toEqual(['read']);
    before(connection, '$JS.API.CONSUMER', async () => {
      const other = createBroker();
      await other.publish('topic', 'key', 'purged');
      await streams.purge('millrace', { filter: 'millrace.topic.key' });
      await other.publish('topic', 'key', 'after the gap');
    });
    await connection.reconnect();

    expect(await readToFailure(next)).toEqual(lost);
  });
});

describe('an answer that went with the stream', () => {
  it('costs nobody else the connection', async () => {
    const { streams, connection } = await manage();
    const clock = new VirtualClock();
    const kinds: string[] = [];
    const broker = createBroker({
      servers: server.url,
      clock,
      onStatus: ({ kind }) => kinds.push(kind),
    });
    await broker.publish('topic', 'key', 1);
    await streams.delete('millrace');
    // listens, and says nothing
    const heard = connection.subscribe('millrace.>');
    await connection.flush();
    const publication = Promise.allSettled([broker.publish('topic', 'key', 2)]);
    for await (const _ of heard) break;
    await createBroker().head('topic', 'other');
    await broker.head('topic', 'other');

    await clock.advance(30_000);

    expect(await publication).toMatchObject([{ reason: { code: 'BROKER_UNAVAILABLE' } }]);
    expect(kinds).toEqual(['ready']);
  });
});

describe('a stream that was deleted', () => {
  it('is not made anew at once, while the server may be deleting it still', async () => {
    const { streams } = await manage();
    const connection = await openConnection();
    const clock = new VirtualClock();
    const broker = createBroker({ connection, clock });
    await broker.publish('topic', 'key', 1);
    await streams.delete('millrace');
    const makings: number[] = [];
    before(connection, '$JS.API.STREAM.CREATE', async () => {
      makings.push(clock.now());
    });

    const publication = broker.publish('topic', 'key', 2);
    const passTime = async () => {
      await clock.advance(10);
      return makings.length;
    };
    await expect.poll(passTime, { interval: 1 }).toBe(1);

    expect(makings[0]).toBeGreaterThanOrEqual(250);
    expect((await publication).offset).toBe('1');
  });
});

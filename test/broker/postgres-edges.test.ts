import { once } from 'node:events';
import { createServer } from 'node:net';
import type { AddressInfo, Socket } from 'node:net';

import { createPostgresBroker } from 'millrace/broker/postgres';
import type { PostgresBroker, PostgresBrokerOptions } from 'millrace/broker/postgres';
import { VirtualClock } from 'millrace/testing';
import { startTcpProxy } from 'millrace/testing/node';
import pg from 'pg';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';

import { takeEntries, takeEvents } from '../support/log-readers.ts';
import { query, sharePostgres } from '../support/postgres-server.ts';
import type { PostgresShare } from '../support/postgres-server.ts';

let postgres: PostgresShare;
let schema: string;
const open: (() => unknown)[] = [];

/** For what has to happen, on a machine with other things to do. */
const patience = { interval: 5, timeout: 4_000 };

const numbers = (count: number) => Array.from({ length: count }, (_, i) => i);

beforeAll(async () => {
  postgres = await sharePostgres();
});
afterAll(async () => {
  await postgres.close();
});
beforeEach(async () => {
  schema = await postgres.createSchema();
});
afterEach(async () => {
  for (const close of open.splice(0).toReversed()) await close();
});

function createBroker(options: PostgresBrokerOptions = {}): PostgresBroker {
  const broker = createPostgresBroker({ url: postgres.url, schema, ...options });
  open.push(() => broker.close());
  return broker;
}

/** The last place that was forgotten with its log. */
async function readFloor(): Promise<unknown> {
  const [row] = await query(postgres.url, `SELECT floor FROM ${schema}.outbox_state`);
  return row?.['floor'];
}

describe('names of logs', () => {
  it('may be the longest that there are in a notification', async () => {
    const broker = createBroker();
    const key = '\u0001'.repeat(1_900); // six characters each, as JSON
    const reader = await broker.read('topic', key, undefined);

    await broker.publish('topic', key, 1);
    await broker.publish('topic', key, 2, { idempotencyId: 'a' });

    expect(await takeEvents(reader, 2)).toEqual([1, 2]);
  });
});

describe('a reader of a log that nobody has ever published to', () => {
  it('is not told of a loss where other logs are forgotten', async () => {
    const clock = new VirtualClock();
    const broker = createBroker({ clock, cleanMs: 0 });
    const reader = await broker.read('topic', 'quiet', undefined);
    const other = createBroker({ retention: { ageMs: 1, idleMs: 1 }, cleanMs: 5 });
    await createBroker().publish('topic', 'busy', 1);
    await clock.advance(2_000);
    // questions are answered in their order: that one, and what it leads to
    await broker.head('topic', 'busy');
    await broker.head('topic', 'busy');

    await other.read('topic', 'any', undefined); // begins to clean
    await expect.poll(readFloor, patience).not.toBe('0');
    await other.close(); // it would remove what comes now
    await broker.publish('topic', 'quiet', 'event');

    expect(await takeEvents(reader, 1)).toEqual(['event']);
  });
});

describe('a publication with the id of a transaction that is left open', () => {
  it('holds up its own log alone', async () => {
    const broker = createBroker();
    const client = new pg.Client({ connectionString: postgres.url });
    await client.connect();
    open.push(() => client.end());
    const reader = await broker.read('topic', 'key', undefined);
    await client.query('BEGIN');
    await broker.in(client).publish('topic', 'key', 'of the transaction', { idempotencyId: 'a' });

    const repeated = broker.publish('topic', 'key', 'repeated', { idempotencyId: 'a' });
    const next = broker.publish('topic', 'key', 'next');
    await Promise.all(numbers(10).map((n) => broker.publish('topic', `other ${n}`, n)));
    await broker.publish('topic', 'other', 1, { idempotencyId: 'a' });
    expect(broker.status).toEqual({ kind: 'ready' });
    await client.query('COMMIT');

    const entries = await takeEntries(reader, 2);
    expect(entries.map(({ event }) => event)).toEqual(['of the transaction', 'next']);
    expect(await Promise.all([repeated, next])).toEqual(entries.map(({ position }) => position));
  });

  it('fails after the time-out, and nothing comes of it', async () => {
    const broker = createBroker({ timeoutMs: 400 });
    const client = new pg.Client({ connectionString: postgres.url });
    await client.connect();
    open.push(() => client.end());
    const reader = await createBroker().read('topic', 'key', undefined);
    await client.query('BEGIN');
    await broker.in(client).publish('topic', 'key', 'rolled back', { idempotencyId: 'a' });

    const repeated = broker.publish('topic', 'key', 'given up', { idempotencyId: 'a' });
    await expect(repeated).rejects.toMatchObject({ code: 'BROKER_UNAVAILABLE' });
    await client.query('ROLLBACK');
    await broker.publish('topic', 'key', 'after');

    expect(await takeEvents(reader, 1)).toEqual(['after']);
  });
});

describe('publishMany', () => {
  it('takes more events than may wait at the same time', async () => {
    const broker = createBroker();

    const positions = await broker.publishMany('topic', 'key', numbers(10_001));

    const reader = await broker.read('topic', 'key', positions[9_998]);
    expect(await takeEvents(reader, 2)).toEqual([9_999, 10_000]);
  });
});

describe('publishMany that is rejected', () => {
  it('has published a part from the beginning, and nothing behind that', async () => {
    const { port } = new URL(postgres.url);
    const proxy = await startTcpProxy({ port: Number(port) });
    open.push(() => proxy.close());
    const broker = createBroker({ url: postgres.url.replace(port, String(proxy.port)) });
    const reader = await createBroker().read('topic', 'key', undefined);
    await broker.publish('topic', 'key', 'first');

    for (const connection of proxy.connections) connection.goHalfOpen();
    const many = broker.publishMany('topic', 'key', numbers(1_000));
    const later = broker.publish('topic', 'key', 'later', { idempotencyId: 'later' });
    for (const connection of proxy.connections) connection.reset();

    await expect(many).rejects.toMatchObject({ code: 'BROKER_UNAVAILABLE' });
    await later;
    expect(await takeEvents(reader, 2)).toEqual(['first', 'later']);
  });
});

describe('a broker that is closed while it reads', () => {
  it('leaves no timer behind', async () => {
    const clock = new VirtualClock();
    for (let round = 0; round < 10; round += 1) {
      const broker = createBroker({ clock });
      await Promise.all(numbers(20).map((n) => broker.read('topic', String(n), undefined)));

      const publications = numbers(20).map((n) => broker.publish('topic', String(n), n));
      await publications[0];
      await broker.close();
      await Promise.allSettled(publications);
    }

    expect(clock.timerCount).toBe(0);
  });
});

describe('a server that accepts connections and says nothing', () => {
  it('is left with none of them', async () => {
    const sockets = new Set<Socket>();
    const silent = createServer({ allowHalfOpen: true }, (socket) => {
      sockets.add(socket);
      socket.resume().on('error', () => {});
      socket.on('close', () => sockets.delete(socket));
    });
    await once(silent.listen(0, '127.0.0.1'), 'listening');
    open.push(() => silent.close());
    const { port } = silent.address() as AddressInfo; // a TCP server has an address of this form
    const broker = createBroker({ url: `postgres://user@127.0.0.1:${port}/name`, timeoutMs: 50 });

    await expect(broker.head('topic', 'key')).rejects.toMatchObject({ code: 'BROKER_UNAVAILABLE' });
    await broker.close();

    const countOpen = () => {
      for (const socket of sockets) socket.write('x'); // shows whether anybody is there
      return sockets.size;
    };
    await expect.poll(countOpen, patience).toBe(0);
  });
});

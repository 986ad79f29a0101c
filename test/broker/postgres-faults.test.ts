import { createPostgresBroker, postgresMigration } from 'millrace/broker/postgres';
import type {
  PostgresBroker,
  PostgresBrokerOptions,
  PostgresStatus,
} from 'millrace/broker/postgres';
import { seededRandom } from 'millrace/testing';
import { startTcpProxy } from 'millrace/testing/node';
import pg from 'pg';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';

import { readToFailure, takeEvents } from '../support/log-readers.ts';
import { PostgresServer, query } from '../support/postgres-server.ts';
import { Inbox } from '../support/waiting.ts';

/** For what has to happen, on a machine with other things to do. */
const patience = { interval: 5, timeout: 4_000 };

let server: PostgresServer;
let schema: string;
const open: (() => Promise<void>)[] = [];

// servers are started and ended
vi.setConfig({ testTimeout: 30_000, hookTimeout: 60_000 });

beforeAll(async () => {
  server = await PostgresServer.start();
});
afterAll(async () => {
  await server.close();
});
beforeEach(async () => {
  schema = `test_${crypto.randomUUID().replaceAll('-', '_')}`;
  await query(server.url, postgresMigration({ schema }));
});
afterEach(async () => {
  for (const close of open.splice(0).toReversed()) await close();
});

function createBroker(url: string, options: PostgresBrokerOptions = {}): PostgresBroker {
  const broker = createPostgresBroker({ url, schema, timeoutMs: 30_000, ...options });
  open.push(() => broker.close());
  return broker;
}

async function startProxy() {
  const proxy = await startTcpProxy({ port: server.port });
  open.push(() => proxy.close());
  return { proxy, url: server.url.replace(String(server.port), String(proxy.port)) };
}

/** The states that a broker goes through, for a test to wait for. */
function watchStatus() {
  const inbox = new Inbox<PostgresStatus>('a change of the status');
  const reaches = async (kind: PostgresStatus['kind']) => {
    for (;;) if ((await inbox.next()).kind === kind) return;
  };
  return { onStatus: inbox.push, reaches };
}

/** A reader whose broker has no connection to PostgreSQL any more, and somebody who has. */
async function cutOff(retention: PostgresBrokerOptions['retention'] = {}) {
  const { proxy, url } = await startProxy();
  const { onStatus, reaches } = watchStatus();
  const broker = createBroker(url, { onStatus, retention });
  const reader = await broker.read('topic', 'key', undefined);
  const other = createBroker(server.url, { retention });
  const position = await other.publish('topic', 'key', 'before');
  expect(await takeEvents(reader, 1)).toEqual(['before']);
  proxy.refuse();
  proxy.reset();
  await reaches('unavailable');
  return { proxy, broker, reader, other, position };
}

/** Ends all connections but the one that does it. */
const terminateAll = () =>
  query(
    server.url,
    `SELECT pg_terminate_backend(pid) FROM pg_stat_activity
     WHERE backend_type = 'client backend' AND pid <> pg_backend_pid()`,
  );

/** Holds the lock that publications need, until it is told to let go. */
async function holdLock() {
  const client = new pg.Client({ connectionString: server.url });
  await client.connect();
  open.push(() => client.end());
  await client.query(`BEGIN; SELECT pg_advisory_xact_lock(
    hashtextextended('millrace', '${schema}.outbox'::regclass::oid::bigint))`);
  return { letGo: () => client.query('COMMIT') };
}

const numbers = (count: number, first = 0) => Array.from({ length: count }, (_, i) => first + i);

/** Drops the table and makes it again. */
const recreate = async () => {
  await query(server.url, `DROP SCHEMA ${schema} CASCADE`);
  await query(server.url, postgresMigration({ schema }));
};

const unavailable = { name: 'SourceError', code: 'BROKER_UNAVAILABLE' };
const notMigrated = { name: 'SourceError', code: 'BROKER_NOT_MIGRATED' };

describe('connections that an administrator ends', () => {
  it('are made again: readers go on where they were', async () => {
    const { onStatus, reaches } = watchStatus();
    const broker = createBroker(server.url, { onStatus });
    const reader = await broker.read('topic', 'key', undefined);
    await broker.publish('topic', 'key', 1);
    expect(await takeEvents(reader, 1)).toEqual([1]);
    await reaches('ready');

    await terminateAll();
    await reaches('unavailable');
    await query(
      server.url,
      `INSERT INTO ${schema}.outbox (topic, key, event)
      VALUES ('topic', 'key', '2')`,
    );

    expect(await takeEvents(reader, 1)).toEqual([2]);
    await broker.publish('topic', 'key', 3);
    expect(await takeEvents(reader, 1)).toEqual([3]);
  });

  it.each([1, 2, 3])('again and again cost no event, and none comes twice (%i)', async (seed) => {
    const random = seededRandom(seed);
    const broker = createBroker(server.url);
    const publisher = createBroker(server.url);
    const live = await broker.read('topic', 'key', undefined);
    const start = live.head;
    const publishing = (async () => {
      for (const n of numbers(200))
        await publisher.publish('topic', 'key', n, { idempotencyId: String(n) });
    })();

    const seen: unknown[] = [];
    while (seen.length < 200) {
      seen.push(...(await takeEvents(live, 1)));
      if (random() > 0.1) continue;
      await terminateAll();
      const resumed = await broker.read('topic', 'key', start);
      expect(resumed.complete).toBe(true);
      const again = await takeEvents(resumed, seen.length);
      expect(again).toEqual(numbers(again.length));
      await resumed.close();
    }
    await publishing;

    expect(seen).toEqual(numbers(200));
  });
});

describe('a server that is killed and comes back', () => {
  it('has what it accepted: readers go on where they were, and so do positions', async () => {
    const { onStatus, reaches } = watchStatus();
    const broker = createBroker(server.url, { onStatus });
    const reader = await broker.read('topic', 'key', undefined);
    const [first] = await broker.publishMany('topic', 'key', [1, 2]);
    expect(await takeEvents(reader, 2)).toEqual([1, 2]);
    await broker.publishMany('topic', 'key', [3, 4]);

    await server.kill();
    await reaches('unavailable');
    await server.start();
    await broker.publish('topic', 'key', 5);

    expect(await takeEvents(reader, 3)).toEqual([3, 4, 5]);
    expect(broker.status).toEqual({ kind: 'ready' });
    const resumed = await broker.read('topic', 'key', first);
    expect(resumed.complete).toBe(true);
    expect(await takeEvents(resumed, 4)).toEqual([2, 3, 4, 5]);
  });

  it('accepts what was published while it was away, if that is not for too long', async () => {
    const { onStatus, reaches } = watchStatus();
    const broker = createBroker(server.url, { onStatus });
    await broker.head('topic', 'key');
    await server.kill();
    await reaches('unavailable');
    const publications = [1, 2, 3].map((event) => broker.publish('topic', 'key', event));

    await server.start();

    const [first] = await Promise.all(publications);
    const reader = await broker.read('topic', 'key', first);
    expect(await takeEvents(reader, 2)).toEqual([2, 3]);
  });
});

describe('a server that is away', () => {
  it('lets everything fail after the time-out', async () => {
    const { proxy, url } = await startProxy();
    const broker = createBroker(url, { timeoutMs: 200 });
    await broker.head('topic', 'key');
    proxy.refuse();
    proxy.reset();

    const attempts = await Promise.allSettled([
      broker.publish('topic', 'key', 1),
      broker.publishMany('topic', 'key', [1]),
      broker.head('topic', 'key'),
      broker.read('topic', 'key', undefined),
    ]);

    expect(attempts).toMatchObject(
      attempts.map(() => ({ status: 'rejected', reason: unavailable })),
    );
    expect(broker.readerCount).toBe(0);
  });

  it('may have been away from the start', async () => {
    const { proxy, url } = await startProxy();
    proxy.refuse();
    const broker = createBroker(url, { timeoutMs: 100 });

    await expect(broker.publish('topic', 'key', 1)).rejects.toMatchObject(unavailable);
    await expect(broker.head('topic', 'key')).rejects.toMatchObject(unavailable);

    await broker.close();
    expect(broker.status.kind).toBe('closed');
  });

  it('does not make anybody wait for more than can be held', async () => {
    const { proxy, url } = await startProxy();
    proxy.refuse();
    const broker = createBroker(url);

    const outcome = Promise.allSettled(
      numbers(10_000).map((n) => broker.publish('topic', 'key', n)),
    );
    const heads = Promise.allSettled(numbers(10_000).map((n) => broker.head('topic', String(n))));

    await expect(broker.publish('topic', 'key', 1)).rejects.toMatchObject(unavailable);
    await broker.close();
    for (const attempt of [...(await outcome), ...(await heads)])
      expect(attempt).toMatchObject({ reason: { code: 'BROKER_CLOSED' } });
  });

  it('behind a connection that lost its other end is noticed, for publishing and for readers', async () => {
    const { proxy, url } = await startProxy();
    const broker = createBroker(url, { timeoutMs: 300, pollMs: 20 });
    const reader = await broker.read('topic', 'key', undefined);
    await broker.publish('topic', 'key', 1);
    expect(await takeEvents(reader, 1)).toEqual([1]);

    for (const connection of proxy.connections) connection.goHalfOpen();
    await expect(broker.publish('topic', 'key', 2)).rejects.toMatchObject(unavailable);
    await createBroker(server.url).publish('topic', 'key', 3);

    expect(await takeEvents(reader, 1)).toEqual([3]);
  });
});

describe('a pool whose connections are all in use', () => {
  it('lets a publish fail after the time-out, and publishes once there is one', async () => {
    const pool = new pg.Pool({ connectionString: server.url, max: 1 });
    open.push(() => pool.end());
    const broker = createPostgresBroker({ pool, schema, timeoutMs: 200 });
    open.push(() => broker.close());
    const reader = await broker.read('topic', 'key', undefined);
    const user = await pool.connect();

    await expect(broker.publish('topic', 'key', 'given up')).rejects.toMatchObject(unavailable);
    user.release();
    await expect
      .poll(() => broker.publish('topic', 'key', 'after').catch(() => undefined), patience)
      .toBeDefined();

    expect(await takeEvents(reader, 1)).toEqual(['after']);
  });
});

describe('a publication whose answer is lost', () => {
  it('is repeated where it has an id', async () => {
    const { proxy, url } = await startProxy();
    const broker = createBroker(url);
    const direct = createBroker(server.url);
    const reader = await direct.read('topic', 'key', undefined);
    await broker.publish('topic', 'other', 0);
    proxy.setWeather({ latencyMs: 60_000 }, 'to-client');

    const publication = broker.publish('topic', 'key', 1, { idempotencyId: 'id' });
    const [entry] = (await reader.read()) ?? [];
    proxy.setWeather({ latencyMs: 0 }, 'to-client');
    proxy.reset();

    expect(await publication).toEqual(entry?.position);
    await direct.publish('topic', 'key', 2);
    expect(await takeEvents(reader, 1)).toEqual([2]);
  });

  it('fails at once where it has none', async () => {
    const { proxy, url } = await startProxy();
    const broker = createBroker(url);
    const direct = createBroker(server.url);
    const reader = await direct.read('topic', 'key', undefined);
    await broker.publish('topic', 'other', 0);
    proxy.setWeather({ latencyMs: 60_000 }, 'to-client');

    const outcome = Promise.allSettled([broker.publish('topic', 'key', 1)]);
    expect(await takeEvents(reader, 1)).toEqual([1]);
    proxy.reset();

    expect(await outcome).toMatchObject([{ status: 'rejected', reason: unavailable }]);
  });
});

describe('a transaction that does not let others publish', () => {
  it('makes them wait, and none of what gave up is published later', async () => {
    const broker = createBroker(server.url, { timeoutMs: 300 });
    const reader = await broker.read('topic', 'key', undefined);
    const { letGo } = await holdLock();

    await expect(broker.publish('topic', 'key', 'given up')).rejects.toMatchObject(unavailable);
    await letGo();
    await expect
      .poll(() => broker.publish('topic', 'key', 'after').catch(() => undefined), patience)
      .toBeDefined();

    expect(await takeEvents(reader, 1)).toEqual(['after']);
  });

  it('does not keep anybody from reading', async () => {
    const broker = createBroker(server.url);
    const positions = await broker.publishMany('topic', 'key', [1, 2]);
    const { letGo } = await holdLock();

    const reader = await broker.read('topic', 'key', positions[0]);
    expect(await takeEvents(reader, 1)).toEqual([2]);

    const publication = broker.publish('topic', 'key', 3);
    await letGo();
    await publication;
    expect(await takeEvents(reader, 1)).toEqual([3]);
  });
});

describe('a transaction that is to be prepared', () => {
  it('is refused with its events, and nothing of it is published', async () => {
    const reader = await createBroker(server.url).read('topic', 'key', undefined);

    const preparation = query(
      server.url,
      `BEGIN; INSERT INTO ${schema}.outbox (topic, key, event) VALUES ('topic', 'key', '1');
        PREPARE TRANSACTION 'name'`,
    );
    await expect(preparation).rejects.toThrow('cannot PREPARE');
    await createBroker(server.url).publish('topic', 'key', 2);

    expect(await takeEvents(reader, 1)).toEqual([2]);
  });
});

describe('a reader that is cut off', () => {
  it('gets what was published meanwhile', async () => {
    const { proxy, reader, other } = await cutOff();
    await other.publishMany('topic', 'key', [1, 2, 3]);

    await proxy.accept();

    expect(await takeEvents(reader, 3)).toEqual([1, 2, 3]);
  });

  it('is told when something of that was removed', async () => {
    const { proxy, broker, reader, other, position } = await cutOff();
    await other.publishMany('topic', 'key', numbers(3));
    await query(server.url, `DELETE FROM ${schema}.outbox WHERE event::text <> '2'`);

    await proxy.accept();

    expect(await readToFailure(reader)).toEqual({ events: [], code: 'EVENTS_LOST' });
    expect((await broker.read('topic', 'key', position)).complete).toBe(false);
  });

  it('is not told anything when only what it had read was removed', async () => {
    const { proxy, reader, other } = await cutOff();
    await query(server.url, `DELETE FROM ${schema}.outbox`);
    await other.publish('topic', 'key', 1);

    await proxy.accept();

    expect(await takeEvents(reader, 1)).toEqual([1]);
  });

  it('is told when another event is in the place of the one that it had read', async () => {
    const { proxy, broker, reader, other, position } = await cutOff();
    await query(server.url, `UPDATE ${schema}.outbox SET tag = tag % 1000 + 1`);

    await proxy.accept();

    expect(await readToFailure(reader)).toEqual({ events: [], code: 'EVENTS_LOST' });
    const again = await broker.read('topic', 'key', position);
    expect(again.complete).toBe(false);
    await other.publish('topic', 'key', 1);
    expect(await takeEvents(again, 1)).toEqual([1]);
  });
});

describe('a table', () => {
  it.each([
    ['emptied', () => query(server.url, `TRUNCATE ${schema}.outbox`)],
    ['dropped and made again', recreate],
  ])('that is %s has another epoch, and readers are told', async (_, change) => {
    const broker = createBroker(server.url, { pollMs: 10 });
    const reader = await broker.read('topic', 'key', undefined);
    const quiet = await broker.read('topic', 'quiet', undefined);
    const position = await broker.publish('topic', 'key', 1);
    expect(await takeEvents(reader, 1)).toEqual([1]);

    await change();

    expect(await readToFailure(reader)).toEqual({ events: [], code: 'EVENTS_LOST' });
    expect(await readToFailure(quiet)).toEqual({ events: [], code: 'EVENTS_LOST' });
    const again = await broker.read('topic', 'key', position);
    expect(again.complete).toBe(false);
    expect(again.epoch).not.toBe(position.epoch);
    await broker.publish('topic', 'key', 2);
    expect(await takeEvents(again, 1)).toEqual([2]);
  });

  it('that is missing is said to be, until it is there', async () => {
    await query(server.url, `DROP SCHEMA ${schema} CASCADE`);
    const broker = createBroker(server.url);
    const pool = new pg.Pool({ connectionString: server.url });
    open.push(() => pool.end());

    await expect(broker.publish('topic', 'key', 1)).rejects.toMatchObject(notMigrated);
    await expect(broker.head('topic', 'key')).rejects.toMatchObject(notMigrated);
    await expect(broker.read('topic', 'key', undefined)).rejects.toMatchObject(notMigrated);
    await expect(broker.in(pool).publish('topic', 'key', 1)).rejects.toMatchObject(notMigrated);
    expect(broker.status).toMatchObject({ kind: 'unavailable' });

    await query(server.url, postgresMigration({ schema }));
    await expect
      .poll(() => broker.head('topic', 'key').catch(() => undefined), patience)
      .toBeDefined();
    const reader = await broker.read('topic', 'key', undefined);
    await broker.publish('topic', 'key', 2);
    expect(await takeEvents(reader, 1)).toEqual([2]);
  });

  it('of another version is refused', async () => {
    await query(server.url, `UPDATE ${schema}.outbox_state SET version = 0`);

    await expect(createBroker(server.url).head('topic', 'key')).rejects.toMatchObject(notMigrated);
    await expect(query(server.url, postgresMigration({ schema }))).rejects.toThrow(
      'the table of events was made by another version of Millrace',
    );
  });
});

describe('a failover', () => {
  it('to a server that lacks the last events is told to readers, and no position means another event', async () => {
    const primary = await PostgresServer.start();
    open.push(() => primary.close());
    await query(primary.url, postgresMigration({ schema }));
    const broker = createBroker(primary.url);
    const reader = await broker.read('topic', 'key', undefined);
    const kept = await broker.publish('topic', 'key', 'kept');
    await primary.copy();
    const lost = await broker.publish('topic', 'key', 'lost');
    expect(await takeEvents(reader, 2)).toEqual(['kept', 'lost']);

    await primary.failOver();

    expect(await readToFailure(reader)).toEqual({ events: [], code: 'EVENTS_LOST' });
    const [afterKept, afterLost] = [
      await broker.read('topic', 'key', kept),
      await broker.read('topic', 'key', lost),
    ];
    expect([afterKept.complete, afterLost.complete]).toEqual([false, false]);
    const next = await broker.publish('topic', 'key', 'next');
    expect(next.epoch).not.toBe(lost.epoch);
    for (const again of [afterKept, afterLost])
      expect(await takeEvents(again, 1)).toEqual(['next']);
  });
});

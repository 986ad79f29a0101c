import { createPostgresBroker, postgresMigration } from 'millrace/broker/postgres';
import type { PostgresBroker, PostgresBrokerOptions } from 'millrace/broker/postgres';
import pg from 'pg';
import { afterAll, beforeAll, beforeEach, describe, expect, it, onTestFinished, vi } from 'vitest';

import { brokerFaultsContract, readThroughBreaks } from '../contract/broker-faults-contract.ts';
import { readToFailure, takeEvents } from '../support/log-readers.ts';
import {
  lost,
  OutageStage,
  startProxy,
  unavailable,
  watchStatus,
} from '../support/outage-stage.ts';
import type { OutageServer } from '../support/outage-stage.ts';
import { PostgresServer, query } from '../support/postgres-server.ts';

/** For what has to happen, on a machine with other things to do. */
const patience = { interval: 5, timeout: 4_000 };

let server: PostgresServer;
let schema: string;

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

/** The server of all tests here, which runs when a test has ended. */
function borrowServer(): OutageServer {
  const { port, url } = server;
  const start = () => server.start();
  const close = async () => {
    if (!server.isRunning) await start();
  };
  return { port, url, start, kill: () => server.kill(), close };
}

const createUnownedBroker = (url: string, options: PostgresBrokerOptions = {}) =>
  createPostgresBroker({ url, schema, timeoutMs: 30_000, ...options });

function createBroker(url: string, options?: PostgresBrokerOptions): PostgresBroker {
  const broker = createUnownedBroker(url, options);
  onTestFinished(() => broker.close());
  return broker;
}

const stage = new OutageStage({
  storage: 'PostgreSQL',
  startServer: async () => borrowServer(),
  createBroker: createUnownedBroker,
});

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
  onTestFinished(() => client.end());
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

const notMigrated = { name: 'SourceError', code: 'BROKER_NOT_MIGRATED' };

brokerFaultsContract(stage, { events: 100, likelihood: 0.15 });

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
    const seen = await readThroughBreaks({
      events: 200,
      likelihood: 0.1,
      seed,
      broker: createBroker(server.url),
      publisher: createBroker(server.url),
      breakConnections: terminateAll,
    });

    expect(seen).toEqual(numbers(200));
  });
});

describe('a server that is away', () => {
  it('lets as many looks wait as publications, beside these, and no more publications', async () => {
    const { proxy, url } = await startProxy(server);
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
});

describe('a pool whose connections are all in use', () => {
  it('lets a publish fail after the time-out, and publishes once there is one', async () => {
    const pool = new pg.Pool({ connectionString: server.url, max: 1 });
    onTestFinished(() => pool.end());
    const broker = createPostgresBroker({ pool, schema, timeoutMs: 1_000 });
    onTestFinished(() => broker.close());
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

describe('a transaction that does not let others publish', () => {
  it('makes them wait, and none of what gave up is published later', async () => {
    const broker = createBroker(server.url, { timeoutMs: 1_000 });
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
  it('is told when something of that was removed', async () => {
    const { proxy, broker, reader, other, position } = await stage.cutOff();
    await other.publishMany('topic', 'key', numbers(3));
    await query(server.url, `DELETE FROM ${schema}.outbox WHERE event::text <> '2'`);

    await proxy.accept();

    expect(await readToFailure(reader)).toEqual(lost);
    expect((await broker.read('topic', 'key', position)).complete).toBe(false);
  });

  it('is not told anything when only what it had read was removed', async () => {
    const { proxy, reader, other } = await stage.cutOff();
    await query(server.url, `DELETE FROM ${schema}.outbox`);
    await other.publish('topic', 'key', 1);

    await proxy.accept();

    expect(await takeEvents(reader, 1)).toEqual([1]);
  });

  it('is told when another event is in the place of the one that it had read', async () => {
    const { proxy, broker, reader, other, position } = await stage.cutOff();
    await query(server.url, `UPDATE ${schema}.outbox SET tag = tag % 1000 + 1`);

    await proxy.accept();

    expect(await readToFailure(reader)).toEqual(lost);
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

    expect(await readToFailure(reader)).toEqual(lost);
    expect(await readToFailure(quiet)).toEqual(lost);
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
    onTestFinished(() => pool.end());

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
    onTestFinished(() => primary.close());
    await query(primary.url, postgresMigration({ schema }));
    const broker = createBroker(primary.url);
    const reader = await broker.read('topic', 'key', undefined);
    const kept = await broker.publish('topic', 'key', 'kept');
    await primary.copy();
    const last = await broker.publish('topic', 'key', 'lost');
    expect(await takeEvents(reader, 2)).toEqual(['kept', 'lost']);

    await primary.failOver();

    expect(await readToFailure(reader)).toEqual(lost);
    const [afterKept, afterLost] = [
      await broker.read('topic', 'key', kept),
      await broker.read('topic', 'key', last),
    ];
    expect([afterKept.complete, afterLost.complete]).toEqual([false, false]);
    const next = await broker.publish('topic', 'key', 'next');
    expect(next.epoch).not.toBe(last.epoch);
    for (const again of [afterKept, afterLost])
      expect(await takeEvents(again, 1)).toEqual(['next']);
  });
});

import { createPostgresBroker, postgresMigration } from 'millrace/broker/postgres';
import type { PostgresBroker, PostgresBrokerOptions } from 'millrace/broker/postgres';
import pg from 'pg';
import { afterAll, beforeAll, beforeEach, describe, expect, it, onTestFinished, vi } from 'vitest';

import { readThroughBreaks } from '../contract/broker-faults-contract.ts';
import { takeEvents } from '../support/log-readers.ts';
import { unavailable, watchStatus } from '../support/outage-stage.ts';
import { PgBouncer } from '../support/pgbouncer.ts';
import type { PgBouncerOptions } from '../support/pgbouncer.ts';
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

/** A pooler that lends a connection per transaction, unless it is told otherwise. */
async function startPooler(options: Partial<PgBouncerOptions> = {}): Promise<PgBouncer> {
  const pooler = await PgBouncer.start(server.url, {
    mode: 'transaction',
    connections: 2,
    ...options,
  });
  onTestFinished(() => pooler.close());
  return pooler;
}

function createPool({ url }: PgBouncer): pg.Pool {
  const pool = new pg.Pool({ connectionString: url });
  pool.on('error', () => {});
  onTestFinished(() => pool.end());
  return pool;
}

function createBroker(options: PostgresBrokerOptions): PostgresBroker {
  const broker = createPostgresBroker({ schema, timeoutMs: 30_000, ...options });
  onTestFinished(() => broker.close());
  return broker;
}

/** One that publishes through a pooler, as it is documented. */
function createPooledBroker(pooler: PgBouncer): PostgresBroker {
  return createBroker({ pool: createPool(pooler), url: server.url });
}

/** Looks only where the test does not wait for long. */
const never = 600_000;

const numbers = (count: number) => Array.from({ length: count }, (_, i) => i);

describe('behind a pooler that lends a connection per transaction', () => {
  it('what many processes publish at once arrives once and in order, over few connections', async () => {
    const pooler = await startPooler();
    const publishers = numbers(6).map(() => createPooledBroker(pooler));
    const [first, second] = publishers as [PostgresBroker, PostgresBroker]; // there are six
    const readers = [
      await first.read('topic', 'key', undefined),
      await second.read('topic', 'key', undefined),
      await createBroker({ url: server.url }).read('topic', 'key', undefined),
    ];

    await Promise.all(
      publishers.map(async (broker, p) => {
        for (const i of numbers(20)) {
          const idempotencyId = `${p} ${i}`;
          const events = [`${p} ${3 * i}`, `${p} ${3 * i + 1}`];
          await broker.publishMany('topic', 'key', events, { idempotencyId });
          // as somebody does who does not know whether it happened
          await broker.publishMany('topic', 'key', events, { idempotencyId });
          await broker.publish('topic', 'key', `${p} ${3 * i + 2}`);
        }
      }),
    );

    const [seen, ...others] = await Promise.all(readers.map((reader) => takeEvents(reader, 360)));
    for (const other of others) expect(other).toEqual(seen);
    for (const p of publishers.keys()) {
      const own = seen?.filter((event) => String(event).startsWith(`${p} `));
      expect(own).toEqual(numbers(60).map((i) => `${p} ${i}`));
    }
  });

  it('a transaction of a client from there publishes when it commits, and nothing if it is rolled back', async () => {
    const pooler = await startPooler();
    const pool = createPool(pooler);
    const broker = createBroker({ pool, url: server.url, pollMs: never });
    const reader = await broker.read('topic', 'key', undefined);
    const [committed, rolledBack] = [await pool.connect(), await pool.connect()];

    for (const client of [committed, rolledBack]) await client.query('BEGIN');
    await broker.in(rolledBack).publish('topic', 'key', 'rolled back', { idempotencyId: 'id' });
    await broker.in(committed).publishMany('topic', 'key', [1, 2], { idempotencyId: 'other' });
    await rolledBack.query('ROLLBACK');
    await committed.query('COMMIT');
    for (const client of [committed, rolledBack]) client.release();
    await broker.publish('topic', 'key', 3, { idempotencyId: 'id' });

    expect(await takeEvents(reader, 3)).toEqual([1, 2, 3]);
  });

  it.each<[string, () => PostgresBrokerOptions]>([
    ['publishes and cleans', () => ({ url: server.url })],
    ['reads as well', () => ({})],
  ])('nothing is left in its connections by whoever %s', async (_, toOptions) => {
    const pooler = await startPooler({ connections: 1 });
    const before = await readSession(pooler);
    const pool = createPool(pooler);
    const options = { pool, pollMs: 5, ...toOptions() };
    const broker = createBroker(options);

    const reader = await broker.read('topic', 'key', undefined);
    await broker.publish('topic', 'key', 1, { idempotencyId: 'id' });
    await broker.in(pool).publish('topic', 'key', 2);
    await broker.publishMany('topic', 'key', [3, 4]);
    expect(await takeEvents(reader, 4)).toEqual([1, 2, 3, 4]);
    const cleaning = createBroker({ ...options, cleanMs: 5, retention: { events: 1 } });
    await cleaning.publish('topic', 'key', 5);
    await expect.poll(countEvents, patience).toBe(1);

    expect(await readSession(pooler)).toEqual(before);
  });

  it('nothing is changed by what others have left in its connections', async () => {
    const pooler = await startPooler({ connections: 1 });
    await query(
      pooler.url,
      `SET search_path = nowhere; SET lock_timeout = 1; SET default_transaction_isolation = serializable;
      SET "DateStyle" = german; SET "IntervalStyle" = iso_8601; SET extra_float_digits = -15`,
    );
    const broker = createPooledBroker(pooler);
    const reader = await broker.read('topic', 'key', undefined);

    await broker.publish('topic', 'key', 1, { idempotencyId: 'id' });
    await broker.in(createPool(pooler)).publish('topic', 'key', 2);
    await broker.publish('topic', 'key', 1, { idempotencyId: 'id' });
    await broker.publish('topic', 'key', 3);

    expect(await takeEvents(reader, 3)).toEqual([1, 2, 3]);
  });

  it('a log has one epoch, whichever tables others have asked for theirs', async () => {
    const pooler = await startPooler({ connections: 1 });
    const hired = await createHiredSchema();
    const broker = createBroker({ pool: createPool(pooler), url: server.url, schema: hired });

    await createPooledBroker(pooler).publish('topic', 'key', 'of another table');
    const position = await broker.publish('topic', 'key', 1);

    const reader = await broker.read('topic', 'key', position);
    expect(reader.complete).toBe(true);
  });
});

describe('a connection of its own', () => {
  it('is told how long a question may take', async () => {
    const broker = createBroker({ url: server.url, timeoutMs: 200, pollMs: never });
    await broker.head('topic', 'key');
    const client = new pg.Client({ connectionString: server.url });
    await client.connect();
    onTestFinished(() => client.end());
    await client.query(`BEGIN; LOCK TABLE ${schema}.outbox`);

    await expect(broker.head('topic', 'key')).rejects.toMatchObject(unavailable);

    await expect
      .poll(() => query(server.url, 'SELECT FROM pg_locks WHERE NOT granted'), patience)
      .toEqual([]);
  });
});

/** A table whose owner may not know which cluster it is in. */
async function createHiredSchema(): Promise<string> {
  const [owner, hired] = [`owner_of_${schema}`, `hired_${schema}`];
  await query(
    server.url,
    `REVOKE EXECUTE ON FUNCTION pg_control_system() FROM PUBLIC;
    CREATE ROLE ${owner}; GRANT CREATE ON DATABASE postgres TO ${owner}; SET ROLE ${owner};
    ${postgresMigration({ schema: hired })}`,
  );
  onTestFinished(async () => {
    await query(server.url, 'GRANT EXECUTE ON FUNCTION pg_control_system() TO PUBLIC');
  });
  return hired;
}

/** What a connection of PostgreSQL is left with, for whoever has it next; but for who listens. */
async function readSession({ url }: PgBouncer): Promise<unknown> {
  return {
    statements: await query(url, 'SELECT name FROM pg_prepared_statements'),
    settings: await query(url, "SELECT name, setting FROM pg_settings WHERE source = 'session'"),
    locks: await query(url, "SELECT * FROM pg_locks WHERE locktype = 'advisory'"),
  };
}

async function countEvents(): Promise<number> {
  return (await query(server.url, `SELECT FROM ${schema}.outbox`)).length;
}

describe('a broker that knows nothing but such a pooler', () => {
  it('looks every now and then for what nobody tells it: everything arrives once and in order', async () => {
    const pooler = await startPooler({ connections: 3 });
    const brokers = numbers(4).map(() => createBroker({ url: pooler.url, pollMs: 20 }));
    const readers = await Promise.all(
      brokers.map((broker) => broker.read('topic', 'key', undefined)),
    );

    await Promise.all(
      brokers.map(async (broker, b) => {
        for (const i of numbers(25)) await broker.publish('topic', 'key', `${b} ${i}`);
      }),
    );

    const [seen, ...others] = await Promise.all(readers.map((reader) => takeEvents(reader, 100)));
    for (const other of others) expect(other).toEqual(seen);
    for (const b of brokers.keys()) {
      const own = seen?.filter((event) => String(event).startsWith(`${b} `));
      expect(own).toEqual(numbers(25).map((i) => `${b} ${i}`));
    }
    for (const { status } of brokers) expect(status).toEqual({ kind: 'ready' });
  });

  it('goes on with a position that it was given', async () => {
    const pooler = await startPooler();
    const [one, other] = numbers(2).map(() => createBroker({ url: pooler.url, pollMs: 20 })) as [
      PostgresBroker,
      PostgresBroker,
    ]; // as many as numbers
    const positions = await one.publishMany('topic', 'key', [1, 2, 3]);

    const resumed = await other.read('topic', 'key', positions[0]);

    expect(resumed.complete).toBe(true);
    expect(await takeEvents(resumed, 2)).toEqual([2, 3]);
  });
});

describe('behind a pooler that lends a connection for as long as one stays', () => {
  it('readers are told at once', async () => {
    const pooler = await startPooler({ mode: 'session', connections: 5 });
    const broker = createBroker({ url: pooler.url, pollMs: never });
    const reader = await broker.read('topic', 'key', undefined);

    for (const event of [1, 2, 3]) {
      await broker.publish('topic', 'key', event);
      expect(await takeEvents(reader, 1)).toEqual([event]);
    }
  });
});

describe('a pooler that is killed and comes back', () => {
  it.each([1, 2])(
    'again and again costs no event, and none comes twice (seed %i)',
    async (seed) => {
      const pooler = await startPooler();

      const seen = await readThroughBreaks({
        events: 60,
        likelihood: 0.1,
        seed,
        broker: createBroker({ url: pooler.url, pollMs: 20 }),
        publisher: createPooledBroker(pooler),
        breakConnections: async () => {
          await pooler.kill();
          await pooler.start();
        },
      });

      expect(seen).toEqual(numbers(60));
    },
  );

  it('accepts what was published while it was away, and readers have not noticed', async () => {
    const pooler = await startPooler();
    const { onStatus, reaches } = watchStatus();
    const broker = createBroker({ pool: createPool(pooler), url: server.url, onStatus });
    const reader = await broker.read('topic', 'key', undefined);
    await broker.publish('topic', 'key', 1);
    await pooler.kill();

    const publications = [2, 3].map((event) =>
      broker.publish('topic', 'key', event, { idempotencyId: String(event) }),
    );
    await reaches('unavailable');
    await createBroker({ url: server.url }).publish('topic', 'key', 'past it');
    expect(await takeEvents(reader, 2)).toEqual([1, 'past it']);
    await pooler.start();
    await Promise.all(publications);

    expect(await takeEvents(reader, 2)).toEqual([2, 3]);
    await expect.poll(() => broker.status, patience).toEqual({ kind: 'ready' });
  });

  it('may stay while PostgreSQL behind it is killed and comes back', async () => {
    const pooler = await startPooler();
    const [direct, pooled] = [
      createPooledBroker(pooler),
      createBroker({ url: pooler.url, pollMs: 20 }),
    ];
    const readers = [
      await direct.read('topic', 'key', undefined),
      await pooled.read('topic', 'key', undefined),
    ];
    await direct.publish('topic', 'key', 1);

    await server.kill();
    const publications = [direct, pooled].map((broker, i) =>
      broker.publish('topic', 'key', 2, { idempotencyId: `id ${i}` }),
    );
    await server.start();
    await Promise.all(publications);

    for (const reader of readers) expect(await takeEvents(reader, 3)).toEqual([1, 2, 2]);
  });
});

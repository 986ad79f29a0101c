import fc from 'fast-check';
import { createPostgresBroker } from 'millrace/broker/postgres';
import type { PostgresBroker, PostgresBrokerOptions } from 'millrace/broker/postgres';
import pg from 'pg';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';

import type { LogReader } from '../../src/broker/types.ts';
import { takeEntries, takeEvents } from '../support/log-readers.ts';
import { query, sharePostgres } from '../support/postgres-server.ts';
import type { PostgresShare } from '../support/postgres-server.ts';

/** For what has to happen, on a machine with other things to do. */
const patience = { interval: 5, timeout: 4_000 };

let postgres: PostgresShare;
let schema: string;
const open: (() => Promise<void>)[] = [];

// a server may have to be started, and many schemas are dropped
vi.setConfig({ hookTimeout: 60_000 });

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
  const broker = createPostgresBroker({ url: postgres.url, schema, timeoutMs: 30_000, ...options });
  open.push(() => broker.close());
  return broker;
}

/** A client in a transaction. */
async function begin(mode = ''): Promise<pg.Client> {
  const client = new pg.Client({ connectionString: postgres.url });
  await client.connect();
  open.push(() => client.end());
  await client.query(`BEGIN ${mode}`);
  return client;
}

/** A table whose transactions wait, while they commit, until somebody lets them. */
async function createSlowTable() {
  const gate = Math.floor(Math.random() * 2 ** 31);
  await query(
    postgres.url,
    `CREATE TABLE ${schema}.slow ();
    CREATE FUNCTION ${schema}.wait() RETURNS trigger LANGUAGE plpgsql AS
      'BEGIN PERFORM pg_advisory_xact_lock_shared(${gate}); RETURN NULL; END';
    CREATE CONSTRAINT TRIGGER wait AFTER INSERT ON ${schema}.slow DEFERRABLE INITIALLY DEFERRED
      FOR EACH ROW EXECUTE FUNCTION ${schema}.wait()`,
  );
  const keeper = await begin();
  await keeper.query(`SELECT pg_advisory_xact_lock(${gate})`);
  return {
    hold: (client: pg.Client) => client.query(`INSERT INTO ${schema}.slow DEFAULT VALUES`),
    letCommit: () => keeper.query('COMMIT'),
  };
}

/** Publications that wait for others. */
async function countWaiting(): Promise<number> {
  const rows = await query(
    postgres.url,
    `SELECT FROM pg_stat_activity WHERE wait_event = 'advisory' AND query LIKE '%"${schema}"."outbox_publish"%'`,
  );
  return rows.length;
}

describe('events of a transaction', () => {
  it('are delivered once it has committed, and not before', async () => {
    const broker = createBroker();
    const reader = await broker.read('topic', 'key', undefined);
    const client = await begin();

    await broker.in(client).publish('topic', 'key', 'in it');
    await broker.publish('topic', 'key', 'meanwhile');
    expect(await takeEvents(reader, 1)).toEqual(['meanwhile']);
    await client.query('COMMIT');

    expect(await takeEvents(reader, 1)).toEqual(['in it']);
  });

  it('are never delivered after a rollback', async () => {
    const broker = createBroker();
    const reader = await broker.read('topic', 'key', undefined);
    const client = await begin();

    await broker.in(client).publish('topic', 'key', 'rolled back');
    await client.query('ROLLBACK');
    await broker.publish('topic', 'key', 'next');

    expect(await takeEvents(reader, 1)).toEqual(['next']);
    const [row] = await query(postgres.url, `SELECT count(*) FROM ${schema}.outbox`);
    expect(row).toEqual({ count: '1' });
  });

  it('are left out as far as it was rolled back to a savepoint', async () => {
    const broker = createBroker();
    const reader = await broker.read('topic', 'key', undefined);
    const client = await begin();
    const transaction = broker.in(client);

    await transaction.publish('topic', 'key', 1);
    await client.query('SAVEPOINT before');
    await transaction.publish('topic', 'key', 2);
    await client.query('ROLLBACK TO before');
    await transaction.publish('topic', 'key', 3);
    await client.query('COMMIT');
    await broker.publish('topic', 'key', 4);

    expect(await takeEvents(reader, 3)).toEqual([1, 3, 4]);
  });

  it('belong together with everything else that it did', async () => {
    await query(postgres.url, `CREATE TABLE ${schema}.messages (text text)`);
    const broker = createBroker();
    const messages = broker.in(await begin()).topic<{ text: string }>('messages');
    const reader = await broker.read('messages', '', undefined);
    const client = await begin();

    await client.query(`INSERT INTO ${schema}.messages VALUES ('hello')`);
    await broker.in(client).topic<{ text: string }>('messages').publish({ text: 'hello' });
    await client.query('COMMIT');

    expect(await takeEvents(reader, 1)).toEqual([{ text: 'hello' }]);
    expect(await query(postgres.url, `SELECT text FROM ${schema}.messages`)).toEqual([
      { text: 'hello' },
    ]);
    await messages.publishMany([], { key: 'nothing' });
  });

  it('keep their order, in several logs', async () => {
    const broker = createBroker();
    const readers = await Promise.all(
      ['a', 'b'].map((key) => broker.read('topic', key, undefined)),
    );
    const client = await begin();
    const transaction = broker.in(client).topic<number>('topic');

    await transaction.publishMany([1, 2, 3], { key: 'a' });
    await transaction.publish(4, { key: 'b' });
    await transaction.publish(5, { key: 'a' });
    await client.query('COMMIT');

    const [a, b] = readers as [LogReader, LogReader]; // as many as keys
    expect(await takeEvents(a, 4)).toEqual([1, 2, 3, 5]);
    expect(await takeEvents(b, 1)).toEqual([4]);
  });

  it('need no client of ours: whatever takes a statement and its values will do', async () => {
    const broker = createBroker();
    const reader = await broker.read('topic', 'key', undefined);
    const client = {
      query: (text: string, values: unknown[]) => query(postgres.url, text, values),
    };

    await broker.in(client).publish('topic', 'key', 1);

    expect(await takeEvents(reader, 1)).toEqual([1]);
  });

  it('fail as the client does where the transaction has failed', async () => {
    const broker = createBroker();
    const client = await begin();
    await client.query('SELECT 1 / 0').catch(() => {});

    await expect(broker.in(client).publish('topic', 'key', 1)).rejects.toMatchObject({
      code: '25P02',
    });
  });
});

describe('the order of a log', () => {
  it('is that of the commits: who began earlier and committed later is not skipped', async () => {
    const [broker, other] = [createBroker(), createBroker()];
    const live = await broker.read('topic', 'key', undefined);
    const early = await begin();
    const late = await begin();
    await broker.in(early).publish('topic', 'key', 'began early');
    await broker.in(late).publish('topic', 'key', 'began late');

    await late.query('COMMIT');
    const [first] = await takeEntries(live, 1);
    const resumed = await other.read('topic', 'key', first?.position);
    await early.query('COMMIT');

    expect(first?.event).toBe('began late');
    for (const reader of [live, resumed])
      expect(await takeEvents(reader, 1)).toEqual(['began early']);
    const again = await other.read('topic', 'key', first?.position);
    expect(await takeEvents(again, 1)).toEqual(['began early']);
  });

  it('is not held up by transactions that are left open', async () => {
    const broker = createBroker();
    const reader = await broker.read('topic', 'key', undefined);
    const forgotten = await begin();
    await broker.in(forgotten).publish('topic', 'key', 'for later');
    const elsewhere = await begin('ISOLATION LEVEL SERIALIZABLE');
    await elsewhere.query(`CREATE TABLE ${schema}.elsewhere ()`);

    await broker.publishMany('topic', 'key', [1, 2, 3]);
    const client = await begin();
    await broker.in(client).publish('topic', 'key', 4);
    await client.query('COMMIT');

    expect(await takeEvents(reader, 4)).toEqual([1, 2, 3, 4]);
    await forgotten.query('COMMIT');
    expect(await takeEvents(reader, 1)).toEqual(['for later']);
  });

  it.each([
    [
      'takes long',
      async (client: pg.Client, letCommit: () => Promise<unknown>) => {
        const committed = client.query('COMMIT');
        return async () => {
          await letCommit();
          await committed;
        };
      },
    ],
    [
      'ends long after its constraints were checked',
      async (client: pg.Client, letCommit: () => Promise<unknown>) => {
        await letCommit();
        await client.query('SET CONSTRAINTS ALL IMMEDIATE');
        return () => client.query('COMMIT');
      },
    ],
  ])('has no event before those of a commit that has begun and %s', async (_, start) => {
    const [broker, other] = [createBroker(), createBroker()];
    const reader = await broker.read('topic', 'key', undefined);
    const { letCommit, hold } = await createSlowTable();
    const client = await begin();
    await broker.in(client).publish('topic', 'key', 'slow');
    await hold(client);
    const finish = await start(client, letCommit);

    const publication = other.publish('topic', 'key', 'quick');
    await expect.poll(countWaiting, patience).toBeGreaterThan(0);
    await finish();
    await publication;

    expect(await takeEvents(reader, 2)).toEqual(['slow', 'quick']);
  });

  it.each(['REPEATABLE READ', 'SERIALIZABLE'])(
    'is kept by transactions that are %s, none of which fails for another',
    async (isolation) => {
      const broker = createBroker();
      const reader = await broker.read('topic', 'key', undefined);
      const clients = await Promise.all(
        [1, 2, 3].map(async () => begin(`ISOLATION LEVEL ${isolation}`)),
      );
      for (const [i, client] of clients.entries())
        await broker.in(client).publish('topic', 'key', i);

      for (const client of clients.toReversed()) await client.query('COMMIT');

      expect(await takeEvents(reader, 3)).toEqual([2, 1, 0]);
    },
  );

  it('is the same for everybody, whatever transactions do at once', async () => {
    const transaction = fc.record({
      events: fc.integer({ min: 0, max: 4 }),
      logs: fc.constantFrom(['a'], ['b'], ['a', 'b'], ['b', 'a']),
      end: fc.constantFrom('COMMIT', 'COMMIT', 'COMMIT', 'ROLLBACK'),
    });
    const brokers = [createBroker(), createBroker()];
    const clients = await Promise.all([1, 2, 3, 4].map(() => begin()));
    for (const client of clients) await client.query('COMMIT');
    await fc.assert(
      fc.asyncProperty(fc.array(transaction, { minLength: 1, maxLength: 24 }), async (all) => {
        const topic = crypto.randomUUID();
        const live = await openReaders(brokers, topic);
        const accepted: { readonly key: string; readonly event: string }[] = [];
        const queue = [...all.entries()];
        const work = clients.map(async (client, c) => {
          for (let next = queue.shift(); next !== undefined; next = queue.shift()) {
            const [t, { events, logs, end }] = next;
            await client.query('BEGIN');
            for (let i = 0; i < events; i++) {
              for (const key of logs)
                await brokers[0]?.in(client).publish(topic, key, `${c} ${t} ${i}`);
            }
            await client.query(end);
            if (end === 'ROLLBACK') continue;
            for (let i = 0; i < events; i++)
              accepted.push(...logs.map((key) => ({ key, event: `${c} ${t} ${i}` })));
          }
        });
        await Promise.all(work);

        for (const { key, readers, start } of live) {
          const expected = accepted.filter((one) => one.key === key).map(({ event }) => event);
          const seen = await Promise.all(
            readers.map((reader) => takeEvents(reader, expected.length)),
          );
          const resumed = await brokers[1]?.read(topic, key, start);
          seen.push(resumed ? await takeEvents(resumed, expected.length) : []);
          expect(seen[0]?.toSorted()).toEqual(expected.toSorted());
          for (const other of seen) expect(other).toEqual(seen[0]);
          // what one client did it did one after another
          for (const c of clients.keys()) {
            const ofClient = (list: readonly unknown[]) =>
              list.filter((event) => String(event).startsWith(`${c} `));
            expect(ofClient(seen[0] ?? [])).toEqual(ofClient(expected));
          }
          await Promise.all([...readers, ...(resumed ? [resumed] : [])].map((r) => r.close()));
        }
      }),
      { numRuns: 25 },
    );
  });
});

async function openReaders(brokers: readonly PostgresBroker[], topic: string) {
  return Promise.all(
    ['a', 'b'].map(async (key) => {
      const readers = await Promise.all(
        brokers.map((broker) => broker.read(topic, key, undefined)),
      );
      return { key, readers, start: readers[0]?.head };
    }),
  );
}

describe('a publication with an id in a transaction', () => {
  it('adds nothing where the log has it', async () => {
    const broker = createBroker();
    const reader = await broker.read('topic', 'key', undefined);
    await broker.publish('topic', 'key', 1, { idempotencyId: 'a' });
    const client = await begin();

    await broker.in(client).publish('topic', 'key', 1, { idempotencyId: 'a' });
    await broker.in(client).publishMany('topic', 'key', [2, 3], { idempotencyId: 'b' });
    await broker.in(client).publishMany('topic', 'key', [2, 3, 4], { idempotencyId: 'b' });
    await client.query('COMMIT');

    expect(await takeEvents(reader, 4)).toEqual([1, 2, 3, 4]);
    await broker.publish('topic', 'key', 5);
    expect(await takeEvents(reader, 1)).toEqual([5]);
  });

  it('waits for another one with the same id, and takes its place if that is rolled back', async () => {
    const broker = createBroker();
    const reader = await broker.read('topic', 'key', undefined);
    const [one, two] = [await begin(), await begin()];
    await broker.in(one).publish('topic', 'key', 'of one', { idempotencyId: 'a' });

    const second = broker.in(two).publish('topic', 'key', 'of two', { idempotencyId: 'a' });
    await one.query('ROLLBACK');
    await second;
    await two.query('COMMIT');

    expect(await takeEvents(reader, 1)).toEqual(['of two']);
  });

  it('keeps nobody else from publishing while somebody waits for it', async () => {
    const [broker, other] = [createBroker(), createBroker()];
    const reader = await broker.read('topic', 'key', undefined);
    const client = await begin();
    await broker.in(client).publish('topic', 'key', 1, { idempotencyId: 'a' });

    const waiting = broker.publish('topic', 'key', 'not this', { idempotencyId: 'a' });
    await other.publish('topic', 'key', 2);
    expect(await takeEvents(reader, 1)).toEqual([2]);
    await client.query('COMMIT');

    const [entry] = await takeEntries(reader, 1);
    expect(entry?.event).toBe(1);
    expect(await waiting).toEqual(entry?.position);
  });
});

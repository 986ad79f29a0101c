import { createPostgresBroker } from 'millrace/broker/postgres';
import type { PostgresBroker, PostgresBrokerOptions } from 'millrace/broker/postgres';
import { VirtualClock } from 'millrace/testing';
import pg from 'pg';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';

import { brokerContract } from '../contract/broker-contract.ts';
import { remoteBrokerContract } from '../contract/remote-broker-contract.ts';
import { takeEntries, takeEvents } from '../support/log-readers.ts';
import { query, sharePostgres } from '../support/postgres-server.ts';
import type { PostgresShare } from '../support/postgres-server.ts';

let postgres: PostgresShare;
let schema: string;

// a server may have to be started, and many schemas are dropped
vi.setConfig({ hookTimeout: 60_000 });

beforeAll(async () => {
  postgres = await sharePostgres();
});
afterAll(async () => {
  await postgres.close();
});

const numbers = (count: number, first = 0) => Array.from({ length: count }, (_, i) => first + i);

const ask = (text: string, values?: readonly unknown[]) => query(postgres.url, text, values);

/** Publishes without triggers, so nobody is notified. */
const insertInSilence = (event: number) =>
  ask(`SET session_replication_role = replica;
    INSERT INTO ${schema}.outbox (topic, key, event, place)
    VALUES ('topic', 'key', '${event}', nextval('${schema}.outbox_order'))`);

/** Publishes numbers, each with itself as its id. */
const publishAll = (broker: PostgresBroker, events: readonly number[]) =>
  Promise.all(events.map((n) => broker.publish('topic', 'key', n, { idempotencyId: String(n) })));

brokerContract('postgres', async ({ retainedEvents }) =>
  createPostgresBroker({
    url: postgres.url,
    schema: await postgres.createSchema(),
    retention: retainedEvents === undefined ? {} : { events: retainedEvents },
  }),
);

describe('postgres broker', () => {
  const brokers: PostgresBroker[] = [];

  function createBroker(options: PostgresBrokerOptions = {}): PostgresBroker {
    const broker = createPostgresBroker({ url: postgres.url, schema, ...options });
    brokers.push(broker);
    return broker;
  }

  beforeEach(async () => {
    schema = await postgres.createSchema();
  });
  afterEach(async () => {
    await Promise.all(brokers.splice(0).map((broker) => broker.close()));
  });

  remoteBrokerContract({
    storage: 'PostgreSQL',
    createBroker,
    places: 'tables',
    createStranger: async () => createBroker({ schema: await postgres.createSchema() }),
  });

  describe('what is stored', () => {
    it('is a row with the event as JSON, its place, and the id of the publication if it has one', async () => {
      const broker = createBroker();

      const position = await broker.publish('topic', 'key', { a: '\0\uD800' });
      await broker.publish('topic', 'key', 2, { idempotencyId: 'x' });

      const rows = await ask(
        `SELECT topic, key, event::text, idempotency_id, place || '-' || tag AS offset
         FROM ${schema}.outbox ORDER BY place`,
      );
      expect(rows).toEqual([
        {
          topic: 'topic',
          key: 'key',
          event: String.raw`{"a":"\u0000\ud800"}`,
          idempotency_id: null,
          offset: position.offset,
        },
        {
          topic: 'topic',
          key: 'key',
          event: '2',
          idempotency_id: 'x',
          offset: expect.stringMatching(/^2-\d+$/),
        },
      ]);
    });

    it.each([
      ['orders', 'a:b', ['orders', 'a:b']],
      ['50%', '\0', ['50%25', '%00']],
      ['', '\uD800', ['', '%uD800']],
    ])('of topic %j and key %j has names that PostgreSQL can hold', async (topic, key, names) => {
      const broker = createBroker();
      const reader = await broker.read(topic, key, undefined);

      await broker.publish(topic, key, 1);

      expect(await takeEvents(reader, 1)).toEqual([1]);
      const [row] = await ask(`SELECT topic, key FROM ${schema}.outbox`);
      expect(row).toEqual({ topic: names[0], key: names[1] });
    });

    it('may have names of 2,000 bytes, and not more', async () => {
      const broker = createBroker();
      const [topic, key] = ['ü'.repeat(500), 'k'.repeat(1_000)];
      const reader = await broker.read(topic, key, undefined);

      await broker.publish(topic, key, 1, { idempotencyId: 'i'.repeat(500) });

      expect(await takeEvents(reader, 1)).toEqual([1]);
      const tooLong = { name: 'SourceError', code: 'TOPIC_KEY_TOO_LONG' };
      await expect(broker.publish(topic, `${key}k`, 1)).rejects.toMatchObject(tooLong);
      await expect(broker.read(topic, `${key}k`, undefined)).rejects.toMatchObject(tooLong);
      await expect(broker.head(topic, `${key}k`)).rejects.toMatchObject(tooLong);
    });
  });

  describe('events of other programs', () => {
    it('are read if they are INSERTed with a topic and an event', async () => {
      const reader = await createBroker().read('topic', '', undefined);

      await ask(`INSERT INTO ${schema}.outbox (topic, event) VALUES ('topic', '{"a":1}')`);

      const before = Date.now() - 60_000;
      const [entry] = await takeEntries(reader, 1);
      expect(entry).toMatchObject({ event: { a: 1 }, position: { epoch: reader.epoch } });
      expect(entry?.publishedAt).toBeGreaterThan(before);
      expect(await createBroker().head('topic', '')).toEqual(entry?.position);
    });

    it('may be many, of many logs, and made of other rows', async () => {
      const broker = createBroker();
      const readers = await Promise.all(
        ['0', '1'].map((key) => broker.read('numbers', key, undefined)),
      );

      await ask(`INSERT INTO ${schema}.outbox (topic, key, event)
        SELECT 'numbers', (n % 2)::text, to_jsonb(n) FROM generate_series(0, 999) AS n`);

      for (const [i, reader] of readers.entries())
        expect(await takeEvents(reader, 500)).toEqual(numbers(500).map((n) => 2 * n + i));
    });
  });

  describe('events', () => {
    it.each([
      ['a function', () => 1],
      ['undefined', undefined],
      ['a bigint', 1n],
    ])('that are %s cannot be published in a transaction either', async (_, event) => {
      const broker = createBroker();
      const client = { query: () => Promise.reject(new Error('asked')) };

      await expect(broker.in(client).publish('topic', 'key', event)).rejects.toMatchObject({
        name: 'SourceError',
        code: 'EVENT_NOT_SERIALIZABLE',
      });
      expect((await broker.head('topic', 'key')).offset).toBe('0-0');
    });

    it('that PostgreSQL refuses do not keep others from being published', async () => {
      const broker = createBroker();
      const reader = await broker.read('topic', 'key', undefined);
      const long = { idempotencyId: 'x'.repeat(10_000) + numbers(10_000).join('') };

      const outcomes = await Promise.allSettled([
        broker.publish('topic', 'key', 1),
        broker.publish('topic', 'key', 2, long),
        broker.publish('topic', 'key', 3),
      ]);

      expect(outcomes).toMatchObject([
        { status: 'fulfilled' },
        { status: 'rejected', reason: { code: 'EVENT_NOT_SERIALIZABLE' } },
        { status: 'fulfilled' },
      ]);
      expect(await takeEvents(reader, 2)).toEqual([1, 3]);
    });
  });

  describe('two brokers', () => {
    it('publish once what both publish with the same ids at once', async () => {
      const [one, two] = [createBroker(), createBroker()];
      const reader = await one.read('topic', 'key', undefined);
      const [ascending, descending] = await Promise.all([
        publishAll(one, numbers(50)),
        publishAll(two, numbers(50).toReversed()),
      ]);

      expect(descending.toReversed()).toEqual(ascending);
      const seen = await takeEvents(reader, 50);
      expect(seen.toSorted((a, b) => Number(a) - Number(b))).toEqual(numbers(50));
      await one.publish('topic', 'key', 'last');
      expect(await takeEvents(reader, 1)).toEqual(['last']);
    });
  });

  describe('readers', () => {
    it('at the head of a log that nobody used go on there, whatever happens elsewhere', async () => {
      const broker = createBroker();
      const head = await broker.head('topic', 'quiet');
      await broker.publishMany('topic', 'busy', numbers(10));
      const later = await broker.head('topic', 'quiet');

      const readers = await Promise.all(
        [head, later].map((position) => broker.read('topic', 'quiet', position)),
      );
      await broker.publish('topic', 'quiet', 1);

      for (const reader of readers) {
        expect(reader.complete).toBe(true);
        expect(await takeEvents(reader, 1)).toEqual([1]);
      }
    });

    it.each(['1', '-1-1', '9223372036854775808-1', '1-2147483648', '01-1', '1-1-1'])(
      'after the offset %j, which nobody issued, begin at the head',
      async (offset) => {
        const broker = createBroker();
        const { epoch } = await broker.publish('topic', 'key', 1);

        const reader = await broker.read('topic', 'key', { epoch, offset });

        expect(reader.complete).toBe(false);
      },
    );

    it('after a position of another log begin at the head', async () => {
      const broker = createBroker();
      const position = await broker.publish('topic', 'key', 1);

      expect((await broker.read('topic', 'other', position)).complete).toBe(false);
    });

    it('are told of events of programs with the longest names that there can be', async () => {
      const broker = createBroker();
      const reader = await broker.read('topic', 'key', undefined);

      await ask(`INSERT INTO ${schema}.outbox (topic, key, event) VALUES
        (repeat('x', 5000), '', '1'), ('topic', 'key', '2')`);

      expect(await takeEvents(reader, 1)).toEqual([2]);
    });

    it('of a thousand logs cost as many connections as one', async () => {
      const broker = createBroker();
      await Promise.all(numbers(1_000).map((n) => broker.read('topic', String(n), undefined)));

      const [row] = await ask(
        `SELECT count(*) FROM pg_stat_activity WHERE query LIKE '%${schema}%' AND pid <> pg_backend_pid()`,
      );

      expect(row).toEqual({ count: '1' });
    });

    it('get what nobody notified them of', async () => {
      const broker = createBroker({ pollMs: 5 });
      const reader = await broker.read('topic', 'key', undefined);
      await insertInSilence(1);
      expect(await takeEvents(reader, 1)).toEqual([1]);
      await insertInSilence(2);

      expect(await takeEvents(reader, 1)).toEqual([2]);
    });
  });

  describe('options', () => {
    it('may be a pool, which is left alone', async () => {
      const pool = new pg.Pool({ connectionString: postgres.url });
      const broker = createPostgresBroker({ pool, schema });
      const reader = await broker.read('topic', 'key', undefined);

      await broker.publish('topic', 'key', 1);
      expect(await takeEvents(reader, 1)).toEqual([1]);
      await broker.close();

      expect(pool.totalCount).toBe(pool.idleCount);
      const { rows } = await pool.query<{ one: number }>('SELECT 1 AS one');
      expect(rows).toEqual([{ one: 1 }]);
      await pool.end();
    });

    it('may be a pool for publishing, and another place for listening', async () => {
      const pool = new pg.Pool({ connectionString: postgres.url });
      const broker = createBroker({ pool });
      const reader = await broker.read('topic', 'key', undefined);
      expect(pool.totalCount).toBe(0);

      await broker.publish('topic', 'key', 1);

      expect(await takeEvents(reader, 1)).toEqual([1]);
      await broker.close();
      await pool.end();
    });

    it.each([
      ['neither `url` nor `pool`', { url: undefined }],
      ['an address that is none', { url: 'postgres://[' }],
      ['no events at all', { retention: { events: 0 } }],
      ['a part of a millisecond', { retention: { ageMs: 0.5 } }],
      ['a table without a name', { table: '' }],
    ])('with %s are refused', (_, options) => {
      expect(() => createBroker(options as PostgresBrokerOptions)).toThrow(
        expect.objectContaining({ name: 'UsageError' }),
      );
    });

    it('leave no timer behind', async () => {
      const clock = new VirtualClock();
      const broker = createBroker({ clock });
      await broker.read('topic', 'key', undefined);
      await broker.publish('topic', 'key', 1);

      await broker.close();

      expect(clock.timerCount).toBe(0);
    });
  });
});

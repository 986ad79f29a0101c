import { createPostgresBroker } from 'millrace/broker/postgres';
import type { PostgresBroker, PostgresBrokerOptions } from 'millrace/broker/postgres';
import { VirtualClock } from 'millrace/testing';
import { afterAll, beforeAll, beforeEach, describe, expect, it, onTestFinished, vi } from 'vitest';

import { readToFailure, takeEvents } from '../support/log-readers.ts';
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
beforeEach(async () => {
  schema = await postgres.createSchema();
});

/** For what has to happen, on a machine with other things to do. */
const patience = { interval: 5, timeout: 4_000 };

const numbers = (count: number, first = 0) => Array.from({ length: count }, (_, i) => first + i);

const ask = (text: string) => query(postgres.url, text);

async function countRows(table: string): Promise<number> {
  const [row] = await ask(`SELECT count(*) FROM ${schema}.${table}`);
  return Number(row?.['count']);
}

function createBroker(options: PostgresBrokerOptions = {}): PostgresBroker {
  const broker = createPostgresBroker({ url: postgres.url, schema, ...options });
  onTestFinished(() => broker.close());
  return broker;
}

/** Lets another process clean, and then no more: it would remove what a test publishes. */
async function cleanUntil(
  retention: PostgresBrokerOptions['retention'],
  isDone: () => Promise<boolean>,
): Promise<void> {
  const cleaner = createBroker({ ...(retention && { retention }), cleanMs: 5 });
  await cleaner.read('other topic', '', undefined);
  await expect.poll(isDone, patience).toBe(true);
  await cleaner.close();
}

describe('cleaning', () => {
  it('removes what is too old, and positions in quiet logs stay what they are', async () => {
    const broker = createBroker();
    const positions = await broker.publishMany('topic', 'key', numbers(20));
    await cleanUntil({ ageMs: 1, idleMs: 60_000 }, async () => (await countRows('outbox')) === 0);

    const [late, last] = [
      await broker.read('topic', 'key', positions[18]),
      await broker.read('topic', 'key', positions[19]),
    ];
    await broker.publish('topic', 'key', 'next');

    expect([late.complete, last.complete]).toEqual([false, true]);
    expect(last.head).toEqual(positions[19]);
    expect(last.earliest).toBeUndefined();
    expect(await takeEvents(last, 1)).toEqual(['next']);
    expect(await takeEvents(late, 1)).toEqual(['next']);
  });

  it('removes what is more than a log keeps, from logs that are used here', async () => {
    const broker = createBroker({ retention: { events: 10 }, cleanMs: 5 });
    await createBroker().publishMany('topic', 'other', numbers(20));

    await broker.publishMany('topic', 'key', numbers(20));

    await expect.poll(() => countRows('outbox'), patience).toBe(30);
    const reader = await broker.read('topic', 'key', undefined);
    await broker.read('topic', 'other', undefined);
    expect(reader.earliest).toMatchObject({ offset: expect.stringMatching(/^31-/) });
    await expect.poll(() => countRows('outbox'), patience).toBe(20);
  });

  it('adds the event of a known id again when the log does not hold it any more', async () => {
    const broker = createBroker({ cleanMs: 0 });
    const first = await broker.publish('topic', 'key', 1, { idempotencyId: 'x' });
    await ask(`DELETE FROM ${schema}.outbox`);

    const second = await broker.publish('topic', 'key', 1, { idempotencyId: 'x' });
    const third = await broker.publish('topic', 'key', 1, { idempotencyId: 'x' });

    expect(second).not.toEqual(first);
    expect(third).toEqual(second);
  });

  it('forgets where logs ended that nobody used for long, and says so to whoever asks', async () => {
    const broker = createBroker();
    const before = await broker.head('topic', 'never used');
    const old = await broker.publish('topic', 'key', 1);
    await cleanUntil({ ageMs: 1, idleMs: 1 }, async () => {
      const left = [await countRows('outbox'), await countRows('outbox_marks')];
      return left.every((count) => count === 0);
    });

    const reader = await broker.read('topic', 'key', old);
    expect(reader.complete).toBe(false);
    // something may have been published there after it, and been removed
    expect((await broker.read('topic', 'never used', before)).complete).toBe(false);
    const now = await broker.head('topic', 'never used');
    expect((await broker.read('topic', 'never used', now)).complete).toBe(true);
    await broker.publish('topic', 'key', 2);
    expect(await takeEvents(reader, 1)).toEqual([2]);
  });

  it('keeps in mind where logs ended that are read', async () => {
    const broker = createBroker({ retention: { ageMs: 1, idleMs: 60_000 }, cleanMs: 5 });
    const position = await broker.publish('topic', 'key', 1);
    await broker.read('topic', 'key', undefined);
    await expect.poll(() => countRows('outbox'), patience).toBe(0);

    await ask(`UPDATE ${schema}.outbox_marks SET used_at = used_at - interval '1 minute'`);

    const isFresh = async () =>
      (
        await ask(`SELECT used_at > now() - interval '10 s' AS fresh FROM ${schema}.outbox_marks`)
      ).map(({ fresh }) => fresh);
    await expect.poll(isFresh, patience).toEqual([true]);
    expect((await broker.read('topic', 'key', position)).complete).toBe(true);
  });
});

describe('somebody who removes events', () => {
  it('is no reason for a reader to miss any without being told', async () => {
    const clock = new VirtualClock(); // so that nothing is asked in time
    const broker = createBroker({ clock });
    const reader = await broker.read('topic', 'key', undefined);
    const first = await createBroker().publish('topic', 'key', 1);
    expect(await takeEvents(reader, 1)).toEqual([1]);

    await ask(`BEGIN;
      INSERT INTO ${schema}.outbox (topic, key, event) VALUES ('topic', 'key', '2');
      SET CONSTRAINTS ALL IMMEDIATE;
      DELETE FROM ${schema}.outbox;
      INSERT INTO ${schema}.outbox (topic, key, event) VALUES ('topic', 'key', '3');
      COMMIT`);

    expect(await readToFailure(reader)).toEqual({ events: [], code: 'EVENTS_LOST' });
    expect((await broker.read('topic', 'key', first)).complete).toBe(false);
  });

  it('from between others makes what follows them incomplete, and not what follows itself', async () => {
    const broker = createBroker();
    const positions = await broker.publishMany('topic', 'key', numbers(5));

    await ask(`DELETE FROM ${schema}.outbox WHERE event::text = '2'`);

    const readers = await Promise.all(
      positions.map((position) => broker.read('topic', 'key', position)),
    );
    expect(readers.map(({ complete }) => complete)).toEqual([false, false, true, true, true]);
    expect(readers[2] && (await takeEvents(readers[2], 2))).toEqual([3, 4]);
  });

  it('at the end leaves the head where it was', async () => {
    const broker = createBroker();
    const positions = await broker.publishMany('topic', 'key', numbers(3));

    await ask(`DELETE FROM ${schema}.outbox WHERE event::text = '2'`);

    expect(await broker.head('topic', 'key')).toEqual(positions[2]);
    const reader = await broker.read('topic', 'key', positions[2]);
    await broker.publish('topic', 'key', 3);
    expect(await takeEvents(reader, 1)).toEqual([3]);
  });
});

import { createPostgresBroker, postgresMigration } from 'millrace/broker/postgres';
import pg from 'pg';
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest';

import { takeEvents } from '../support/log-readers.ts';
import { query, sharePostgres } from '../support/postgres-server.ts';
import type { PostgresShare } from '../support/postgres-server.ts';

/** For what has to happen, on a machine with other things to do. */
const patience = { interval: 5, timeout: 4_000 };

let postgres: PostgresShare;
const dropped: string[] = [];

// a server may have to be started, and many schemas are dropped
vi.setConfig({ hookTimeout: 60_000 });

beforeAll(async () => {
  postgres = await sharePostgres();
});
afterAll(async () => {
  await postgres.close();
});
afterEach(async () => {
  for (const statement of dropped.splice(0)) await ask(statement);
});

const ask = (text: string, values?: readonly unknown[]) => query(postgres.url, text, values);

function newName(): string {
  return `test_${crypto.randomUUID().replaceAll('-', '_')}`;
}

describe('postgresMigration', () => {
  it('may run again, and in many processes at once', async () => {
    const schema = newName();
    dropped.push(`DROP SCHEMA ${schema} CASCADE`);

    await Promise.all([1, 2, 3, 4, 5].map(() => ask(postgresMigration({ schema }))));

    const broker = createPostgresBroker({ url: postgres.url, schema });
    const reader = await broker.read('topic', 'key', undefined);
    await ask(postgresMigration({ schema }));
    await broker.publish('topic', 'key', 1);
    expect(await takeEvents(reader, 1)).toEqual([1]);
    await broker.close();
  });

  it('waits for nobody where everything is there', async () => {
    const schema = await postgres.createSchema();
    const client = new pg.Client({ connectionString: postgres.url });
    await client.connect();
    await client.query(`BEGIN; LOCK TABLE ${schema}.outbox IN ROW EXCLUSIVE MODE`);

    await expect(ask(postgresMigration({ schema }))).resolves.toBeDefined();

    await client.end();
  });

  it.each(['a "name"; DROP TABLE x', "it's", 'Ünïcode', 'select', '%s %I'])(
    'takes %j for nothing but a name',
    async (name) => {
      const options = { schema: `${newName().slice(0, 20)} ${name}`, table: name };
      dropped.push(`DROP SCHEMA "${options.schema.replaceAll('"', '""')}" CASCADE`);
      await ask(postgresMigration(options));
      const broker = createPostgresBroker({ url: postgres.url, ...options });
      const reader = await broker.read('topic', 'key', undefined);

      await broker.publish('topic', 'key', 1);

      expect(await takeEvents(reader, 1)).toEqual([1]);
      await broker.close();
    },
  );

  it.each(['', 'x'.repeat(49), 'a$b$', '\0'])('refuses the name %j', (name) => {
    for (const options of [{ schema: name }, { table: name }])
      expect(() => postgresMigration(options)).toThrow(
        expect.objectContaining({ name: 'UsageError' }),
      );
  });
});

describe('roles', () => {
  it('need no more than the documentation says', async () => {
    const schema = await postgres.createSchema();
    const [server, program] = [newName(), newName()];
    await ask(`CREATE ROLE ${server} LOGIN; CREATE ROLE ${program} LOGIN;
      GRANT USAGE ON SCHEMA ${schema} TO ${server}, ${program};
      GRANT SELECT ON ${schema}.outbox, ${schema}.outbox_marks, ${schema}.outbox_state TO ${server};
      GRANT EXECUTE ON ALL FUNCTIONS IN SCHEMA ${schema} TO ${server};
      GRANT INSERT (topic, key, event, idempotency_id) ON ${schema}.outbox TO ${server}, ${program};`);
    dropped.push(`DROP OWNED BY ${server}, ${program}; DROP ROLE ${server}; DROP ROLE ${program}`);
    const urlOf = (role: string) => postgres.url.replace(/\/\/\w+@/, `//${role}@`);
    const broker = createPostgresBroker({
      url: urlOf(server),
      schema,
      cleanMs: 5,
      retention: { events: 1 },
    });
    const reader = await broker.read('topic', 'key', undefined);

    await broker.publish('topic', 'key', 1, { idempotencyId: 'a' });
    expect(await takeEvents(reader, 1)).toEqual([1]);
    const pool = new pg.Pool({ connectionString: urlOf(program) });
    await broker.in(pool).publish('topic', 'key', 2, { idempotencyId: 'b' });
    await pool.end();

    expect(await takeEvents(reader, 1)).toEqual([2]);
    await expect
      .poll(() => ask(`SELECT count(*) FROM ${schema}.outbox`), patience)
      .toEqual([{ count: '1' }]);
    await expect(
      query(
        urlOf(program),
        `INSERT INTO ${schema}.outbox (topic, event, place) VALUES ('', '1', 1)`,
      ),
    ).rejects.toMatchObject({ code: '42501' });
    await broker.close();
  });
});

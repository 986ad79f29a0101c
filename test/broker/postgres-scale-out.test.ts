import { listen } from 'millrace/adapters/node';
import { createPostgresBroker } from 'millrace/broker/postgres';
import { createClient } from 'millrace/client';
import { websocket } from 'millrace/client/websocket';
import { createServer } from 'millrace/server';
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest';

import { sharePostgres } from '../support/postgres-server.ts';
import type { PostgresShare } from '../support/postgres-server.ts';
import { createSchema, textQuery } from '../support/sharing-server.ts';
import type { Post } from '../support/sharing-server.ts';

let postgres: PostgresShare;
const open: (() => Promise<void>)[] = [];

// a server may have to be started, and many schemas are dropped
vi.setConfig({ hookTimeout: 60_000 });

beforeAll(async () => {
  postgres = await sharePostgres();
});
afterAll(async () => {
  await postgres.close();
});
afterEach(async () => {
  for (const close of open.splice(0).toReversed()) await close();
});

/** One process of a deployment: a server with a broker of its own over the PostgreSQL of all. */
async function startNode(schema: string) {
  const broker = createPostgresBroker({ url: postgres.url, schema });
  const topic = broker.topic<Post>('posts');
  const server = createServer({ broker, schema: createSchema(topic) });
  const running = await listen(server, { port: 0 });
  open.push(() => broker.close());
  open.push(() => running.close());
  return { broker, topic, server, url: running.url };
}

async function subscribeTo(url: string) {
  const client = createClient({ url, transport: websocket() });
  open.push(async () => client.close());
  const operation = client.subscribe({ query: textQuery });
  await operation.ready;
  return operation[Symbol.asyncIterator]();
}

describe('servers over one PostgreSQL', () => {
  it('serve whoever listens, wherever it was published, with one execution per node and event', async () => {
    const schema = await postgres.createSchema();
    const nodes = await Promise.all([startNode(schema), startNode(schema)]);
    const subscribers = await Promise.all(
      nodes.flatMap(({ url }) => Array.from({ length: 5 }, () => subscribeTo(url))),
    );
    await expect
      .poll(() => nodes.map(({ broker }) => broker.readerCount), { interval: 5 })
      .toEqual([5, 5]);

    await nodes[0]?.topic.publish({ text: 'from the first' });
    await nodes[1]?.topic.publish({ text: 'from the second' });

    for (const subscriber of subscribers) {
      for (const text of ['from the first', 'from the second']) {
        const { value } = await subscriber.next();
        expect(value).toMatchObject({ data: { message: { text } } });
      }
    }
    const sharing = nodes.map(({ server }) => server.sharing());
    expect(sharing).toMatchObject(
      nodes.map(() => ({ groups: 1, subscribers: 5, executions: 2, personalExecutions: 0 })),
    );
  });
});

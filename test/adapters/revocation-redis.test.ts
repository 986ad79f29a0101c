import { createRedisBroker } from 'millrace/broker/redis';
import type { RedisBroker } from 'millrace/broker/redis';
import { createClient } from 'millrace/client';
import { websocket } from 'millrace/client/websocket';
import { createServer } from 'millrace/server';
import { listen } from 'millrace/adapters/node';
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';

import { bundleExample } from '../support/bundle-example.ts';
import type { ExampleBundle } from '../support/bundle-example.ts';
import { createSchema, textQuery } from '../support/sharing-server.ts';
import type { Post } from '../support/sharing-server.ts';
import { RedisServer } from '../support/redis-server.ts';
import { SharedProgram, ask, eventually, processPatienceMs } from '../support/shared-processes.ts';

let bundle: ExampleBundle;
let redis: RedisServer;
beforeAll(async () => {
  bundle = await bundleExample(new URL('../support/shared-server.ts', import.meta.url).href);
  redis = await RedisServer.start('append-only');
}, processPatienceMs);
afterAll(async () => {
  await bundle.remove();
  await redis.close();
});

interface Session {
  readonly name: string;
}

/** One process of a deployment: a server with a broker of its own over the Redis of all. */
async function startNode(prefix: string, recheck?: (session: Session) => boolean) {
  const broker: RedisBroker = createRedisBroker({ url: redis.url, prefix, timeoutMs: 500 });
  const server = createServer({
    broker,
    schema: createSchema(broker.topic<Post>('posts')),
    onConnect: ({ connectionParams }): Session => ({ name: String(connectionParams['name']) }),
    principal: ({ name }) => name,
    revocations: recheck ? { recheck } : {},
    onInternalError: () => {}, // Redis goes away on purpose
  });
  const running = await listen(server, { port: 0, drainOnSignals: false });
  onTestFinished(async () => {
    await running.close();
    await broker.close();
  });
  return { server, broker, url: running.url };
}

/** A client with a subscription, and the codes with which its connections ended. */
async function enter(url: string, name: string): Promise<readonly (number | undefined)[]> {
  const closeCodes: (number | undefined)[] = [];
  const client = createClient({
    url,
    transport: websocket(),
    connectionParams: { name },
    onDisconnected: ({ closeCode }) => closeCodes.push(closeCode),
  });
  onTestFinished(() => client.close());
  const operation = client.subscribe({ query: textQuery });
  operation.subscribe(() => {});
  await operation.ready;
  return closeCodes;
}

describe('a revocation over Redis', { timeout: processPatienceMs }, () => {
  it('ends sessions in both of two servers, and nobody else’s', async () => {
    const prefix = crypto.randomUUID();
    const [here, there] = [await startNode(prefix), await startNode(prefix)];
    const ada = [await enter(here.url, 'ada'), await enter(there.url, 'ada')];
    const bob = [await enter(here.url, 'bob'), await enter(there.url, 'bob')];

    await here.server.revoke({ principal: 'ada' });
    await eventually(() => ada.every((codes) => codes.length > 0), 'the end of the sessions');

    expect(ada.map((codes) => codes[0])).toEqual([4403, 4403]);
    expect(bob).toEqual([[], []]);
    expect([here, there].map(({ server }) => server.counters().revokedSessions)).toEqual([1, 1]);
  });

  it('ends sessions in both of two processes', async () => {
    const place = { url: redis.url, prefix: crypto.randomUUID() };
    const programs = [0, 1].map(() => new SharedProgram(bundle, { redis: place }));
    const [one, other] = await Promise.all(programs.map((program) => program.listening()));
    const ada = await enter(other?.url ?? '', 'ada');
    const bob = await enter(other?.url ?? '', 'bob');

    await ask(one?.url ?? '', 'mutation { revoke(text: "ada") }');
    await eventually(() => ada.length > 0, 'the end of the session');

    expect(ada[0]).toBe(4403);
    expect(bob).toEqual([]);
  });

  it('is caught up with by who could not reach Redis meanwhile', async () => {
    const prefix = crypto.randomUUID();
    const node = await startNode(prefix);
    const ada = await enter(node.url, 'ada');
    const bob = await enter(node.url, 'bob');

    await redis.kill();
    await eventually(() => node.broker.status.kind === 'unavailable', 'the loss of Redis');
    await expect(node.server.revoke({ principal: 'eve' })).rejects.toMatchObject({
      code: 'BROKER_UNAVAILABLE',
    });
    await redis.start();
    const other = await startNode(prefix);
    await other.server.revoke({ principal: 'ada' });
    await eventually(() => ada.length > 0, 'the end of the session');

    expect(ada[0]).toBe(4403);
    expect(bob).toEqual([]);
  });
});

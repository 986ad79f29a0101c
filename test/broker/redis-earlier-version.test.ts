import { buildSchema } from 'graphql';
import { listen } from 'millrace/adapters/node';
import { createRedisBroker } from 'millrace/broker/redis';
import { createClient } from 'millrace/client';
import { resumable } from 'millrace/client/resume';
import { websocket } from 'millrace/client/websocket';
import { createServer, subscriptionField } from 'millrace/server';
import { createClient as createRedisClient } from 'redis';
import { afterEach, beforeEach, expect, it } from 'vitest';

import { idempotencyKey, logKeys } from '../../src/broker/redis/log-keys.ts';
import { shareRedis } from '../support/redis-server.ts';
import type { RedisShare } from '../support/redis-server.ts';

/** What a server left behind that was built before there were brokers for NATS and PostgreSQL: do not make it anew, it is what deployments have. */
const left = {
  topic: 'events',
  key: 'a:b',
  epoch: '5edbd64bc136',
  entries: [
    { id: '1795372911152-0', event: '{"n":1}', idempotencyId: 'id-1' },
    { id: '1795372911244-0', event: '{"n":2}', idempotencyId: 'id-2' },
    { id: '1795372911277-0', event: '{"n":3}', idempotencyId: 'id-3' },
    { id: '1795372911317-0', event: '{"n":4}', idempotencyId: 'id-4' },
  ],
  secret: 'the secret of a deployment that is replaced',
  /** Of the first event, for `events(key: "a:b")`. */
  token:
    '1.kept.WyI1ZWRiZDY0YmMxMzYiLCIxNzk1MzcyOTExMTUyLTAiLDE3OTUzNzI5MTFd.RpSsowETHeWRV0g6UyOnQA',
} as const;

/** Whenever this test runs, what was left is younger. */
const centuryMs = 100 * 365 * 86_400_000;

let redis: RedisShare;

beforeEach(async () => {
  redis = await shareRedis();
  const client = await createRedisClient({ url: redis.url }).connect();
  const keys = logKeys(redis.prefix, left.topic, left.key);
  await client.set(keys.epoch, left.epoch);
  for (const { id, event, idempotencyId } of left.entries) {
    await client.xAdd(keys.stream, id, { event, epoch: left.epoch, id: idempotencyId });
    await client.set(idempotencyKey(keys, idempotencyId), id);
  }
  await client.close();
});
afterEach(() => redis.close());

it('goes on with the log and the tokens of a version that it replaces', async () => {
  const broker = createRedisBroker({
    url: redis.url,
    prefix: redis.prefix,
    retention: { ageMs: centuryMs },
  });
  const topic = broker.topic<{ readonly n: number }>(left.topic);
  const running = await listen(
    createServer({
      schema: createSchema(
        subscriptionField({ topic, key: ({ key }: { readonly key: string }) => key }),
      ),
      broker,
      resume: { keys: [{ id: 'kept', secret: left.secret }], maxAgeMs: centuryMs },
    }),
    { port: 0, host: '127.0.0.1' },
  );
  const client = createClient({
    url: running.url,
    transport: websocket(),
    resume: resumable({ store: new Map([['kept', left.token]]), key: () => 'kept' }),
  });

  const operation = client.subscribe<{ readonly events: { readonly n: number } }>({
    query: 'subscription ($key: ID!) { events(key: $key) { n } }',
    variables: { key: left.key },
  });
  const got: unknown[] = [];
  const states = new Set<string>();
  for await (const { data } of operation) {
    got.push(data?.events.n);
    states.add(operation.status.current);
    if (got.length === 3) {
      // the id is one of those that the earlier version accepted: no event is added
      await topic.publish({ n: 0 }, { key: left.key, idempotencyId: 'id-4' });
      await topic.publish({ n: 5 }, { key: left.key });
    }
    if (got.length === 4) break;
  }
  client.close();
  await running.close();
  await broker.close();

  expect(got).toEqual([2, 3, 4, 5]);
  expect(states).toEqual(new Set(['recovered']));
});

function createSchema(field: object) {
  const schema = buildSchema(
    'type Event { n: Int! } type Query { ok: Boolean } type Subscription { events(key: ID!): Event }',
  );
  Object.assign(schema.getSubscriptionType()?.getFields()['events'] ?? {}, field);
  return schema;
}

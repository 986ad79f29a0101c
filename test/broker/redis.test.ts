import { createRedisBroker } from 'millrace/broker/redis';
import { afterAll, beforeAll } from 'vitest';

import { brokerContract } from '../contract/broker-contract.ts';
import { shareRedis } from '../support/redis-server.ts';
import type { RedisShare } from '../support/redis-server.ts';

let redis: RedisShare;

beforeAll(async () => {
  redis = await shareRedis();
});
afterAll(async () => {
  await redis.close();
});

brokerContract('redis', async ({ retainedEvents }) =>
  createRedisBroker({
    url: redis.url,
    prefix: `${redis.prefix}:${crypto.randomUUID()}`,
    retention: retainedEvents === undefined ? {} : { events: retainedEvents },
  }),
);

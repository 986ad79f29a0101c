import { createRedisBroker } from 'millrace/broker/redis';
import { afterAll, beforeAll } from 'vitest';

import { brokerScaleOutContract } from '../contract/broker-scale-out-contract.ts';
import { shareRedis } from '../support/redis-server.ts';
import type { RedisShare } from '../support/redis-server.ts';

let redis: RedisShare;

beforeAll(async () => {
  redis = await shareRedis();
});
afterAll(async () => {
  await redis.close();
});

brokerScaleOutContract('Redis', () => {
  const prefix = `${redis.prefix}:${crypto.randomUUID()}`;
  return () => createRedisBroker({ url: redis.url, prefix });
});

import { createClient } from 'redis';

import { logKeys } from '../../../src/broker/redis/log-keys.ts';
import type { RedisServer } from '../../support/redis-server.ts';
import type { Stage } from '../stage.ts';

/** What the broker takes for the beginning of all names of keys if nobody says otherwise. */
const prefix = 'millrace';

/** Cuts the connections of all servers to Redis, and refuses others for a while, in which some clients are cut off and come back. */
export async function cutRedis(stage: Stage, durationMs: number): Promise<void> {
  const links = stage.fleet.servers.flatMap(({ toRedis }) => toRedis ?? []);
  for (const link of links) {
    link.refuse();
    link.reset();
  }
  stage.fleet.server(0).proxy.reset();
  await stage.pause(durationMs);
  for (const link of links) await link.accept();
  await stage.pause(1_000);
}

/** Kills Redis and starts it again, with what it kept. */
export async function restartRedis(stage: Stage): Promise<void> {
  const redis = redisOf(stage);
  await redis.kill();
  await stage.pause(500);
  await redis.start();
  await stage.pause(1_500);
}

/** Redis answers nobody for a while. */
export async function stallRedis(stage: Stage, seconds: number): Promise<void> {
  await command(redisOf(stage), ['DEBUG', 'SLEEP', String(seconds)]);
  await stage.pause(1_000);
}

/** Removes what clients have not read that are away: all but the newest events. */
export async function trimHistory(stage: Stage): Promise<void> {
  const { fleet, publisher } = stage;
  for (const { proxy } of fleet.servers) {
    proxy.refuse();
    proxy.reset();
  }
  await stage.pause(1_500);
  for (const { topic, key } of publisher.streams) {
    await command(redisOf(stage), ['XTRIM', logKeys(prefix, topic, key).stream, 'MAXLEN', '2']);
  }
  for (const { proxy } of fleet.servers) await proxy.accept();
}

function redisOf({ fleet }: Stage): RedisServer {
  if (!fleet.redis) throw new Error('the events are not in Redis');
  return fleet.redis;
}

async function command({ url }: RedisServer, words: readonly string[]): Promise<void> {
  const client = await createClient({ url }).connect();
  await client.sendCommand([...words]);
  client.destroy();
}

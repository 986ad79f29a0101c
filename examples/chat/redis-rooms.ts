import { createRedisBroker } from 'millrace/broker/redis';
import type { RedisStatus } from 'millrace/broker/redis';
import { createClient } from 'redis';

import type { Message, Rooms } from './rooms.ts';

/** Where Redis is, and what the names of all keys of this chat begin with. */
export interface RedisRoomsOptions {
  readonly url: string;
  readonly prefix: string;
}

/** What Redis keeps of a room: so many messages, or a few more, none of them older. */
const kept = { events: 1_000, ageMs: 7 * 86_400_000 };
const topic = 'messages';

/** Rooms that every process on the same Redis shares, and that outlive each of them. */
export async function openRedisRooms({ url, prefix }: RedisRoomsOptions): Promise<Rooms> {
  if (!/^rediss?:\/\/./.test(url)) {
    throw new Error('REDIS_URL has to look like redis://127.0.0.1:6379');
  }
  const redis = await connect(url);
  const secret = await shareSecret(redis, `${prefix}:resume-key`);
  const broker = createRedisBroker({ url, prefix, retention: kept, onStatus: createReporter() });
  const added = broker.topic<Message>(topic);

  return {
    place: `in Redis at ${hostOf(url)}`,
    broker,
    added,
    resume: { keys: [{ id: 'shared', secret }], maxAgeMs: kept.ageMs },
    async say(message) {
      await added.publish(message, { key: message.room });
    },
    async last(room, count) {
      // the log of the broker is the history: what was published is kept, and nothing has to be written twice
      const entries = await redis.xRevRange(toStream(prefix, room), '+', '-', {
        COUNT: Math.min(count, kept.events),
      });
      return (entries ?? []).flatMap(({ message }) => parseMessage(message['event'])).toReversed();
    },
    async close() {
      await broker.close();
      redis.destroy();
    },
  };
}

type Redis = Awaited<ReturnType<typeof connect>>;

async function connect(url: string) {
  let wasConnected = false;
  const client = createClient({
    url,
    // as long as the broker waits for a Redis that is away
    commandOptions: { timeout: 5_000 },
    socket: { reconnectStrategy: (_, cause) => (wasConnected ? 1_000 : cause) },
  });
  // the broker, whose connections break at the same time, reports it
  client.on('error', () => {});
  try {
    await client.connect();
  } catch (cause) {
    throw new Error(`no Redis answers at ${hostOf(url)}`, { cause });
  }
  wasConnected = true;
  return client;
}

/**
 * The key of the tokens with which pages come back: made by the first process, the same for all.
 *
 * @remarks
 * For a chat that starts with one command. Whoever can read it there can read the messages as well, and a token gives access to nothing else.
 */
async function shareSecret(redis: Redis, name: string): Promise<string> {
  const fresh = Buffer.from(crypto.getRandomValues(new Uint8Array(32))).toString('base64url');
  return (await redis.set(name, fresh, { condition: 'NX', GET: true })) ?? fresh;
}

/** As docs/brokers.md says what is stored. */
function toStream(prefix: string, room: string): string {
  return `${prefix}:${topic}:${room.replaceAll('%', '%25').replaceAll(':', '%3A')}`;
}

/** Empty for an entry of another program that is no event. */
function parseMessage(event: string | undefined): readonly Message[] {
  try {
    return [JSON.parse(event ?? '') as Message]; // only this program writes to its own logs
  } catch {
    return [];
  }
}

/** Says once that Redis went away, and once that it is back. */
function createReporter(): (status: RedisStatus) => void {
  let isAway = false;
  return ({ kind }) => {
    if (kind === 'unavailable' && !isAway) process.stderr.write('Redis does not answer\n');
    if (kind === 'ready' && isAway) process.stderr.write('Redis is back\n');
    isAway = kind === 'unavailable' || (isAway && kind !== 'ready');
  };
}

/** Without the password that may stand in it. */
function hostOf(url: string): string {
  return new URL(url).host;
}

import type { Broker } from 'millrace/broker';
import { createMemoryBroker } from 'millrace/broker/memory';
import { createRedisBroker } from 'millrace/broker/redis';
import type { ServerOptions } from 'millrace/server';
import { createClient } from 'redis';

/** A broker, and how clients that were away go on behind the last event they saw. */
export type OpenBroker = Required<Pick<ServerOptions, 'resume'>> & { readonly broker: Broker };

/**
 * In memory the log ends with the process: after a restart clients are told of a gap, and ask for the list again. With Redis the log outlives it: they go on where they stopped.
 *
 * @param url - where Redis is; empty: in memory
 */
export async function openBroker(url: string): Promise<OpenBroker> {
  if (url === '') return { broker: createMemoryBroker(), resume: {} };
  const prefix = 'millrace-live-list';
  const secret = await shareSecret(url, `${prefix}:resume-key`);
  return {
    broker: createRedisBroker({ url, prefix }),
    resume: { keys: [{ id: 'shared', secret }] },
  };
}

/** The key of the tokens with which clients come back: made by the first process, the same for all. */
async function shareSecret(url: string, name: string): Promise<string> {
  const redis = createClient({ url, socket: { reconnectStrategy: false } });
  // `connect` rejects with it
  redis.on('error', () => {});
  try {
    await redis.connect();
    const fresh = Buffer.from(crypto.getRandomValues(new Uint8Array(32))).toString('base64url');
    return (await redis.set(name, fresh, { condition: 'NX', GET: true })) ?? fresh;
  } catch (cause) {
    throw new Error('no Redis answers at REDIS_URL', { cause });
  } finally {
    redis.destroy();
  }
}

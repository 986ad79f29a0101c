import { createClient } from 'redis';

import { logKeys } from '../../../src/broker/redis/log-keys.ts';
import { RedisServer } from '../../support/redis-server.ts';
import type { Backplane, BackplaneKind, Persistence } from './types.ts';

/** What the broker takes for the beginning of all names of keys if nobody says otherwise. */
const prefix = 'millrace';

export const redis: BackplaneKind = {
  title: 'Redis',
  means: { stall: 'DEBUG SLEEP', trim: 'XTRIM' },
  start: (persistence) => RedisBackplane.create(persistence),
};

class RedisBackplane implements Backplane {
  readonly #server: RedisServer;

  static async create(persistence: Persistence): Promise<RedisBackplane> {
    const kept = persistence === 'everything' ? 'append-only' : 'nothing';
    return new RedisBackplane(await RedisServer.start(kept));
  }

  private constructor(server: RedisServer) {
    this.#server = server;
  }

  get port(): number {
    return this.#server.port;
  }

  urlAt(port: number): string {
    return `redis://127.0.0.1:${port}`;
  }

  kill(): Promise<void> {
    return this.#server.kill();
  }

  start(): Promise<void> {
    return this.#server.start();
  }

  stall(durationMs: number): Promise<void> {
    return this.#command(['DEBUG', 'SLEEP', String(durationMs / 1_000)]);
  }

  trim(topic: string, key: string): Promise<void> {
    return this.#command(['XTRIM', logKeys(prefix, topic, key).stream, 'MAXLEN', '2']);
  }

  close(): Promise<void> {
    return this.#server.close();
  }

  async #command(words: readonly string[]): Promise<void> {
    const client = await createClient({ url: this.#server.url }).connect();
    await client.sendCommand([...words]);
    client.destroy();
  }
}

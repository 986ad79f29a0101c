import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';

import { createClient } from 'redis';

import { accepts, findFreePort, findProgramFolder, ServerProcess } from './server-process.ts';

/** What a server of Redis keeps when it is killed: everything that it answered, or nothing. */
export type RedisPersistence = 'append-only' | 'nothing';

/** Where the tests look for a server first. */
const usualPort = 6379;

/** Whether tests can have a Redis: one that answers, or the program to start one. */
export async function hasRedis(): Promise<boolean> {
  return hasRedisServer() || (await accepts(usualPort));
}

/** Whether tests can start servers of their own. */
export function hasRedisServer(): boolean {
  return findProgramFolder('redis-server') !== undefined;
}

/** What a test file has of a server that others may use as well. */
export interface RedisShare {
  readonly url: string;
  /** What the names of all its keys begin with. */
  readonly prefix: string;
  /** Leaves nothing behind. */
  close(): Promise<void>;
}

/** The server for tests that do no harm to it: the one that runs here, otherwise one that is started. */
export async function shareRedis(): Promise<RedisShare> {
  const prefix = `test-${crypto.randomUUID()}`;
  if (!(await accepts(usualPort))) {
    const server = await RedisServer.start('nothing');
    return { url: server.url, prefix, close: () => server.close() };
  }
  const url = `redis://127.0.0.1:${usualPort}`;
  return { url, prefix, close: () => removeKeys(url, prefix) };
}

async function removeKeys(url: string, prefix: string): Promise<void> {
  const client = await createClient({ url }).connect();
  for await (const keys of client.scanIterator({ MATCH: `${prefix}*`, COUNT: 1_000 })) {
    if (keys.length > 0) await client.unlink(keys);
  }
  await client.close();
}

export class RedisServer extends ServerProcess {
  protected override readonly program = 'redis-server';
  readonly #directory = mkdtempSync(path.join(tmpdir(), 'millrace-redis-'));
  readonly #persistence: RedisPersistence;

  static async start(persistence: RedisPersistence): Promise<RedisServer> {
    const server = new RedisServer(await findFreePort(), persistence);
    await server.start();
    return server;
  }

  private constructor(port: number, persistence: RedisPersistence) {
    super(port);
    this.#persistence = persistence;
  }

  get url(): string {
    return `redis://127.0.0.1:${this.port}`;
  }

  protected override spawn(): ChildProcess {
    const settings = {
      port: String(this.port),
      bind: '127.0.0.1',
      dir: this.#directory,
      save: '',
      appendonly: this.#persistence === 'append-only' ? 'yes' : 'no',
      appendfsync: 'always',
      'enable-debug-command': 'yes',
      'repl-diskless-sync-delay': '0',
      'stream-node-max-entries': '10',
    };
    const options = Object.entries(settings).flatMap(([name, value]) => [`--${name}`, value]);
    return spawn(this.program, options, { stdio: 'ignore' });
  }

  /** It accepts connections before it has read what it kept. */
  protected override async answers(): Promise<boolean> {
    const client = createClient({ url: this.url, socket: { reconnectStrategy: false } });
    client.on('error', () => {});
    try {
      await client.connect();
      await client.ping();
      return true;
    } catch {
      return false;
    } finally {
      client.destroy();
    }
  }

  protected override removeFiles(): void {
    rmSync(this.#directory, { recursive: true, force: true });
  }
}

import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { accessSync, constants, mkdtempSync, rmSync } from 'node:fs';
import { connect, createServer } from 'node:net';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setImmediate as turn } from 'node:timers/promises';

import { createClient } from 'redis';

/** What a server of Redis keeps when it is killed: everything that it answered, or nothing. */
export type RedisPersistence = 'append-only' | 'nothing';

/** Where the tests look for a server first. */
const usualPort = 6379;

/** How long a test waits for a server. */
const patienceMs = 10_000;

/** Whether tests can have a Redis: one that answers, or the program to start one. */
export async function hasRedis(): Promise<boolean> {
  return hasRedisServer() || (await accepts(usualPort));
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

/** A server of a test's own, with which it may do anything. */
export class RedisServer {
  readonly port: number;
  readonly #directory: string;
  readonly #persistence: RedisPersistence;
  #process: ChildProcess | undefined;

  static async start(persistence: RedisPersistence): Promise<RedisServer> {
    const server = new RedisServer(await freePort(), persistence);
    await server.start();
    return server;
  }

  private constructor(port: number, persistence: RedisPersistence) {
    this.port = port;
    this.#persistence = persistence;
    this.#directory = mkdtempSync(path.join(tmpdir(), 'millrace-redis-'));
  }

  get url(): string {
    return `redis://127.0.0.1:${this.port}`;
  }

  /** Starts it again, on the same port and with what it kept. */
  async start(): Promise<void> {
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
    this.#process = spawn('redis-server', options, { stdio: 'ignore' });
    await this.#answers();
  }

  /** Ends it at once, as `kill -9` does. */
  async kill(): Promise<void> {
    const running = this.#process;
    this.#process = undefined;
    if (running === undefined || running.exitCode !== null) return;
    const exit = once(running, 'exit');
    running.kill('SIGKILL');
    await exit;
  }

  async close(): Promise<void> {
    await this.kill();
    rmSync(this.#directory, { recursive: true, force: true });
  }

  /** It accepts connections before it has read what it kept. */
  async #answers(): Promise<void> {
    const giveUpAt = performance.now() + patienceMs;
    for (;;) {
      if (await answersPing(this.url)) return;
      if (performance.now() > giveUpAt) throw new Error('redis-server does not answer');
      await turn();
    }
  }
}

async function answersPing(url: string): Promise<boolean> {
  const client = createClient({ url, socket: { reconnectStrategy: false } });
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

async function accepts(port: number): Promise<boolean> {
  const socket = connect(port, '127.0.0.1');
  try {
    await once(socket, 'connect');
    return true;
  } catch {
    return false;
  } finally {
    socket.destroy();
  }
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo; // a TCP server has an address of this form
  server.close();
  await once(server, 'close');
  return port;
}

/** Whether tests can start servers of their own. */
export function hasRedisServer(): boolean {
  return (process.env['PATH'] ?? '').split(path.delimiter).some((folder) => {
    try {
      accessSync(path.join(folder, 'redis-server'), constants.X_OK);
      return true;
    } catch {
      return false;
    }
  });
}

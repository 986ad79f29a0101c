import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import {
  accessSync,
  constants,
  cpSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { connect as connectTo, createServer } from 'node:net';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setImmediate as turn } from 'node:timers/promises';

import { jetstreamManager } from '@nats-io/jetstream';
import { connect } from '@nats-io/transport-node';

/** Where the tests look for a server first. */
const usualPort = 4222;

/** How long a test waits for a server. */
const patienceMs = 10_000;

/** What a test file has of a server that others may use as well. */
export interface NatsShare {
  readonly url: string;
  /** What the names of all its streams begin with. */
  readonly prefix: string;
  /** Leaves nothing behind. */
  close(): Promise<void>;
}

/** The server for tests that do no harm to it: the one that runs here, otherwise one that is started. */
export async function shareNats(): Promise<NatsShare> {
  const prefix = `test-${crypto.randomUUID().slice(-12)}`;
  if (!(await accepts(usualPort))) {
    const server = await NatsServer.start();
    return { url: server.url, prefix, close: () => server.close() };
  }
  const url = `nats://127.0.0.1:${usualPort}`;
  return { url, prefix, close: () => deleteStreams(url, prefix) };
}

async function deleteStreams(url: string, prefix: string): Promise<void> {
  const connection = await connect({ servers: url });
  const manager = await jetstreamManager(connection);
  for await (const name of manager.streams.names()) {
    if (name.startsWith(prefix)) await manager.streams.delete(name);
  }
  await connection.close();
}

/** A server of a test's own, with which it may do anything. */
export class NatsServer {
  readonly port: number;
  readonly #configuration: string | undefined;
  #directory = createDirectory();
  #backup: string | undefined;
  #process: ChildProcess | undefined;

  /** @param configuration - what is in its file, besides what every server here has; somebody without a name has to be let in */
  static async start(configuration?: string): Promise<NatsServer> {
    const server = new NatsServer(await freePort(), configuration);
    await server.start();
    return server;
  }

  private constructor(port: number, configuration: string | undefined) {
    this.port = port;
    this.#configuration = configuration;
  }

  get url(): string {
    return `nats://127.0.0.1:${this.port}`;
  }

  /** Starts it again, on the same port and with what it kept. */
  async start(): Promise<void> {
    const options = ['-a', '127.0.0.1', '-p', String(this.port), '-js', '-sd', this.#directory];
    if (this.#configuration !== undefined) {
      const file = path.join(this.#directory, 'nats.conf');
      writeFileSync(file, this.#configuration);
      options.push('-c', file);
    }
    this.#process = spawn('nats-server', options, { stdio: 'ignore' });
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

  /** Lets it do nothing, as a machine that is stopped. */
  async pause(): Promise<void> {
    this.#process?.kill('SIGSTOP');
    while (this.#process && !isStopped(this.#process)) await turn();
  }

  resume(): void {
    this.#process?.kill('SIGCONT');
  }

  /** What it kept is gone when it starts again. */
  forget(): void {
    rmSync(this.#directory, { recursive: true, force: true });
    this.#directory = createDirectory();
  }

  /** Keeps a copy of what it has, for {@link NatsServer.restore}; it has to be ended. */
  save(): void {
    this.#backup ??= createDirectory();
    cpSync(this.#directory, this.#backup, { recursive: true });
  }

  /** It has again what it had then, once it is started. */
  restore(): void {
    this.forget();
    if (this.#backup) cpSync(this.#backup, this.#directory, { recursive: true });
  }

  async close(): Promise<void> {
    await this.kill();
    for (const directory of [this.#directory, this.#backup])
      if (directory) rmSync(directory, { recursive: true, force: true });
  }

  async #answers(): Promise<void> {
    const giveUpAt = performance.now() + patienceMs;
    while (!(await hasJetStream(this.url))) {
      if (performance.now() > giveUpAt) throw new Error('nats-server does not answer');
      await turn();
    }
  }
}

/** As the kernel says; other threads may run for a moment after the signal. */
function isStopped({ pid }: ChildProcess): boolean {
  return readFileSync(`/proc/${pid}/status`, 'utf8').includes('State:\tT');
}

function createDirectory(): string {
  return mkdtempSync(path.join(tmpdir(), 'millrace-nats-'));
}

async function hasJetStream(url: string): Promise<boolean> {
  try {
    const connection = await connect({ servers: url, reconnect: false });
    try {
      await (await jetstreamManager(connection)).getAccountInfo();
      return true;
    } finally {
      await connection.close();
    }
  } catch {
    return false;
  }
}

async function accepts(port: number): Promise<boolean> {
  const socket = connectTo(port, '127.0.0.1');
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
export function hasNatsServer(): boolean {
  return (process.env['PATH'] ?? '').split(path.delimiter).some((folder) => {
    try {
      accessSync(path.join(folder, 'nats-server'), constants.X_OK);
      return true;
    } catch {
      return false;
    }
  });
}

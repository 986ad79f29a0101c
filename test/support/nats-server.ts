import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { cpSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';

import { jetstreamManager } from '@nats-io/jetstream';
import { connect } from '@nats-io/transport-node';

import { accepts, findFreePort, findProgramFolder, ServerProcess } from './server-process.ts';

/** Where the tests look for a server first. */
const usualPort = 4222;

/** How it is asked whether it answers; one of several says nothing before they have a leader. */
const probe = { checkAPI: false, timeout: 1_000 } as const;

/** Whether tests can start servers of their own. */
export function hasNatsServer(): boolean {
  return findProgramFolder('nats-server') !== undefined;
}

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

export class NatsServer extends ServerProcess {
  protected override readonly program = 'nats-server';
  /** One of several answers once they have elected a leader. */
  protected override readonly patienceMs = 30_000;
  readonly #configuration: string | undefined;
  #directory = createDirectory();
  #backup: string | undefined;

  /** @param configuration - what is in its file, besides what every server here has; somebody without a name has to be let in */
  static async start(configuration?: string): Promise<NatsServer> {
    const server = new NatsServer(await findFreePort(), configuration);
    try {
      await server.start();
      return server;
    } catch (error) {
      await server.close();
      throw error;
    }
  }

  private constructor(port: number, configuration: string | undefined) {
    super(port);
    this.#configuration = configuration;
  }

  get url(): string {
    return `nats://127.0.0.1:${this.port}`;
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

  protected override spawn(): ChildProcess {
    const options = ['-a', '127.0.0.1', '-p', String(this.port), '-js', '-sd', this.#directory];
    if (this.#configuration !== undefined) {
      const file = path.join(this.#directory, 'nats.conf');
      writeFileSync(file, this.#configuration);
      options.push('-c', file);
    }
    return spawn(this.program, options, { stdio: 'ignore' });
  }

  protected override async answers(): Promise<boolean> {
    try {
      const connection = await connect({ servers: this.url, reconnect: false });
      try {
        await (await jetstreamManager(connection, probe)).getAccountInfo();
        return true;
      } finally {
        await connection.close();
      }
    } catch {
      return false;
    }
  }

  protected override removeFiles(): void {
    for (const directory of [this.#directory, this.#backup])
      if (directory) rmSync(directory, { recursive: true, force: true });
  }
}

function createDirectory(): string {
  return mkdtempSync(path.join(tmpdir(), 'millrace-nats-'));
}

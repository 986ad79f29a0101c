import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readFileSync } from 'node:fs';
import { connect, createServer } from 'node:net';
import type { AddressInfo } from 'node:net';
import path from 'node:path';
import { setImmediate as turn } from 'node:timers/promises';

/** A server of a test's own, with which it may do anything: it runs in a process that can be killed and started again. */
export abstract class ServerProcess {
  /** The same for as long as it lives, however often it is started. */
  readonly port: number;
  /** How tests connect to it. */
  abstract readonly url: string;
  /** What its program is called. */
  protected abstract readonly program: string;
  /** Ends it at once. */
  protected readonly killSignal: NodeJS.Signals = 'SIGKILL';
  /** How long a test waits for it to answer. */
  protected readonly patienceMs: number = 10_000;
  #process: ChildProcess | undefined;

  protected constructor(port: number) {
    this.port = port;
  }

  protected abstract spawn(): ChildProcess;

  /** Whether it does what tests need; it may accept connections before. */
  protected abstract answers(): Promise<boolean>;

  /** Removes its files, once it has ended. */
  protected abstract removeFiles(): void;

  get isRunning(): boolean {
    return this.#process !== undefined;
  }

  /** Starts it again, on the same port and with what it kept. */
  async start(): Promise<void> {
    this.#process = this.spawn();
    const giveUpAt = performance.now() + this.patienceMs;
    while (!(await this.answers())) {
      if (performance.now() > giveUpAt) throw new Error(`${this.program} does not answer`);
      // a connection that somebody else made from its port keeps it from starting, for a moment
      if (this.#process && hasExited(this.#process)) this.#process = this.spawn();
      await turn();
    }
  }

  /** Ends it at once, without a chance to do anything before. */
  async kill(): Promise<void> {
    const running = this.#process;
    this.#process = undefined;
    if (running === undefined || running.exitCode !== null) return;
    const exit = once(running, 'exit');
    running.kill(this.killSignal);
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

  async close(): Promise<void> {
    await this.kill();
    this.removeFiles();
  }
}

function hasExited({ exitCode, signalCode }: ChildProcess): boolean {
  return exitCode !== null || signalCode !== null;
}

/** As the kernel says; other threads may run for a moment after the signal. */
function isStopped({ pid }: ChildProcess): boolean {
  return readFileSync(`/proc/${pid}/status`, 'utf8').includes('State:\tT');
}

/** A port of 127.0.0.1 on which nobody listens. */
export async function findFreePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo; // a TCP server has an address of this form
  server.close();
  await once(server, 'close');
  return port;
}

/** Whether somebody listens on a port of 127.0.0.1. */
export async function accepts(port: number): Promise<boolean> {
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

/** The folder of a program among those of `PATH`. */
export function findProgramFolder(
  program: string,
  preferred: readonly string[] = [],
): string | undefined {
  const folders = [...preferred, ...(process.env['PATH'] ?? '').split(path.delimiter)];
  return folders.find((folder) => existsSync(path.join(folder, program)));
}

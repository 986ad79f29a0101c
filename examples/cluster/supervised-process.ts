import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { connect } from 'node:net';
import { setTimeout as pause } from 'node:timers/promises';

/** What is started. */
export interface Command {
  readonly file: string;
  readonly words: readonly string[];
  readonly environment?: Readonly<Record<string, string>>;
  /** Whom the program runs as, where it does not run as root. */
  readonly user?: { readonly uid: number; readonly gid: number };
}

/** Options of {@link SupervisedProcess.start}. */
export interface SupervisedProcessOptions {
  /** What it is called in what is printed. */
  readonly name: string;
  readonly command: Command;
  /** Where it listens. */
  readonly port: number;
  /** Told in words that it has ended and was started again. */
  readonly onRestart: (report: string) => void;
}

const restartAfterMs = 500;
const patienceMs = 30_000;
const lookMs = 20;
/** What is kept of the output of a program, for the case that it does not start. */
const keptCharacters = 2_000;

/** A program that is started again whenever it ends, whoever ended it. */
export class SupervisedProcess {
  readonly #options: SupervisedProcessOptions;
  #child: ChildProcess | undefined;
  #output = '';
  #isWanted = true;

  /**
   * Resolves once it accepts connections.
   *
   * @throws an error for people if it cannot be started, or ends at once
   */
  static async start(options: SupervisedProcessOptions): Promise<SupervisedProcess> {
    const started = new SupervisedProcess(options);
    try {
      await started.#run();
      await started.#untilReady();
    } catch (error) {
      await started.stop('SIGKILL');
      throw error;
    }
    void started.#supervise(); // ends when it is stopped, and never rejects
    return started;
  }

  private constructor(options: SupervisedProcessOptions) {
    this.#options = options;
  }

  get name(): string {
    return this.#options.name;
  }

  /** Of the process that runs now. */
  get pid(): number | undefined {
    return this.#child?.pid;
  }

  /** Ends it for good; resolves once it has ended. */
  async stop(signal: NodeJS.Signals): Promise<void> {
    this.#isWanted = false;
    const child = this.#child;
    if (child?.pid === undefined || hasEnded(child)) return;
    const ended = once(child, 'exit');
    child.kill(signal);
    await ended;
  }

  async #run(): Promise<void> {
    const { file, words, environment, user } = this.#options.command;
    const child = spawn(file, words, {
      env: { ...process.env, ...environment },
      // by the channel the servers of this example learn that nobody supervises them any more
      stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
      // Ctrl-C is for the supervisor alone, which ends the others in order
      detached: true,
      ...user,
    });
    this.#child = child;
    this.#output = '';
    for (const stream of [child.stdout, child.stderr]) {
      stream?.on('data', (chunk: Buffer) => {
        this.#output = `${this.#output}${chunk.toString()}`.slice(-keptCharacters);
      });
    }
    await once(child, 'spawn').catch((cause: unknown) => {
      throw new Error(`${this.name} cannot be started: ${file} is not installed`, { cause });
    });
  }

  async #untilReady(): Promise<void> {
    const giveUpAt = performance.now() + patienceMs;
    while (!(await accepts(this.#options.port))) {
      if (!this.#child || hasEnded(this.#child)) {
        throw new Error(`${this.name} ended at once: ${this.#output}`);
      }
      if (performance.now() > giveUpAt) throw new Error(`${this.name} does not answer`);
      await pause(lookMs);
    }
  }

  async #supervise(): Promise<void> {
    for (;;) {
      const child = this.#child;
      if (child && !hasEnded(child)) await once(child, 'exit');
      if (this.#isWanted) await pause(restartAfterMs);
      if (!this.#isWanted) return;
      await this.#run().catch(() => {}); // the next round tries again
      const how = child?.signalCode ?? `code ${child?.exitCode}`;
      this.#options.onRestart(
        `${this.name}: ${child?.pid} ended (${how}), ${this.pid} takes its place`,
      );
    }
  }
}

function hasEnded({ exitCode, signalCode }: ChildProcess): boolean {
  return exitCode !== null || signalCode !== null;
}

function accepts(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1');
    socket.once('connect', () => resolve(true)).once('error', () => resolve(false));
    socket.once('connect', () => socket.destroy());
  });
}

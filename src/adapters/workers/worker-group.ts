import cluster from 'node:cluster';
import type { Worker } from 'node:cluster';
import { randomBytes } from 'node:crypto';
import { createServer } from 'node:net';
import process from 'node:process';

import { UsageError } from '../../errors.ts';
import { toDrainWindow } from '../../server/drain.ts';
import type { DrainOptions, Server } from '../../server/index.ts';
import { drainOn } from '../drain-signals.ts';
import type { ListenOptions, Running } from '../node-server.ts';
import { pathsOf } from '../attach-upgrades.ts';
import { startListening, toOrigin } from '../start-listening.ts';
import { endSoon } from './end-soon.ts';
import { Restarts } from './restarts.ts';
import { isWorkerMessage } from './worker-messages.ts';
import type { PrimaryMessage, Welcome, WorkerMessage } from './worker-messages.ts';
import { toEffectiveWorkers } from './worker-options.ts';
import type { EffectiveWorkers } from './worker-options.ts';

/** How much longer than its windows a drain may take before a worker is killed, whoever it was that drained it. */
const patienceMs = 10_000;

/** Who signals all processes of a group at once means this one as well: nothing is started any more then. */
const leavingPauseMs = 100;

/** What timers of Node cannot exceed, in milliseconds. */
const longestTimeoutMs = 2 ** 31 - 1;

/** Bytes of the secret that the resume tokens of all workers are made with. */
const secretBytes = 32;

let hasStarted = false;

/**
 * Starts the workers; resolves once all of them listen.
 *
 * @throws UsageError for a second group, as each of them would run the whole program, and for options that cannot work
 */
export async function startWorkers(server: Server, options: ListenOptions): Promise<Running> {
  const workers = toEffectiveWorkers(server, options.workers ?? 'auto');
  toDrainWindow(options.drain ?? {}); // now, not in each worker
  const port = await findPort(options);
  if (hasStarted) throw new UsageError('a program can listen with `workers` once');
  hasStarted = true;
  const group = new WorkerGroup(workers, options, port);
  await group.start();
  return group;
}

/** The same in all workers, also in one that comes when no other is left. */
async function findPort({ port, host }: ListenOptions): Promise<number> {
  if (port !== 0) return port ?? 4000;
  const probe = createServer();
  const found = await startListening(probe, { port, ...(host !== undefined && { host }) });
  await new Promise((resolve) => probe.close(resolve));
  return found.port;
}

interface Member {
  readonly worker: Worker;
  readonly startedAt: number;
  /** Kills it if it does not come to listen, or not to its end. */
  killTimer: NodeJS.Timeout | undefined;
  /** `leaving`: it ends by itself, and its place is another's. */
  state: 'starting' | 'listening' | 'leaving';
}

/** The worker processes of this one. */
class WorkerGroup implements Running {
  readonly role = 'primary';
  readonly port: number;
  readonly url: string;
  readonly #workers: EffectiveWorkers;
  readonly #options: ListenOptions;
  readonly #restarts: Restarts;
  readonly #welcome: Welcome;
  readonly #members = new Map<number, Member>();
  readonly #pauses = new Set<NodeJS.Timeout>();
  /** Until all of them listen, or one cannot. */
  #starting: { readonly resolve: () => void; readonly reject: (error: Error) => void } | undefined;
  #ignoreSignals = (): void => {};
  #isEnding = false;
  #whenEmpty: (() => void) | undefined;
  #ended: Promise<void> | undefined;

  constructor(workers: EffectiveWorkers, options: ListenOptions, port: number) {
    this.port = port;
    this.url = `${toOrigin(port, options.host)}${pathsOf(options)[0] ?? ''}`;
    this.#workers = workers;
    this.#options = options;
    this.#restarts = new Restarts(workers);
    const secret = randomBytes(secretBytes).toString('base64');
    this.#welcome = { millrace: 'welcome', port, resumeKey: { id: 'group', secret } };
  }

  get workers(): readonly number[] {
    return [...this.#members.values()]
      .filter(({ state }) => state === 'listening')
      .flatMap(({ worker }) => worker.process.pid ?? []);
  }

  async start(): Promise<void> {
    const started = new Promise<void>((resolve, reject) => {
      this.#starting = { resolve, reject };
    });
    for (let i = 0; i < this.#workers.count; i += 1) this.#fork();
    try {
      await started;
    } catch (error) {
      await this.#end({ millrace: 'close' }, patienceMs);
      throw error;
    } finally {
      this.#starting = undefined;
    }
    this.#ignoreSignals = drainOn(this.#options.drainOnSignals ?? true, this);
  }

  drain(options: DrainOptions = {}): Promise<void> {
    const { windowMs } = toDrainWindow({ ...this.#options.drain, ...options });
    return this.#end({ millrace: 'drain', windowMs }, toPatience(windowMs));
  }

  close(): Promise<void> {
    return this.#end({ millrace: 'close' }, patienceMs);
  }

  #fork(): void {
    const worker = cluster.fork();
    const killTimer = killIn(this.#workers.startTimeoutMs, () => [worker]);
    const startedAt = performance.now();
    const member: Member = { worker, startedAt, killTimer, state: 'starting' };
    this.#members.set(worker.id, member);
    worker.on('message', (message: unknown) => {
      if (isWorkerMessage(message)) this.#hear(member, message);
    });
    worker.on('error', () => {}); // an exit follows
    worker.once('exit', (code: number | null, signal: string | null) => {
      this.#lose(member, code, signal);
    });
  }

  #hear(member: Member, message: WorkerMessage): void {
    switch (message.millrace) {
      case 'hello':
        return tell(member.worker, this.#welcome);
      case 'listening':
        member.state = 'listening';
        clearTimeout(member.killTimer);
        if (this.workers.length === this.#workers.count) this.#starting?.resolve();
        return;
      case 'failed': {
        const { code, message: text } = message;
        const error = Object.assign(new Error(text), code !== undefined && { code });
        return this.#starting?.reject(error);
      }
      case 'leaving':
        member.state = 'leaving';
        member.killTimer = killIn(toPatience(message.windowMs), () => [member.worker]);
        if (!this.#isEnding) this.#forkIn(leavingPauseMs);
    }
  }

  /** A worker has ended. */
  #lose(member: Member, code: number | null, signal: string | null): void {
    const { worker, state, startedAt, killTimer } = member;
    clearTimeout(killTimer);
    this.#members.delete(worker.id);
    if (this.#members.size === 0) this.#whenEmpty?.();
    if (this.#isEnding || state === 'leaving') return;
    if (this.#starting) {
      const how = signal ?? `exit code ${code}`;
      return this.#starting.reject(new Error(`a worker ended before it listened (${how})`));
    }
    const uptimeMs = state === 'listening' ? performance.now() - startedAt : undefined;
    const restartInMs = this.#restarts.ended(uptimeMs);
    this.#workers.onWorkerExit({ pid: worker.process.pid ?? 0, code, signal, restartInMs });
    if (restartInMs !== undefined) return this.#forkIn(restartInMs);
    void this.#giveUp(); // never rejects
  }

  async #giveUp(): Promise<void> {
    process.exitCode = 1;
    await this.drain();
    endSoon();
  }

  #forkIn(pauseMs: number): void {
    const pause = setTimeout(() => {
      this.#pauses.delete(pause);
      this.#fork();
    }, pauseMs);
    this.#pauses.add(pause);
  }

  /** Has all of them end; whoever takes longer than `patienceMs` is killed. Asking for the other end as well hurries them. */
  #end(message: Exclude<PrimaryMessage, Welcome>, patience: number): Promise<void> {
    this.#isEnding = true;
    for (const pause of this.#pauses) clearTimeout(pause);
    for (const { worker, state } of this.#members.values()) {
      if (state === 'starting') worker.process.kill('SIGKILL');
      else tell(worker, message);
    }
    this.#ended ??= this.#emptied(patience);
    return this.#ended;
  }

  async #emptied(patience: number): Promise<void> {
    const killTimer = killIn(patience, () =>
      [...this.#members.values()].map(({ worker }) => worker),
    );
    if (this.#members.size > 0) {
      await new Promise<void>((resolve) => {
        this.#whenEmpty = resolve;
      });
    }
    clearTimeout(killTimer);
    this.#ignoreSignals();
  }
}

/** How long a drain over `windowMs` may take, in milliseconds. */
function toPatience(windowMs: number): number {
  return 2 * windowMs + patienceMs;
}

/** Kills those that `workers` gives, when the time has come. */
function killIn(delayMs: number, workers: () => readonly Worker[]): NodeJS.Timeout {
  const kill = (): void => {
    for (const worker of workers()) worker.process.kill('SIGKILL');
  };
  return setTimeout(kill, Math.min(delayMs, longestTimeoutMs));
}

function tell(worker: Worker, message: PrimaryMessage): void {
  // one that is gone needs to know nothing
  if (worker.isConnected()) worker.send(message, ignore);
}

function ignore(): void {}

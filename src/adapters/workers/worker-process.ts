import cluster from 'node:cluster';
import process from 'node:process';

import { UsageError } from '../../errors.ts';
import { toDrainWindow } from '../../server/drain.ts';
import type { DrainOptions, Server } from '../../server/index.ts';
import { drainOn } from '../drain-signals.ts';
import { listenHere } from '../node-server.ts';
import type { Listening, ListenOptions, Running } from '../node-server.ts';
import { endSoon } from './end-soon.ts';
import { isPrimaryMessage } from './worker-messages.ts';
import type { PrimaryMessage, Welcome, WorkerMessage } from './worker-messages.ts';
import { toEffectiveWorkers } from './worker-options.ts';

/** How long the primary may take to answer. */
const welcomeMs = 10_000;

/** Listens as one of several processes, on the port that the primary has found. */
export async function listenAsWorker(
  server: Server,
  { workers = 'auto', drainOnSignals = true, ...options }: ListenOptions,
): Promise<Running> {
  toEffectiveWorkers(server, workers);
  const { windowMs } = toDrainWindow(options.drain ?? {});
  const { port, resumeKey } = await meetPrimary();
  server.assumeResumeKeys([resumeKey]);
  const listening = await listenOrTell(server, { ...options, port });
  const running = new WorkerRunning(listening, windowMs);
  const ignoreSignals = drainOn(drainOnSignals, {
    drain: () => running.leave(),
    close: () => running.close(),
  });
  const obey = (message: unknown): void => {
    if (isPrimaryMessage(message)) running.obey(message);
  };
  process.on('message', obey);
  const part = async (): Promise<void> => {
    await listening.closed;
    ignoreSignals();
    process.off('message', obey);
    // what is left of the program decides how long this process goes on
    cluster.worker?.disconnect();
  };
  void part(); // never rejects
  tell({ millrace: 'listening' });
  return running;
}

/** A server in a worker. */
class WorkerRunning implements Running {
  readonly role = 'worker';
  readonly workers = [];
  readonly #listening: Listening;
  /** Of a drain that says nothing else. */
  readonly #usualWindowMs: number;
  /** Of the first drain: those that follow are the same one. */
  #windowMs: number | undefined;

  constructor(listening: Listening, usualWindowMs: number) {
    this.#listening = listening;
    this.#usualWindowMs = usualWindowMs;
  }

  get url(): string {
    return this.#listening.url;
  }

  get port(): number {
    return this.#listening.port;
  }

  close(): Promise<void> {
    return this.#listening.close();
  }

  async drain(options: DrainOptions = {}): Promise<void> {
    const { windowMs } = toDrainWindow({ windowMs: this.#usualWindowMs, ...options });
    this.#windowMs ??= windowMs;
    await this.#listening.drain(options);
  }

  /** This worker alone ends: who comes now is served by the others. */
  leave(): Promise<void> {
    this.#listening.stopAccepting();
    const windowMs = this.#windowMs ?? this.#usualWindowMs;
    tell({ millrace: 'leaving', windowMs });
    return this.drain({ windowMs });
  }

  obey(message: PrimaryMessage): void {
    switch (message.millrace) {
      case 'welcome':
        return;
      case 'drain': {
        const { windowMs } = message;
        return void endProcess(this.drain(windowMs === undefined ? {} : { windowMs }));
      }
      case 'close':
        return void endProcess(this.close());
    }
  }
}

/** Never rejects: neither end of a server does. */
async function endProcess(ended: Promise<void>): Promise<void> {
  await ended;
  endSoon();
}

async function listenOrTell(
  server: Server,
  options: Omit<ListenOptions, 'drainOnSignals' | 'workers'>,
): Promise<Listening> {
  try {
    return await listenHere(server, options);
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException; // `node:net` rejects with nothing else
    tell({ millrace: 'failed', code, message });
    throw error;
  }
}

function meetPrimary(): Promise<Welcome> {
  return new Promise((resolve, reject) => {
    const hear = (message: unknown): void => {
      if (!isPrimaryMessage(message) || message.millrace !== 'welcome') return;
      process.off('message', hear);
      clearTimeout(timer);
      resolve(message);
    };
    const timer = setTimeout(() => {
      process.off('message', hear);
      const message = 'the primary does not answer: it has to call listen() with `workers`, too';
      reject(new UsageError(message));
    }, welcomeMs);
    process.on('message', hear);
    tell({ millrace: 'hello' });
  });
}

function tell(message: WorkerMessage): void {
  // a primary that is gone needs to know nothing
  if (process.connected) process.send?.(message);
}

import process from 'node:process';

import { listen } from 'millrace/adapters/node';
import { createServer } from 'millrace/server';

import { createFixtureApp } from './fixture-app.ts';

/** How a test wants this process to be: in the variable `SIGNALLED`. */
export interface SignalledOptions {
  readonly windowMs: number;
  readonly drainOnSignals?: boolean | readonly NodeJS.Signals[];
  /** Whether it has something else to do, without end. */
  readonly isOccupied?: boolean;
  /** Whether it ends that by itself when SIGTERM comes. */
  readonly listensItself?: boolean;
}

/** Lets `slow` go on, for a program that is in another process. */
const releaseSignal = 'SIGUSR2';

const options = JSON.parse(process.env['SIGNALLED'] ?? '{}') as SignalledOptions;
const app = createFixtureApp();
const server = createServer({ schema: app.schema, broker: app.broker });
const { windowMs, drainOnSignals } = options;
const { url } = await listen(server, {
  port: 0,
  host: '127.0.0.1',
  drain: { windowMs },
  ...(drainOnSignals !== undefined && { drainOnSignals }),
});
const occupation = options.isOccupied ? setInterval(() => {}, 1_000) : undefined;
process.on(releaseSignal, () => app.release('slow'));
if (options.listensItself) process.on('SIGTERM', () => clearInterval(occupation));
process.stdout.write(`${url}\n`);

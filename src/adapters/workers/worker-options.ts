import { availableParallelism } from 'node:os';

import { UsageError } from '../../errors.ts';
import type { Server } from '../../server/index.ts';

/** How many worker processes serve: a number, `auto` for as many as the machine can run at the same time, or that with more to say. */
export type Workers = number | 'auto' | WorkerOptions;

/** How several processes serve on one port. */
export interface WorkerOptions {
  /** @defaultValue 'auto' */
  readonly count?: number | 'auto';
  /** Workers in a row that may end within `minUptimeMs`; with one more the others are drained, and this process ends with exit code 1. @defaultValue 5 */
  readonly restarts?: number;
  /** How long a worker may take until it listens, in milliseconds; it is killed then, and has ended too soon. @defaultValue 60_000 */
  readonly startTimeoutMs?: number;
  /** How long a worker has to live, in milliseconds, for its end to count as the first in a row. @defaultValue 10_000 */
  readonly minUptimeMs?: number;
  /** The pause before a worker is started in the place of one that ended too soon, in milliseconds; each further one is twice as long. @defaultValue 500 */
  readonly minRestartDelayMs?: number;
  /** What no pause is longer than, in milliseconds. @defaultValue 30_000 */
  readonly maxRestartDelayMs?: number;
  /** Whether several workers may have a broker whose events stay in their process: what is published in one is not heard of in the others. @defaultValue 'refused' */
  readonly localEvents?: 'refused' | 'accepted';
  /** A worker ended although nobody asked this process for it. @defaultValue writes to `console.error` */
  readonly onWorkerExit?: (exit: WorkerExit) => void;
}

/** How a worker ended. */
export interface WorkerExit {
  readonly pid: number;
  /** `null` if a signal ended it. */
  readonly code: number | null;
  readonly signal: string | null;
  /** The pause before another one is started, in milliseconds; `undefined`: none is. */
  readonly restartInMs: number | undefined;
}

/** {@link WorkerOptions} with their defaults. */
export type EffectiveWorkers = Required<Omit<WorkerOptions, 'count'>> & { readonly count: number };

/** The broker of a server keeps events within its process, so that several workers would not hear of each other's. */
export class LocalBrokerError extends Error {
  override readonly name = 'LocalBrokerError';
  readonly code = 'LOCAL_BROKER';
}

const defaults = {
  restarts: 5,
  startTimeoutMs: 60_000,
  minUptimeMs: 10_000,
  minRestartDelayMs: 500,
  maxRestartDelayMs: 30_000,
  localEvents: 'refused',
  onWorkerExit: ({ pid, code, signal, restartInMs }: WorkerExit): void => {
    const next =
      restartInMs === undefined ? 'no other starts' : `another starts in ${restartInMs} ms`;
    // eslint-disable-next-line no-console -- the default for programs that gave no `onWorkerExit`
    console.error(`millrace: worker ${pid} ended (${signal ?? `exit code ${code}`}), ${next}`);
  },
} as const satisfies WorkerOptions;

/**
 * Puts the defaults in place.
 *
 * @throws UsageError for numbers that are none
 * @throws LocalBrokerError for several workers with a broker of one process
 */
export function toEffectiveWorkers(server: Server, workers: Workers): EffectiveWorkers {
  const options = typeof workers === 'object' ? workers : { count: workers };
  const { count = 'auto', ...others } = options;
  const effective = {
    ...defaults,
    ...others,
    count: count === 'auto' ? availableParallelism() : count,
  };
  assertNumbers(effective);
  if (effective.count > 1 && effective.localEvents === 'refused' && server.hasLocalBroker) {
    throw new LocalBrokerError(
      `the broker keeps events in one process, so ${effective.count} workers would not hear of each other's: use one that they share, such as that of millrace/broker/redis, or say \`workers: { localEvents: 'accepted' }\``,
    );
  }
  return effective;
}

function assertNumbers(workers: EffectiveWorkers): void {
  const { count, restarts, startTimeoutMs, minUptimeMs, minRestartDelayMs, maxRestartDelayMs } =
    workers;
  if (!Number.isSafeInteger(count) || count < 1) {
    throw new UsageError('`workers` is a whole number from 1 on, or `auto`');
  }
  const numbers = { restarts, startTimeoutMs, minUptimeMs, minRestartDelayMs, maxRestartDelayMs };
  for (const [name, number] of Object.entries(numbers)) {
    if (number >= 0) continue;
    throw new UsageError(`workers.${name} must be a number, at least 0`);
  }
}

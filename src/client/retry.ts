import type { TransportError } from './transport-error.ts';

/** How a client comes back after its connection was lost. */
export interface RetryOptions {
  /** Attempts in a row before it gives up. @defaultValue Infinity */
  readonly attempts?: number;
  /** The first pause is random, up to this many milliseconds; each further one up to twice as long. @defaultValue 1_000 */
  readonly minDelayMs?: number;
  /** What no pause is longer than, in milliseconds, unless the server asks for it. @defaultValue 60_000 */
  readonly maxDelayMs?: number;
  /** How long a connection has to live, in milliseconds after its ack, before the count of attempts begins anew. @defaultValue 10_000 */
  readonly minUptimeMs?: number;
  /** Decides instead of {@link TransportError.retryable} and `attempts`; `attempt` counts from 0. */
  readonly shouldRetry?: (failure: TransportError, attempt: number) => boolean;
}

/** {@link RetryOptions} with their defaults. */
export type RetryPolicy = Required<Omit<RetryOptions, 'shouldRetry'>> &
  Pick<RetryOptions, 'shouldRetry'>;

const dayMs = 86_400_000;

/** A server that restarts chooses when it closes each connection: those who move need little more. */
const moveDelayMs = 250;
/** A connection that lived shorter than this was no service that could be interrupted. */
const leastServiceMs = 500;

/** @param options - `false`: never */
export function toRetryPolicy(options: RetryOptions | false = {}): RetryPolicy {
  const {
    attempts = Number.POSITIVE_INFINITY,
    minDelayMs = 1_000,
    maxDelayMs = 60_000,
    minUptimeMs = 10_000,
    shouldRetry,
  } = options || { attempts: 0 };
  return { attempts, minDelayMs, maxDelayMs, minUptimeMs, ...(shouldRetry && { shouldRetry }) };
}

/** Whether another attempt follows `attempts` that failed in a row. */
export function mayRetry(policy: RetryPolicy, failure: TransportError, attempts: number): boolean {
  return policy.shouldRetry
    ? policy.shouldRetry(failure, attempts)
    : failure.retryable && attempts < policy.attempts;
}

/**
 * The pause of a client whose server restarts and has closed a connection that worked, in milliseconds; `undefined` for any other failure.
 *
 * @param uptimeMs - of that connection
 * @param random - at least 0, less than 1
 */
export function movingDelayMs(
  { minDelayMs }: RetryPolicy,
  { closeCode, retryAfterMs = 0 }: TransportError,
  uptimeMs: number,
  random: number,
): number | undefined {
  const isMoving = closeCode === 1012 && retryAfterMs === 0 && uptimeMs >= leastServiceMs;
  return isMoving ? random * Math.min(minDelayMs, moveDelayMs) : undefined;
}

/**
 * The pause before the next attempt, in milliseconds: full jitter, so that those who were cut off together do not come back together.
 *
 * @param random - at least 0, less than 1
 */
export function retryDelayMs(
  { minDelayMs, maxDelayMs }: RetryPolicy,
  { retryAfterMs = 0 }: TransportError,
  attempts: number,
  random: number,
): number {
  const backoffMs = random * Math.min(maxDelayMs, minDelayMs * 2 ** attempts);
  // the server's wish is a floor, with the jitter of a first attempt: it tells everybody the same; nobody is sent away for longer than a day
  const wishMs = Math.min(retryAfterMs, dayMs) + random * minDelayMs;
  return retryAfterMs > 0 ? Math.max(backoffMs, wishMs) : backoffMs;
}

import { UsageError } from '../errors.ts';
import type { Outbox, Writing } from './outbox.ts';
import type { ResultText } from './result-text.ts';

/**
 * What happens to the results of an operation when more than `limits.outboxHighWaterBytes` wait for its connection.
 *
 * @remarks
 * `disconnect` closes the connection with 1013, or cuts the response off. `drop-newest` drops new results until there is room. `drop-oldest` holds as
 * many bytes of new results as the high-water mark, and drops the oldest of them for newer ones; `latest` holds the newest alone. `block` means that a
 * source which can wait does, which it does under every policy; for all others it is `disconnect`. Ends of operations and whatever is no result are
 * never dropped, and come after what is held of their operation.
 */
export type SlowConsumerPolicy = (typeof slowConsumerPolicies)[number];

const slowConsumerPolicies = [
  'disconnect',
  'drop-oldest',
  'drop-newest',
  'latest',
  'block',
] as const;

/** Whether a connection survives that its peer reads too slowly. */
export function isTolerant(policy: ResultPolicy): boolean {
  return policy !== 'disconnect' && policy !== 'block';
}

/** Throws {@link UsageError} for what is no policy. */
export function assertSlowConsumerPolicy(policy: unknown): asserts policy is SlowConsumerPolicy {
  if (slowConsumerPolicies.some((known) => known === policy)) return;
  throw new UsageError(`slowConsumer must be one of ${slowConsumerPolicies.join(', ')}`);
}

/** What happens to a result for which there is no room; `keep` is for those of queries and mutations, which nothing can stand in for, and of no subscription that has begun. */
export type ResultPolicy = SlowConsumerPolicy | 'keep';

/** An operation of a connection, as far as its results are concerned. */
export interface ResultReader {
  readonly policy: ResultPolicy;
  /** Its name on a connection that carries several. */
  readonly id: string | number;
  /** Results that were dropped because they were not read in time. */
  droppedResults: number;
  /** Writes a result in the form of the connection. */
  writeTo(outbox: Outbox, result: ResultText): Writing;
  /** Writes `message`, which ends it, in the same form. */
  writeEnd(outbox: Outbox, message: string): Writing;
  /** What a result takes in that form. */
  bytesOf(result: ResultText): number;
}

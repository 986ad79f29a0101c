import { UsageError } from '../errors.ts';
import type { DocumentLimits } from '../execution/index.ts';

/** Every bound of a server with its default; `Infinity` lifts one. Exceeding one ends in an error that names the limit and its value. */
export interface Limits extends DocumentLimits {
  /**
   * Sockets and open response streams of this server; answered with status 503 before the upgrade.
   *
   * @defaultValue what the adapter finds out that the process can hold (on Node 95 % of its limit of open files), otherwise 10_000
   */
  readonly connections?: number;
  /**
   * Sockets whose connect hook has not accepted yet; the oldest of them is closed with 1013.
   *
   * @defaultValue a tenth of `connections`, but at least 1_000
   */
  readonly unacknowledgedConnections?: number;
  /** Time from the open socket to the init message; answered with close 4408. @defaultValue 5_000 */
  readonly initDeadlineMs?: number;
  /** Size of one WebSocket message, counted while it arrives; answered with close 1009. @defaultValue 65_536 */
  readonly messageBytes?: number;
  /** Size of an HTTP request body, counted while it arrives; answered with status 413. @defaultValue 1_048_576 */
  readonly bodyBytes?: number;
  /** Time from the head to the last byte of an HTTP request; answered with status 408 and the end of the connection. @defaultValue 10_000 */
  readonly bodyMs?: number;
  /** Fragments of one WebSocket message; answered with close 1008. @defaultValue 16_384 */
  readonly messageFragments?: number;
  /** Time from the first to the last byte of one WebSocket message; answered with close 1008. @defaultValue 10_000 */
  readonly messageMs?: number;
  /** Operations of one connection that have not ended; answered with `TOO_MANY_OPERATIONS` on the operation. @defaultValue 100 */
  readonly operationsPerConnection?: number;
  /**
   * Connections of one principal over all transports, if the `principal` option says whose they are; answered with close 4429.
   *
   * @defaultValue 100
   */
  readonly connectionsPerPrincipal?: number;
  /**
   * Operations of one principal over all transports that have not ended; answered with `TOO_MANY_OPERATIONS` on the operation, status 429.
   *
   * @defaultValue 100
   */
  readonly operationsPerPrincipal?: number;
  /**
   * How much longer than its credentials (`expiresAt`) a connection lasts whose client may renew its session in place; answered with close 4403.
   * Everything else ends when the credentials do.
   *
   * @defaultValue 5_000
   */
  readonly expiryGraceMs?: number;
  /** UTF-8 bytes of one operation id; answered with `OPERATION_ID_TOO_LONG` on the operation. @defaultValue 16_384 */
  readonly operationIdBytes?: number;
  /** UTF-8 bytes of the ids of all operations of one connection. @defaultValue 65_536 */
  readonly operationIdBudgetBytes?: number;
  /** Operations that one connection may start per second, on average; answered with `RATE_LIMITED` on the operation. @defaultValue 20 */
  readonly subscribesPerSecond?: number;
  /** How many operations may be started at once. @defaultValue 100 */
  readonly subscribeBurst?: number;
  /** What one operation may cost, as the `cost` option says it; answered with `OPERATION_TOO_EXPENSIVE` on the operation. @defaultValue Infinity */
  readonly cost?: number;
  /** Pings, pongs and surplus stop messages per second, on average; answered with close 4400. @defaultValue 10 */
  readonly controlMessagesPerSecond?: number;
  /** How many of them may come at once. @defaultValue 200 */
  readonly controlMessageBurst?: number;
  /** Bytes waiting in a socket above which its peer counts as too slow; answered with close 1013. @defaultValue 262_144 */
  readonly outboxHighWaterBytes?: number;
  /** Bytes waiting in a socket that no further message may exceed, however far below the high water it started. @defaultValue 1_048_576 */
  readonly outboxHardBytes?: number;
  /** Streams of the single connection mode that are reserved and not open yet; answered with status 503. @defaultValue 1_000 */
  readonly reservations?: number;
  /** How long such a reservation waits for its stream. @defaultValue 30_000 */
  readonly reservationMs?: number;
  /** How long a source that waits for its reader waits before the peer counts as too slow. @defaultValue 10_000 */
  readonly stalledMs?: number;
}

/** The defaults of {@link Limits}; those of a document stand with the checks that use them. */
export const defaultLimits = {
  connections: 10_000,
  unacknowledgedConnections: 1_000,
  initDeadlineMs: 5_000,
  messageBytes: 65_536,
  bodyBytes: 1_048_576,
  bodyMs: 10_000,
  messageFragments: 16_384,
  messageMs: 10_000,
  operationsPerConnection: 100,
  connectionsPerPrincipal: 100,
  operationsPerPrincipal: 100,
  expiryGraceMs: 5_000,
  operationIdBytes: 16_384,
  operationIdBudgetBytes: 65_536,
  subscribesPerSecond: 20,
  subscribeBurst: 100,
  cost: Number.POSITIVE_INFINITY,
  controlMessagesPerSecond: 10,
  controlMessageBurst: 200,
  outboxHighWaterBytes: 262_144,
  outboxHardBytes: 1_048_576,
  reservations: 1_000,
  reservationMs: 30_000,
  stalledMs: 10_000,
} as const satisfies Required<Omit<Limits, keyof DocumentLimits>>;

/** The limits in force: every one of the server's own has a value. */
export type EffectiveLimits = {
  readonly [Name in keyof typeof defaultLimits]: number;
} & DocumentLimits;

/** Puts the defaults under `limits`; throws {@link UsageError} for a value that is no positive number. */
export function toEffectiveLimits(limits: Limits = {}): EffectiveLimits {
  return { ...defaultLimits, ...givenNumbers('limits', limits) };
}

/**
 * The members of `numbers` that say something: one that is `undefined` must not take the place of a default. Throws {@link UsageError} for a
 * value that is no positive number.
 */
export function givenNumbers(option: string, numbers: object): Readonly<Record<string, number>> {
  const given: Record<string, number> = {};
  for (const [name, value] of Object.entries(numbers)) {
    if (value === undefined) continue;
    if (typeof value !== 'number' || !(value > 0)) {
      throw new UsageError(`${option}.${name} must be a positive number or Infinity`);
    }
    given[name] = value;
  }
  return given;
}

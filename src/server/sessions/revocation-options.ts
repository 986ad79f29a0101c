import { UsageError } from '../../errors.ts';

/**
 * Whose sessions end, in words that every process of a deployment understands.
 *
 * @remarks
 * `principal`: those of whom the `principal` option of the server names so. `claim`: those that {@link RevocationsOptions.matches} says it is about; whatever
 * JSON can hold.
 */
export type Revocation =
  | { readonly principal: string }
  | { readonly claim: Readonly<Record<string, unknown>> };

/** How sessions are revoked in all processes that share a broker. */
export interface RevocationsOptions<Session = object> {
  /** Whether `claim` is about `session`; asked in each process, for each session. A session for which it throws is ended. */
  readonly matches?: (session: Session, claim: Readonly<Record<string, unknown>>) => boolean;
  /**
   * Whether `session` may go on; asked for each session that is open when revocations may have been missed, because this process could not reach the broker
   * for longer than that keeps them. One that throws or rejects ends it.
   *
   * @defaultValue all of these sessions are closed with 1012 over ten seconds, so that their clients come back and are admitted anew
   */
  readonly recheck?: (session: Session) => boolean | Promise<boolean>;
  /** The topic of the broker that is used for it; nobody else may publish there. @defaultValue 'millrace.revocations' */
  readonly topic?: string;
}

/** A revocation as it stands in the log. */
export interface RevocationEvent {
  /** The server that published it, which needs not be told. */
  readonly origin: string;
  readonly revocation: Revocation;
}

/** Reads what stands in the log; `undefined` for what is no revocation. */
export function readRevocationEvent(event: unknown): RevocationEvent | undefined {
  const { origin, revocation } = toRecord(event);
  const { principal, claim } = toRecord(revocation);
  if (typeof origin !== 'string') return undefined;
  if (typeof principal === 'string') return { origin, revocation: { principal } };
  if (typeof claim !== 'object' || claim === null) return undefined;
  return { origin, revocation: { claim: toRecord(claim) } };
}

/** @throws UsageError for what TypeScript would not let through: nobody's name would stand for everybody without one */
export function assertRevocation(revocation: unknown): void {
  const { principal, claim } = toRecord(revocation);
  if (typeof principal === 'string' || (typeof claim === 'object' && claim !== null)) return;
  throw new UsageError(
    'a revocation has a `principal`, which is a string, or a `claim`, which is an object',
  );
}

function toRecord(value: unknown): Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : {}; // any object has members by name
}

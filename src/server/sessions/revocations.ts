import type { Broker, LogEntry } from '../../broker/types.ts';
import { UsageError } from '../../errors.ts';
import type { Clock } from '../../vocabulary.ts';
import { Drain } from '../drain.ts';
import type { InternalErrorReporter } from '../masking.ts';
import type { Principals } from '../principals.ts';
import type { LiveSessions } from './live-sessions.ts';
import { RevocationLog } from './revocation-log.ts';
import { assertRevocation, readRevocationEvent } from './revocation-options.ts';
import type { Revocation, RevocationsOptions } from './revocation-options.ts';
import type { SessionLease } from './session-lease.ts';

/** What {@link Revocations} is made of. */
export interface RevocationsParts {
  /** `undefined`: only this process is told. */
  readonly options: RevocationsOptions | undefined;
  readonly broker: Broker | undefined;
  readonly hasPrincipals: boolean;
  readonly principals: Principals;
  readonly sessions: LiveSessions;
  readonly clock: Clock;
  readonly report: InternalErrorReporter;
}

const defaultTopic = 'millrace.revocations';

/** How far the clocks of a deployment may differ: a session that began so long after a revocation is not one of those that were meant. */
const clockSkewMs = 60_000;

/** Sessions that the host program is asked about at the same time. */
const rechecksAtOnce = 16;

/** The sessions that are ended because somebody said so, in this process or in another. */
export class Revocations {
  readonly #parts: RevocationsParts;
  readonly #log: RevocationLog | undefined;
  /** Names this server, once it has something to say: some runtimes have no randomness while a program is loaded. */
  #origin: string | undefined;
  #renewal: Drain | undefined;

  /** @throws UsageError for `revocations` without a broker */
  constructor(parts: RevocationsParts) {
    const { options, broker, clock, report } = parts;
    this.#parts = parts;
    if (!options) return;
    if (!broker) throw new UsageError('`revocations` need the `broker` that carries them');
    this.#log = new RevocationLog({
      broker,
      topic: options.topic ?? defaultTopic,
      clock,
      report,
      onEntry: (entry) => this.#receive(entry),
      onGap: () => this.#distrust(),
    });
  }

  /** Before the connect hook of anybody is asked; `undefined` if there is nothing to be waited for. */
  get opened(): Promise<void> | undefined {
    return this.#log?.isReading === false ? this.#log.opened : undefined;
  }

  get readerCount(): number {
    return this.#log?.isReading ? 1 : 0;
  }

  /**
   * Ends the sessions that are meant here, and tells the other processes.
   *
   * @throws UsageError for what this server cannot match, or cannot pass on
   */
  async revoke(revocation: Revocation): Promise<void> {
    const { sessions, broker } = this.#parts;
    assertRevocation(revocation);
    const isMeant = this.#matcherOf(revocation);
    if (broker && !this.#log) {
      throw new UsageError(
        'revoke() reaches the other processes by `createServer({ revocations: {} })`; revokeHere() ends sessions of this process alone',
      );
    }
    sessions.revoke(({ session }) => isMeant(session));
    this.#origin ??= crypto.randomUUID();
    await this.#log?.publish({ origin: this.#origin, revocation }, crypto.randomUUID());
  }

  /** Ends sessions of this process; returns how many. */
  revokeHere(isMeant: (session: object) => unknown): number {
    const matches = this.#guarded((session) => Boolean(isMeant(session)));
    return this.#parts.sessions.revoke(({ session }) => matches(session));
  }

  /** Hears of no more. */
  async close(): Promise<void> {
    const closed = this.#log?.close() ?? Promise.resolve();
    this.#renewal?.giveWayTo(closed);
    await closed;
  }

  #receive({ event, publishedAt }: LogEntry): void {
    const { sessions, report } = this.#parts;
    const read = readRevocationEvent(event);
    if (read && read.origin === this.#origin) return;
    try {
      if (!read) throw new UsageError('an event among the revocations is none');
      const isMeant = this.#matcherOf(read.revocation);
      sessions.revoke(
        ({ session, since }) => since <= publishedAt + clockSkewMs && isMeant(session),
      );
    } catch (error) {
      report(error, 'revocations');
    }
  }

  #matcherOf(revocation: Revocation): (session: object) => boolean {
    const { options, hasPrincipals, principals } = this.#parts;
    if ('principal' in revocation) {
      const { principal } = revocation;
      if (!hasPrincipals) throw new UsageError('revoking a principal needs the `principal` option');
      return (session) => principals.mayBeOf(session, principal);
    }
    const { claim } = revocation;
    const matches = options?.matches;
    if (!matches) throw new UsageError('revoking by a claim needs `revocations.matches`');
    return this.#guarded((session) => matches(session, claim));
  }

  /** Who cannot be judged is not let go on. */
  #guarded(isMeant: (session: object) => boolean): (session: object) => boolean {
    return (session) => {
      try {
        return isMeant(session);
      } catch (error) {
        this.#parts.report(error, 'revocations');
        return true;
      }
    };
  }

  /** Somebody among those who are here may have been revoked. */
  #distrust(): void {
    const { sessions } = this.#parts;
    const at = sessions.now();
    const suspects = sessions.all();
    const answered = sessions.answered();
    this.#judge(suspects);
    if (answered) void this.#distrustLate(answered, { at, suspects }); // never rejects
  }

  /** A hook that was asked before may know as little as those who were let in before. */
  async #distrustLate(
    answered: Promise<unknown>,
    { at, suspects }: { readonly at: number; readonly suspects: readonly SessionLease[] },
  ): Promise<void> {
    await answered;
    const { sessions } = this.#parts;
    this.#judge(
      sessions.all().filter(({ since }) => since <= at),
      new Set(suspects),
    );
  }

  /** @param known - those among them who are being judged already */
  #judge(suspects: readonly SessionLease[], known: ReadonlySet<SessionLease> = new Set()): void {
    const recheck = this.#parts.options?.recheck;
    const others = suspects.filter((lease) => !known.has(lease));
    if (others.length === 0) return;
    if (recheck) void this.#recheck(others, recheck);
    else this.#bringBack(suspects);
  }

  /** Never rejects. */
  async #recheck(
    suspects: readonly SessionLease[],
    recheck: NonNullable<RevocationsOptions['recheck']>,
  ): Promise<void> {
    const { sessions, report } = this.#parts;
    const waiting = suspects.values();
    const judge = async (lease: SessionLease): Promise<void> => {
      try {
        if (!sessions.has(lease) || (await recheck(lease.session))) return;
      } catch (error) {
        report(error, 'revocations');
      }
      sessions.revokeOne(lease);
    };
    const work = async (): Promise<void> => {
      for (const lease of waiting) await judge(lease);
    };
    await Promise.all(Array.from({ length: rechecksAtOnce }, work));
  }

  /** Has them come back, one after the other, to be admitted anew. */
  #bringBack(suspects: readonly SessionLease[]): void {
    const { sessions, clock } = this.#parts;
    const isEmpty = (phase: 'in-time' | 'late'): boolean =>
      phase === 'late' || !suspects.some((lease) => sessions.has(lease));
    this.#renewal?.giveWayTo(Promise.resolve());
    this.#renewal = new Drain(clock, { groups: [suspects], isEmpty }, {});
    this.#renewal.start();
  }
}

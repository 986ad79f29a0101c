import type { Instant } from '../../vocabulary.ts';
import { never } from '../../vocabulary.ts';
import type { Counters } from '../counters.ts';
import type { Deadlines } from '../deadlines.ts';
import { SessionLease } from './session-lease.ts';
import type { SessionTerm } from './session-lease.ts';

/** Whether a session is one of those that are revoked. */
export type IsRevoked = (term: SessionTerm) => boolean;

/** Revocations that are remembered for those whose connect hook runs; whoever began before the oldest of them has to begin again. */
const revocationsRemembered = 1_000;

/** What {@link LiveSessions} is made of. */
export interface LiveSessionsOptions {
  readonly deadlines: Deadlines;
  readonly counters: Counters;
  /** Milliseconds since 1970. */
  readonly now: () => number;
}

/** All sessions of a server, from the moment that their connect hook is asked: nobody slips through between the question and the answer. */
export class LiveSessions {
  readonly #options: LiveSessionsOptions;
  readonly #leases = new Set<SessionLease>();
  /** Connect hooks that run. */
  readonly #attempts = new Set<SessionAttempt>();
  /** For those: what was revoked meanwhile, the oldest first. */
  #recent: IsRevoked[] = [];
  /** How many were remembered before those. */
  #forgotten = 0;

  constructor(options: LiveSessionsOptions) {
    this.#options = options;
  }

  /** Milliseconds since 1970. */
  now(): number {
    return this.#options.now();
  }

  /** Somebody asks to be let in. */
  begin(): SessionAttempt {
    const attempt = new SessionAttempt(this, this.#forgotten + this.#recent.length);
    this.#attempts.add(attempt);
    return attempt;
  }

  /** Those that were accepted and have not ended. */
  all(): readonly SessionLease[] {
    return [...this.#leases];
  }

  /** Resolves once the connect hooks that run now have answered; `undefined` if none does. */
  answered(): Promise<unknown> | undefined {
    if (this.#attempts.size === 0) return undefined;
    return Promise.all([...this.#attempts].map((attempt) => attempt.over()));
  }

  has(lease: SessionLease): boolean {
    return this.#leases.has(lease);
  }

  /** Ends every session that is meant, and refuses those that are and whose connect hook runs. Returns how many it ended. */
  revoke(isMeant: IsRevoked): number {
    if (this.#attempts.size > 0) this.#remember(isMeant);
    const meant = this.all().filter((lease) => isMeant(lease));
    return meant.filter((lease) => this.revokeOne(lease)).length;
  }

  /** Returns whether that ended it. */
  revokeOne(lease: SessionLease): boolean {
    if (!this.has(lease) || !lease.terminate('SESSION_REVOKED')) return false;
    this.#options.counters.revokedSessions += 1;
    return true;
  }

  /** For the attempts: what became of one. `undefined`: it was revoked meanwhile. */
  admit(attempt: SessionAttempt, term: SessionTerm): SessionLease | undefined {
    const missed = attempt.from - this.#forgotten;
    const isRevoked = missed < 0 || this.#recent.slice(missed).some((isMeant) => isMeant(term));
    if (isRevoked) {
      this.#options.counters.revokedSessions += 1;
      return undefined;
    }
    const lease = new SessionLease(this, term);
    this.#leases.add(lease);
    this.watch(lease);
    return lease;
  }

  /** For the attempts: one is over. */
  leave(attempt: SessionAttempt): void {
    this.#attempts.delete(attempt);
    if (this.#attempts.size > 0) return;
    this.#forgotten += this.#recent.length;
    this.#recent = [];
  }

  /** For the leases: when one expires has changed. */
  watch(lease: SessionLease): void {
    if (lease.deadline !== never) this.#options.deadlines.watch(lease);
  }

  /** For the leases: one has expired. */
  expire(lease: SessionLease): void {
    if (lease.terminate('CREDENTIALS_EXPIRED')) this.#options.counters.expiredSessions += 1;
  }

  /** For the leases: one is over. */
  forget(lease: SessionLease): void {
    if (!this.#leases.delete(lease)) return;
    if (lease.slot !== undefined) this.#options.deadlines.forget(lease);
  }

  #remember(isMeant: IsRevoked): void {
    this.#recent.push(isMeant);
    if (this.#recent.length <= revocationsRemembered) return;
    this.#recent.shift();
    this.#forgotten += 1;
  }
}

/** Somebody whose connect hook runs. */
export class SessionAttempt {
  /** Milliseconds since 1970. */
  readonly since: number;
  /** For {@link LiveSessions}: how many revocations were before it. */
  readonly from: number;
  readonly #sessions: LiveSessions;
  #isOver = false;
  readonly #tellOver: (() => void)[] = [];

  constructor(sessions: LiveSessions, from: number) {
    this.#sessions = sessions;
    this.from = from;
    this.since = sessions.now();
  }

  /** The hook said yes; `undefined` if the session was revoked before it did. */
  accept(session: object, expiresAt: Instant): SessionLease | undefined {
    const lease = this.#sessions.admit(this, { session, since: this.since, expiresAt });
    this.abandon();
    return lease;
  }

  /** Resolves once it is known what came of it. */
  over(): Promise<void> {
    return new Promise((resolve) => this.#tellOver.push(resolve));
  }

  /** Nothing came of it. Doing so twice is harmless. */
  abandon(): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#sessions.leave(this);
    for (const tell of this.#tellOver) tell();
  }
}

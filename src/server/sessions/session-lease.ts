import type { Instant } from '../../vocabulary.ts';
import { never } from '../../vocabulary.ts';
import type { Waiting } from '../deadlines.ts';
import type { Drainable } from '../drain.ts';
import type { LiveSessions } from './live-sessions.ts';

/** Why a session ends before its client leaves. */
export type SessionEnd = 'CREDENTIALS_EXPIRED' | 'SESSION_REVOKED';

/** What lives by a session: a socket, the answer to a request, a reserved stream. */
export interface SessionHolder extends Drainable {
  /**
   * Its session is over, and so is what its client may have. Doing so twice is harmless.
   *
   * @returns whether it ends by that: not if it was ending anyway, or if what it still owes needs no session any more
   */
  endSession(end: SessionEnd): boolean;
}

/** A session, and for how long. */
export interface SessionTerm {
  readonly session: object;
  /** Milliseconds since 1970: when the connect hook was asked. */
  readonly since: number;
  /** On the clock of the server; `never` if the session does not expire. */
  readonly expiresAt: Instant;
}

/** A session that the connect hook has accepted, until whatever holds it is gone. */
export class SessionLease implements Waiting, Drainable, SessionTerm {
  slot: number | undefined = undefined;
  readonly #sessions: LiveSessions;
  #session: object;
  #since: number;
  #expiresAt: Instant;
  #graceMs = 0;
  #holder: SessionHolder | undefined;
  /** What ended it; it may have been revoked before somebody held it. */
  #endedBy: SessionEnd | undefined;
  /** It expired before somebody held it, who says what that ends. */
  #isOverdue = false;

  constructor(sessions: LiveSessions, { session, since, expiresAt }: SessionTerm) {
    this.#sessions = sessions;
    this.#session = session;
    this.#since = since;
    this.#expiresAt = expiresAt;
  }

  get session(): object {
    return this.#session;
  }

  get since(): number {
    return this.#since;
  }

  get expiresAt(): Instant {
    return this.#expiresAt;
  }

  get deadline(): Instant {
    return this.#expiresAt + this.#graceMs;
  }

  get isBusy(): boolean {
    return this.#holder?.isBusy === true;
  }

  /** @param graceMs - how much longer than its credentials the session lasts */
  hold(holder: SessionHolder, graceMs = 0): void {
    this.#holder = holder;
    this.#graceMs = graceMs;
    if (this.#endedBy) holder.endSession(this.#endedBy);
    else if (this.#isOverdue) this.#sessions.expire(this);
  }

  /** Goes on as `next`, another session of the same client that nobody holds; what has ended that one ends this one. */
  renew(next: SessionLease): void {
    next.end();
    if (!this.#sessions.has(this)) return;
    this.#session = next.session;
    this.#since = next.since;
    this.#expiresAt = next.expiresAt;
    this.#sessions.watch(this);
    if (next.#endedBy) this.terminate(next.#endedBy);
    else if (next.#isOverdue) this.#sessions.expire(this);
  }

  /**
   * Ends whatever holds the session, once. One that has expired can be revoked as long as what needs no session any more goes on.
   *
   * @returns whether that ended it, though what holds it may take its time to be gone
   */
  terminate(end: SessionEnd): boolean {
    if (this.#endedBy) return false;
    this.#endedBy = end; // first: whoever is told of the end may revoke
    if (this.#holder?.endSession(end) === false) this.#endedBy = undefined;
    return this.#endedBy !== undefined;
  }

  tick(): void {
    this.#expiresAt = never; // once: an answer that is no stream may outlive it
    if (this.#holder) this.#sessions.expire(this);
    else this.#isOverdue = true;
  }

  cut(): void {
    this.#holder?.cut();
  }

  /** What held it is gone. Ending it twice is harmless. */
  end(): void {
    this.#sessions.forget(this);
  }
}

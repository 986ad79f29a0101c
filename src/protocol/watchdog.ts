import type { Instant } from '../vocabulary.ts';

/** Periods of a {@link Watchdog}. */
export interface WatchdogPeriods {
  /** Silence after which the peer is pinged; `Infinity` turns the watchdog off. */
  readonly pingAfterMs: number;
  /** Silence after that ping which proves the peer dead. */
  readonly pingAnswerMs: number;
}

/** Tells silence from death: after a while the peer is pinged, and if that stays without an answer it is dead. */
export class Watchdog {
  readonly #periods: WatchdogPeriods;
  #state: 'listening' | 'pinged' = 'listening';
  #deadline: Instant;

  constructor(periods: WatchdogPeriods, now: Instant) {
    this.#periods = periods;
    this.#deadline = now + periods.pingAfterMs;
  }

  /** When {@link Watchdog.tick} has to be called next. */
  get deadline(): Instant {
    return this.#deadline;
  }

  /** Anything at all came from the peer. */
  heard(now: Instant): void {
    this.#state = 'listening';
    this.#deadline = now + this.#periods.pingAfterMs;
  }

  /** Whether the peer has to be pinged now, which starts its time to answer; not if it was already. */
  probe(now: Instant): boolean {
    const isDue = this.#state === 'listening';
    if (isDue) {
      this.#state = 'pinged';
      this.#deadline = now + this.#periods.pingAnswerMs;
    }
    return isDue;
  }

  /** What has to be done now: `ping` the peer, give it up as `dead`, or `nothing`. */
  tick(now: Instant): 'nothing' | 'ping' | 'dead' {
    if (now < this.#deadline) return 'nothing';
    // From now, not from the deadline: a late tick must not shorten the peer's time to answer.
    return this.probe(now) ? 'ping' : 'dead';
  }
}

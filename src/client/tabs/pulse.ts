import type { Instant } from '../../vocabulary.ts';

/** Periods of a {@link Pulse}, in milliseconds. */
export interface PulsePeriods {
  readonly pingAfterMs: number;
  readonly silenceMs: number;
}

type State =
  | { readonly kind: 'resting'; readonly pingAt: Instant }
  | { readonly kind: 'asking'; readonly giveUpAt: Instant; readonly isLate: boolean };

/**
 * Finds out whether a host lives, which it says when it is asked.
 *
 * @remarks
 * It is asked however much it says, for it may want to know the same of the tab. A tab that was frozen finds its deadline long past and the answer
 * behind it in the queue: then it asks again, once, for the timers of a hidden tab may be late each time.
 */
export class Pulse {
  readonly #periods: PulsePeriods;
  #state: State;

  constructor(periods: PulsePeriods, now: Instant) {
    this.#periods = periods;
    this.#state = { kind: 'resting', pingAt: now + periods.pingAfterMs };
  }

  /** When {@link Pulse.tick} has to be called next. */
  get deadline(): Instant {
    return this.#state.kind === 'resting' ? this.#state.pingAt : this.#state.giveUpAt;
  }

  /** The host said something. Whether that moved the deadline. */
  heard(now: Instant): boolean {
    const isAnswer = this.#state.kind === 'asking';
    if (isAnswer) this.#state = { kind: 'resting', pingAt: now + this.#periods.pingAfterMs };
    return isAnswer;
  }

  /** Something happened that often ends hosts: the next tick asks. */
  probe(now: Instant): void {
    if (this.#state.kind === 'resting') this.#state = { kind: 'resting', pingAt: now };
  }

  /** What has to be done now. */
  tick(now: Instant): 'nothing' | 'ping' | 'lost' {
    if (now < this.deadline) return 'nothing';
    const { silenceMs } = this.#periods;
    const isLate = this.#state.kind === 'asking' && now >= this.deadline + silenceMs;
    if (this.#state.kind === 'asking' && (!isLate || this.#state.isLate)) return 'lost';
    this.#state = { kind: 'asking', giveUpAt: now + silenceMs, isLate };
    return 'ping';
  }
}

import type { Instant } from '../vocabulary.ts';

/** How often something may happen. */
export interface Rate {
  /** On average, in the long run; `Infinity` lifts the limit. */
  readonly perSecond: number;
  /** At once, after a long rest. */
  readonly burst: number;
}

/** Limits a rate without a timer: a bucket of tokens that refills as time passes. */
export class TokenBucket {
  readonly #rate: Rate;
  #tokens: number;
  #filledAt: Instant;

  constructor(rate: Rate, now: Instant) {
    this.#rate = rate;
    this.#tokens = rate.burst;
    this.#filledAt = now;
  }

  /** Takes a token; false if there is none, and then nothing changed. */
  take(now: Instant): boolean {
    const { perSecond, burst } = this.#rate;
    if (perSecond === Number.POSITIVE_INFINITY) return true;
    if (now > this.#filledAt) {
      this.#tokens = Math.min(burst, this.#tokens + ((now - this.#filledAt) * perSecond) / 1000);
      this.#filledAt = now;
    }
    if (this.#tokens < 1) return false;
    this.#tokens -= 1;
    return true;
  }
}

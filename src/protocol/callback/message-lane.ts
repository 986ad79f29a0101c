import type { Instant } from '../../vocabulary.ts';
import { never } from '../../vocabulary.ts';

/** How long one request may take, and how often and when it is repeated. */
export interface RetryPeriods {
  /** Time for the answer to one request. */
  readonly timeoutMs: number;
  /** How often a message is sent before its receiver counts as dead. */
  readonly attempts: number;
  /** The first pause; each further one is twice as long. */
  readonly retryMinMs: number;
  /** What no pause is longer than. */
  readonly retryMaxMs: number;
}

/** Where the one message of a lane is; `silent`: its time is over, and its request is being given up. */
type Progress =
  | { readonly kind: 'none' }
  | {
      readonly kind: 'posted';
      readonly body: string;
      readonly attempts: number;
      readonly giveUpAt: Instant;
    }
  | { readonly kind: 'silent'; readonly body: string; readonly attempts: number }
  | {
      readonly kind: 'pausing';
      readonly body: string;
      readonly attempts: number;
      readonly retryAt: Instant;
    };

/** What a lane wants done now. */
export type LaneDemand =
  | { readonly kind: 'post'; readonly body: string }
  | { readonly kind: 'abort' };

/** One message at a time on its way to a receiver that may be away for a moment. */
export class MessageLane {
  readonly #periods: RetryPeriods;
  #progress: Progress = { kind: 'none' };

  constructor(periods: RetryPeriods) {
    this.#periods = periods;
  }

  get isFree(): boolean {
    return this.#progress.kind === 'none';
  }

  /** Whether a request is under way. */
  get isAsking(): boolean {
    return this.#progress.kind === 'posted' || this.#progress.kind === 'silent';
  }

  get deadline(): Instant {
    switch (this.#progress.kind) {
      case 'posted':
        return this.#progress.giveUpAt;
      case 'pausing':
        return this.#progress.retryAt;
      case 'none':
      case 'silent':
        return never;
    }
  }

  /** @param timeoutMs - shorter than that of the periods, if something comes before */
  post(body: string, now: Instant, timeoutMs: number = this.#periods.timeoutMs): LaneDemand {
    return this.#post(body, 1, now + Math.min(timeoutMs, this.#periods.timeoutMs));
  }

  /** The message has arrived, or is not to be repeated. */
  clear(): void {
    this.#progress = { kind: 'none' };
  }

  /**
   * The message has not arrived.
   *
   * @param random - at least 0, less than 1: those who failed together do not come back together
   */
  failed(now: Instant, random: number): 'pausing' | 'exhausted' {
    const progress = this.#progress;
    if (progress.kind === 'none') return 'pausing';
    const { body, attempts } = progress;
    if (attempts >= this.#periods.attempts) return 'exhausted';
    const { retryMinMs, retryMaxMs } = this.#periods;
    const pauseMs = Math.min(retryMaxMs, retryMinMs * 2 ** (attempts - 1)) * (0.5 + random / 2);
    this.#progress = { kind: 'pausing', body, attempts, retryAt: now + pauseMs };
    return 'pausing';
  }

  tick(now: Instant): LaneDemand | undefined {
    const progress = this.#progress;
    if (now < this.deadline) return undefined;
    switch (progress.kind) {
      case 'posted':
        this.#progress = { kind: 'silent', body: progress.body, attempts: progress.attempts };
        return { kind: 'abort' };
      case 'pausing':
        return this.#post(progress.body, progress.attempts + 1, now + this.#periods.timeoutMs);
      case 'none':
      case 'silent':
        return undefined;
    }
  }

  #post(body: string, attempts: number, giveUpAt: Instant): LaneDemand {
    this.#progress = { kind: 'posted', body, attempts, giveUpAt };
    return { kind: 'post', body };
  }
}

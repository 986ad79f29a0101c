import { never } from '../../vocabulary.ts';
import type { Instant } from '../../vocabulary.ts';

/** Heartbeats that are closer say nothing, and those that are further apart had events between them, which took their place. */
const shortestIntervalMs = 1_000;
const longestIntervalMs = 60_000;

const shortestSilenceMs = 15_000;

/** Measures how long a stream may be silent. */
export class Heartbeats {
  #lastAt: Instant = never;
  /** The longest between two; 0 until there are so many. */
  #intervalMs = 0;

  beat(now: Instant): void {
    const intervalMs = Math.min(now - this.#lastAt, longestIntervalMs);
    this.#lastAt = now;
    if (intervalMs < shortestIntervalMs) return;
    this.#intervalMs = Math.max(this.#intervalMs, intervalMs);
  }

  /** How long nothing may come before the stream counts as lost, in milliseconds. */
  get silenceMs(): number {
    return this.#intervalMs ? Math.max(shortestSilenceMs, 3 * this.#intervalMs) : never;
  }
}

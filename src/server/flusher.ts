import type { Clock } from '../vocabulary.ts';

/** Something with output that waits for the end of the turn. */
export interface Flushable {
  flush(): void;
}

/** Of one sweep, before sockets are read again. */
const slice = { outboxes: 512, durationMs: 5 } as const;

/** How many are flushed between two looks at the clock. */
const outboxesPerLook = 32;

/**
 * Writes, after each turn of the event loop, what the connections of one server were given during it.
 *
 * @remarks
 * A sweep over many of them is cut into slices, with a turn after each, so that pings and newcomers need not wait for its end. What comes in between
 * joins what a connection still has to write.
 */
export class Flusher {
  readonly #clock: Clock;
  readonly #waiting: Flushable[] = [];
  #next = 0;
  #isDue = false;
  #sweeps = 0;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Turns in which something was flushed. */
  get sweeps(): number {
    return this.#sweeps;
  }

  /** Has `outbox` flushed once, after this turn. */
  add(outbox: Flushable): void {
    this.#waiting.push(outbox);
    if (!this.#isDue) this.#waitForTurn();
  }

  #waitForTurn(): void {
    this.#isDue = true;
    void this.#clock.turn().then(this.#sweep); // a turn always comes, and a sweep does not throw
  }

  readonly #sweep = (): void => {
    this.#sweeps += 1;
    const end = this.#clock.now() + slice.durationMs;
    const last = Math.min(this.#waiting.length, this.#next + slice.outboxes);
    while (this.#next < last) {
      this.#waiting[this.#next]?.flush();
      this.#next += 1;
      if (this.#next % outboxesPerLook === 0 && this.#clock.now() > end) break;
    }
    if (this.#next < this.#waiting.length) return this.#waitForTurn();
    this.#waiting.length = 0;
    this.#next = 0;
    this.#isDue = false;
  };
}

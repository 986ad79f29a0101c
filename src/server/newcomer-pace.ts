import type { Clock } from '../vocabulary.ts';

/** Newcomers that are served within one turn of the event loop: some milliseconds of work. */
const newcomersPerTurn = 64;

/**
 * Lets newcomers in a few at a time, in the order in which they came, so that a crowd of them leaves turns for those who are served already.
 *
 * @remarks
 * Costs nothing as long as there is no crowd. What waits holds a socket or an operation of its own, so the limits on those bound it.
 */
export class NewcomerPace {
  readonly #clock: Clock;
  readonly #waiting: (() => void)[] = [];
  #taken = 0;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Resolves when it is the caller's turn; `undefined` if that is now. Never rejects. */
  turn(): Promise<void> | undefined {
    if (this.#taken === 0) this.#waitForTurn();
    if (this.#taken < newcomersPerTurn) {
      this.#taken += 1;
      return undefined;
    }
    return new Promise((resolve) => this.#waiting.push(resolve));
  }

  #waitForTurn(): void {
    void this.#clock.turn().then(this.#begin); // a turn always comes, and `#begin` does not throw
  }

  readonly #begin = (): void => {
    const next = this.#waiting.splice(0, newcomersPerTurn);
    this.#taken = next.length;
    if (next.length > 0) this.#waitForTurn();
    for (const enter of next) enter();
  };
}

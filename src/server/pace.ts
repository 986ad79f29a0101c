import type { Clock } from '../vocabulary.ts';

/** Newcomers that are served within one turn of the event loop: some milliseconds of work. */
export const newcomersPerTurn = 64;

/** Events that are replayed within one turn, to all who come back together: some milliseconds of work, too. */
export const replaysPerTurn = 256;

/**
 * Lets a crowd in a few at a time, in the order in which they came, so that it leaves turns of the event loop for those who are served already.
 *
 * @remarks
 * Costs nothing as long as there is no crowd. What waits holds a socket or an operation of its own, so the limits on those bound it.
 */
export class Pace {
  readonly #clock: Clock;
  readonly #perTurn: number;
  readonly #waiting: (() => void)[] = [];
  #taken = 0;

  constructor(clock: Clock, perTurn: number) {
    this.#clock = clock;
    this.#perTurn = perTurn;
  }

  /** Resolves when it is the caller's turn; `undefined` if that is now. Never rejects. */
  turn(): Promise<void> | undefined {
    if (this.#taken === 0) this.#waitForTurn();
    if (this.#taken < this.#perTurn) {
      this.#taken += 1;
      return undefined;
    }
    return new Promise((resolve) => this.#waiting.push(resolve));
  }

  #waitForTurn(): void {
    void this.#clock.turn().then(this.#begin); // a turn always comes, and `#begin` does not throw
  }

  readonly #begin = (): void => {
    const next = this.#waiting.splice(0, this.#perTurn);
    this.#taken = next.length;
    if (next.length > 0) this.#waitForTurn();
    for (const enter of next) enter();
  };
}

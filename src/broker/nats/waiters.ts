import type { Clock } from '../../vocabulary.ts';

/** Those who wait for a sequence to be reached, each for no longer than a time-out. */
export class Waiters {
  readonly #clock: Clock;
  readonly #timeoutMs: number;
  readonly #waiting = new Set<Waiter>();

  constructor(clock: Clock, timeoutMs: number) {
    this.#clock = clock;
    this.#timeoutMs = timeoutMs;
  }

  /** Resolves when it is reached, or when everybody is woken; rejects after the time-out. */
  wait(sequence: number): Promise<void> {
    return new Promise((resolve, reject) => {
      const stopTimer = this.#clock.schedule(() => {
        this.#waiting.delete(waiter);
        reject(new Error('it took too long'));
      }, this.#timeoutMs);
      const wake = () => {
        stopTimer();
        this.#waiting.delete(waiter);
        resolve();
      };
      const waiter = { sequence, wake };
      this.#waiting.add(waiter);
    });
  }

  reach(sequence: number): void {
    for (const waiter of this.#waiting) if (waiter.sequence <= sequence) waiter.wake();
  }

  wakeAll(): void {
    for (const waiter of this.#waiting) waiter.wake();
  }
}

interface Waiter {
  readonly sequence: number;
  readonly wake: () => void;
}

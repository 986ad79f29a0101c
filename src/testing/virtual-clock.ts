import type { Clock, Instant } from '../vocabulary.ts';

interface Timer {
  readonly at: Instant;
  readonly callback: () => void;
}

/**
 * A clock that stands still until it is told to go on.
 *
 * @remarks
 * `turn()` is a real turn of the event loop: promises and sockets of a test need those whatever the time.
 */
export class VirtualClock implements Clock {
  #now: Instant = 0;
  readonly #timers = new Set<Timer>();

  now(): Instant {
    return this.#now;
  }

  schedule(callback: () => void, delayMs: number): () => void {
    const timer = { at: this.#now + delayMs, callback };
    this.#timers.add(timer);
    return () => this.#timers.delete(timer);
  }

  turn(): Promise<void> {
    return new Promise((resolve) => {
      const channel = new MessageChannel();
      channel.port1.addEventListener('message', () => {
        channel.port1.close();
        resolve();
      });
      channel.port1.start();
      channel.port2.postMessage(undefined);
    });
  }

  /** Timers that have not fired. */
  get timerCount(): number {
    return this.#timers.size;
  }

  /** Lets everything happen that needs no time to pass: promises, and promises that those make. */
  async settle(): Promise<void> {
    for (let turns = 0; turns < 4; turns += 1) await this.turn();
  }

  /** Lets `durationMs` pass: fires what is due in order, each at its own instant, and lets everything settle in between. */
  async advance(durationMs: number): Promise<void> {
    const end = this.#now + durationMs;
    await this.settle();
    for (let timer = this.#next(end); timer; timer = this.#next(end)) {
      this.#timers.delete(timer);
      this.#now = Math.max(this.#now, timer.at);
      timer.callback();
      await this.settle();
    }
    this.#now = end;
  }

  #next(end: Instant): Timer | undefined {
    const due = [...this.#timers].filter(({ at }) => at <= end);
    return due.toSorted((one, other) => one.at - other.at)[0];
  }
}

import { VirtualClock } from 'millrace/testing';
import type { Instant } from 'millrace';

/** The clock of a machine that can sleep: its timers stand still meanwhile, and go on where they were. */
export class SleepyClock extends VirtualClock {
  #sleptMs = 0;

  override now(): Instant {
    return super.now() + this.#sleptMs;
  }

  sleep(durationMs: number): void {
    this.#sleptMs += durationMs;
  }
}

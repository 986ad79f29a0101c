import type { Clock, Instant } from '../vocabulary.ts';
import { never } from '../vocabulary.ts';

/** Something that has to be woken at an instant which may move. */
export interface Waiting {
  /** When {@link Waiting.tick} is due; `never` if nothing is. */
  readonly deadline: Instant;
  tick(now: Instant): void;
  /** For {@link Deadlines}, which keeps here where it has it: thousands of connections need no table of them. */
  slot?: number | undefined;
}

/** Deadlines are rounded up to this, so that thousands of connections share a timer. */
const granularityMs = 50;

/** The timers of runtimes count in 31 bits, and fire at once for more. One that fires before anything is due is set again. */
const longestTimerMs = 2 ** 31 - 1;

/**
 * The deadlines of all connections on one timer.
 *
 * @remarks
 * A `tick` comes at most {@link granularityMs} late, never early. A deadline that moves later costs nothing: it is looked at again when the
 * old one passes. One that moves earlier has to be announced by {@link Deadlines.watch}.
 */
export class Deadlines {
  readonly #clock: Clock;
  readonly #slots = new Map<number, Set<Waiting>>();
  #size = 0;
  #timer: { readonly slot: number; readonly cancel: () => void } | undefined;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** How many are watched. */
  get size(): number {
    return this.#size;
  }

  /** Starts watching `waiting`, or learns that its deadline moved. */
  watch(waiting: Waiting): void {
    const slot = Math.ceil(waiting.deadline / granularityMs);
    if (waiting.slot !== undefined && waiting.slot <= slot) return;
    this.#remove(waiting);
    if (slot === Number.POSITIVE_INFINITY) return;
    this.#add(waiting, slot);
    this.#arm(slot);
  }

  /** Stops watching `waiting`. */
  forget(waiting: Waiting): void {
    this.#remove(waiting);
    if (this.#size > 0) return;
    this.#timer?.cancel();
    this.#timer = undefined;
  }

  /** Not before the next slot: a deadline that a tick did not move must not keep the process busy. */
  #watchFrom(waiting: Waiting, now: Instant): void {
    const next = Math.floor(now / granularityMs) + 1;
    this.#remove(waiting); // its tick may have had it watched
    this.#add(waiting, Math.max(next, Math.ceil(waiting.deadline / granularityMs)));
  }

  #add(waiting: Waiting, slot: number): void {
    waiting.slot = slot;
    this.#size += 1;
    const waitings = this.#slots.get(slot);
    if (waitings === undefined) this.#slots.set(slot, new Set([waiting]));
    else waitings.add(waiting);
  }

  #remove(waiting: Waiting): void {
    const { slot } = waiting;
    if (slot === undefined) return;
    waiting.slot = undefined;
    this.#size -= 1;
    const waitings = this.#slots.get(slot);
    waitings?.delete(waiting);
    if (waitings?.size === 0) this.#slots.delete(slot);
  }

  /** A copy: what is due may watch and forget others while it ticks. */
  #due(now: Instant): readonly Waiting[] {
    const due: Waiting[] = [];
    for (const [slot, waitings] of this.#slots) {
      if (slot * granularityMs <= now) due.push(...waitings);
    }
    return due;
  }

  /** Has the timer fire at `slot` at the latest. */
  #arm(slot: number): void {
    if (this.#timer && this.#timer.slot <= slot) return;
    this.#timer?.cancel();
    const untilDueMs = slot * granularityMs - this.#clock.now();
    const delayMs = Math.min(Math.max(0, untilDueMs), longestTimerMs);
    this.#timer = { slot, cancel: this.#clock.schedule(() => this.#fire(), delayMs) };
  }

  #fire(): void {
    this.#timer = undefined;
    const now = this.#clock.now();
    for (const waiting of this.#due(now)) {
      if (waiting.slot === undefined) continue; // forgotten because of the tick of another
      this.#remove(waiting);
      if (waiting.deadline <= now) waiting.tick(now);
      if (waiting.deadline !== never) this.#watchFrom(waiting, now);
    }
    if (this.#size > 0) this.#arm(Math.min(...this.#slots.keys()));
  }
}

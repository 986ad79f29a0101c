import type { Clock, Instant } from '../vocabulary.ts';
import { never } from '../vocabulary.ts';

/** Something that has to be woken at an instant which may move. */
export interface Waiting {
  /** When {@link Waiting.tick} is due; `never` if nothing is. */
  readonly deadline: Instant;
  tick(now: Instant): void;
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
  readonly #slotOf = new Map<Waiting, number>();
  #timer: { readonly slot: number; readonly cancel: () => void } | undefined;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** How many are watched. */
  get size(): number {
    return this.#slotOf.size;
  }

  /** Starts watching `waiting`, or learns that its deadline moved. */
  watch(waiting: Waiting): void {
    const slot = Math.ceil(waiting.deadline / granularityMs);
    const known = this.#slotOf.get(waiting);
    if (known !== undefined && known <= slot) return;
    this.#remove(waiting, known);
    if (waiting.deadline === never) return;
    this.#add(waiting, slot);
    this.#arm();
  }

  /** Stops watching `waiting`. */
  forget(waiting: Waiting): void {
    this.#remove(waiting, this.#slotOf.get(waiting));
    if (this.#slotOf.size > 0) return;
    this.#timer?.cancel();
    this.#timer = undefined;
  }

  /** Not before the next slot: a deadline that a tick did not move must not keep the process busy. */
  #watchFrom(waiting: Waiting, now: Instant): void {
    const next = Math.floor(now / granularityMs) + 1;
    this.#remove(waiting, this.#slotOf.get(waiting)); // its tick may have had it watched
    this.#add(waiting, Math.max(next, Math.ceil(waiting.deadline / granularityMs)));
  }

  #add(waiting: Waiting, slot: number): void {
    this.#slotOf.set(waiting, slot);
    const waitings = this.#slots.get(slot);
    if (waitings === undefined) this.#slots.set(slot, new Set([waiting]));
    else waitings.add(waiting);
  }

  #remove(waiting: Waiting, slot: number | undefined): void {
    if (slot === undefined) return;
    this.#slotOf.delete(waiting);
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

  #arm(): void {
    const slot = Math.min(...this.#slots.keys());
    if (slot === Number.POSITIVE_INFINITY || (this.#timer && this.#timer.slot <= slot)) return;
    this.#timer?.cancel();
    const untilDueMs = slot * granularityMs - this.#clock.now();
    const delayMs = Math.min(Math.max(0, untilDueMs), longestTimerMs);
    this.#timer = { slot, cancel: this.#clock.schedule(() => this.#fire(), delayMs) };
  }

  #fire(): void {
    this.#timer = undefined;
    const now = this.#clock.now();
    for (const waiting of this.#due(now)) {
      const slot = this.#slotOf.get(waiting);
      if (slot === undefined) continue; // forgotten because of the tick of another
      this.#remove(waiting, slot);
      if (waiting.deadline <= now) waiting.tick(now);
      if (waiting.deadline !== never) this.#watchFrom(waiting, now);
    }
    this.#arm();
  }
}

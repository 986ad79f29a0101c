import { SourceError } from '../errors.ts';
import type { Instant } from '../vocabulary.ts';
import { RecencyList, RecencyNode } from './recency-list.ts';

/** Bounds of one log tail; the oldest entries leave when any of them is exceeded. */
export interface LogTailLimits {
  /** Entries. @defaultValue 1_000 */
  readonly events?: number;
  /** Estimated size of all entries; the newest entry is held whatever its size. @defaultValue 4_194_304 */
  readonly bytes?: number;
  /** Age of an entry in milliseconds. @defaultValue 120_000 */
  readonly ageMs?: number;
}

const defaults = {
  events: 1_000,
  bytes: 4 * 1_024 * 1_024,
  ageMs: 120_000,
} as const satisfies Required<LogTailLimits>;

/** With the defaults for what is not said. */
export function toTailLimits(limits: LogTailLimits): Required<LogTailLimits> {
  // a member that is `undefined` would lift its limit unnoticed
  return {
    events: limits.events ?? defaults.events,
    bytes: limits.bytes ?? defaults.bytes,
    ageMs: limits.ageMs ?? defaults.ageMs,
  };
}

/** What every entry of a tail has. */
export interface TailEntry {
  readonly publishedAt: Instant;
  /** What it takes in memory, about. */
  readonly bytes: number;
}

const smallestRing = 8;
const batchEvents = 128;

/**
 * The newest entries of a log, numbered without gaps, and the cursors that read them.
 *
 * @remarks
 * Appending and trimming cost the same however long the tail is and however many cursors there are that do not wait. Knows no
 * clock: time is what entries and callers say.
 */
export class LogTail<Entry extends TailEntry> {
  readonly #limits: Required<LogTailLimits>;
  /** Entry `index` is at `index & (length - 1)`: the length is a power of two. */
  #entries: (Entry | undefined)[] = [];
  #first: number;
  #next: number;
  #heldBytes = 0;
  /** No entry is older; the oldest one may be younger. It is kept here because an entry that nobody has looked at for long takes time to look at. */
  #noneBefore: Instant = Number.NEGATIVE_INFINITY;
  #end: TailEnd | undefined;
  readonly #waiting = new RecencyList<TailCursor<Entry>>();

  /** @param limits - of {@link toTailLimits}, which many tails may share */
  constructor(limits: Required<LogTailLimits> = defaults, firstIndex = 0) {
    this.#limits = limits;
    this.#first = firstIndex;
    this.#next = firstIndex;
  }

  /** Index of the oldest entry; {@link LogTail.nextIndex} if there is none. */
  get firstIndex(): number {
    return this.#first;
  }

  /** Index that the next entry will have. */
  get nextIndex(): number {
    return this.#next;
  }

  get heldBytes(): number {
    return this.#heldBytes;
  }

  /** Why no entry will follow; `undefined` as long as one may. */
  get end(): TailEnd | undefined {
    return this.#end;
  }

  /** Adds `entry`, removes what is too much or too old by its time, and wakes the cursors that wait. Does nothing after the end. */
  append(entry: Entry): void {
    if (this.#end !== undefined) return;
    const { publishedAt } = entry;
    // also where the clock went back
    if (this.#next === this.#first || publishedAt < this.#noneBefore)
      this.#noneBefore = publishedAt;
    if (this.#next - this.#first === this.#entries.length) this.#grow();
    this.#entries[this.#next & (this.#entries.length - 1)] = entry;
    this.#next += 1;
    this.#heldBytes += entry.bytes;
    while (this.#isOverfull()) this.removeOldest();
    this.removeOlderThan(publishedAt);
    this.#wakeAll();
  }

  /** The entry at `index`, unless it was removed or does not exist yet. */
  at(index: number): Entry | undefined {
    if (index < this.#first || index >= this.#next) return undefined;
    return this.#entries[index & (this.#entries.length - 1)];
  }

  /** Removes entries that are older than the bound at `now`. */
  removeOlderThan(now: Instant): void {
    const oldest = now - this.#limits.ageMs;
    if (this.#noneBefore >= oldest) return;
    for (let entry = this.at(this.#first); entry !== undefined; entry = this.at(this.#first)) {
      this.#noneBefore = entry.publishedAt;
      if (this.#noneBefore >= oldest) return;
      this.removeOldest();
    }
  }

  /** Removes one entry; does nothing when there is none. */
  removeOldest(): void {
    if (this.#first === this.#next) return;
    const slot = this.#first & (this.#entries.length - 1);
    this.#heldBytes -= this.#entries[slot]?.bytes ?? 0;
    this.#entries[slot] = undefined;
    this.#first += 1;
    if (this.#first !== this.#next) return;
    this.#entries = [];
  }

  /** Nothing follows: cursors read what is left, then end. Only the first end counts. */
  complete(): void {
    this.#finish({ kind: 'completed' });
  }

  /** Nothing follows: cursors read what is left, then fail with `error`. Only the first end counts. */
  fail(error: unknown): void {
    this.#finish({ kind: 'failed', error });
  }

  /** Reads from `index` on, which lies between the oldest entry and the next one. */
  cursor(index: number): TailCursor<Entry> {
    return new TailCursor(this, this.#waiting, index);
  }

  #finish(end: TailEnd): void {
    if (this.#end !== undefined) return;
    this.#end = end;
    this.#wakeAll();
  }

  #isOverfull(): boolean {
    const count = this.#next - this.#first;
    return count > 1 && (count > this.#limits.events || this.#heldBytes > this.#limits.bytes);
  }

  #wakeAll(): void {
    // not those that begin to wait meanwhile
    for (let left = this.#waiting.size; left > 0; left -= 1) this.#waiting.oldest?.wake();
  }

  /** Doubles the ring in place: an entry stays where it is, or moves by the old length. */
  #grow(): void {
    const entries = this.#entries;
    const { length } = entries;
    entries.length = Math.max(2 * length, smallestRing);
    for (let index = this.#first; index < this.#next; index++) {
      if ((index & length) === 0) continue;
      const slot = index & (length - 1);
      entries[slot + length] = entries[slot];
      entries[slot] = undefined;
    }
  }
}

/** How a log ended. */
export type TailEnd =
  | { readonly kind: 'completed' }
  | { readonly kind: 'failed'; readonly error: unknown };

/** Somebody who waits for entries. */
export interface EntryWaiter {
  /** There are some now, or there never will be. */
  ready(): void;
}

/** One reader's place in a {@link LogTail}. */
export class TailCursor<Entry extends TailEntry> {
  readonly #tail: LogTail<Entry>;
  readonly #waiting: RecencyList<TailCursor<Entry>>;
  /** This cursor's place among those that wait. */
  readonly #waitingNode = new RecencyNode<TailCursor<Entry>>(this);
  #next: number;
  #isClosed = false;
  #waiter: EntryWaiter | undefined;

  constructor(tail: LogTail<Entry>, waiting: RecencyList<TailCursor<Entry>>, index: number) {
    this.#tail = tail;
    this.#waiting = waiting;
    this.#next = index;
  }

  get isClosed(): boolean {
    return this.#isClosed;
  }

  /** Index of the next entry that is read. */
  get nextIndex(): number {
    return this.#next;
  }

  /**
   * The next entries, at least one; `undefined` after the end, or once closed.
   *
   * @remarks
   * Rejects once, and closes the cursor, with `EVENTS_LOST` when entries left before they were read, and with the error of a log that failed.
   */
  async read(): Promise<readonly Entry[] | undefined> {
    while (this.#mustWait()) {
      await new Promise<void>((resolve) => {
        this.#waitAs({ ready: resolve });
      });
    }
    return this.#take();
  }

  /**
   * The same at once, and throws where that rejects; `later` if it would have to wait.
   *
   * @param waiter - is told once, from within what changes the log, when it is worth while to poll again
   */
  poll(waiter: EntryWaiter): readonly Entry[] | 'later' | undefined {
    if (!this.#mustWait()) return this.#take();
    this.#waitAs(waiter);
    return 'later';
  }

  /** Ends a pending read. */
  close(): void {
    this.#isClosed = true;
    this.wake();
  }

  /** For the tail: something changed. */
  wake(): void {
    this.#waiting.remove(this.#waitingNode);
    const waiter = this.#waiter;
    this.#waiter = undefined;
    waiter?.ready();
  }

  #waitAs(waiter: EntryWaiter): void {
    this.#waiter = waiter;
    this.#waiting.touch(this.#waitingNode);
  }

  #mustWait(): boolean {
    return !this.#isClosed && this.#tail.end === undefined && this.#next === this.#tail.nextIndex;
  }

  #take(): readonly Entry[] | undefined {
    if (this.#isClosed) return undefined;
    if (this.#next < this.#tail.firstIndex) {
      this.#isClosed = true;
      throw eventsLost(this.#next, this.#tail.firstIndex);
    }
    const first = this.#tail.at(this.#next);
    if (first === undefined) return this.#finish();
    // in one piece, because most batches have one entry
    const batch = [first];
    this.#next += 1;
    while (batch.length < batchEvents) {
      const entry = this.#tail.at(this.#next);
      if (entry === undefined) break;
      batch.push(entry);
      this.#next += 1;
    }
    return batch;
  }

  #finish(): undefined {
    this.#isClosed = true;
    const end = this.#tail.end;
    // The error is whatever the one who failed the log gave, also if it is no Error.
    // oxlint-disable-next-line typescript/only-throw-error
    if (end?.kind === 'failed') throw end.error;
    return undefined;
  }
}

function eventsLost(from: number, to: number): SourceError {
  const range = to - from === 1 ? `event ${from}` : `${to - from} events (${from} to ${to - 1})`;
  return new SourceError('EVENTS_LOST', `${range} left the log before this reader had read them`);
}

import { SourceError } from '../../errors.ts';
import type { Clock, Instant, Position } from '../../vocabulary.ts';
import { LogTail } from '../log-tail.ts';
import type { LogTailLimits } from '../log-tail.ts';
import type { LogEntry } from '../types.ts';
import { compareIds } from './entry-id.ts';
import { LogHistory } from './log-history.ts';
import type { HistoryPage, PageRequest } from './log-history.ts';
import type { RemoteReader } from './remote-reader.ts';
import type { Turnstile } from './turnstile.ts';

/** What a {@link RemoteLog} is made from. */
export interface RemoteLogOptions {
  /** No other log has it. */
  readonly name: string;
  readonly epoch: string;
  /** The last entry that the log had when it was looked at. */
  readonly lastId: string;
  readonly firstIndex: number;
  readonly limits: Required<LogTailLimits>;
  readonly surveys: Turnstile;
  readonly clock: Clock;
}

/** An entry with what leads to it. */
export interface RemoteEntry extends LogEntry {
  readonly publishedAt: Instant;
  /** The offset of its position. */
  readonly id: string;
  /** The id after which nothing but this entry follows. */
  readonly previousId: string;
  /** What it takes in memory. */
  readonly bytes: number;
}

/** What an entry takes in memory besides its event. */
export const entryBytes = 200;

/**
 * The end of a log that is stored elsewhere, as this process holds it for its readers.
 *
 * @remarks
 * Whoever knows how it is stored adds what is published. Ids are compared with {@link compareIds}.
 */
export abstract class RemoteLog {
  readonly name: string;
  readonly epoch: string;
  readonly limits: Required<LogTailLimits>;
  /** Readers, and those who are about to read. */
  users = 0;
  readonly readers = new Set<RemoteReader>();
  readonly history: LogHistory;
  #tail: LogTail<RemoteEntry>;
  #lastId: string;

  constructor(options: RemoteLogOptions) {
    const { limits, surveys, clock } = options;
    this.name = options.name;
    this.epoch = options.epoch;
    this.limits = limits;
    this.#lastId = options.lastId;
    this.#tail = new LogTail(limits, options.firstIndex);
    this.history = new LogHistory({ log: this, surveys, clock, events: limits.events });
  }

  /**
   * Reads entries that follow each other; `undefined` if one of them, or one after them, is missing, or the log is another one.
   *
   * @remarks
   * How many it reads is its own affair, but at least one where there is one. Rejects where the log is out of reach.
   */
  abstract readPage(request: PageRequest): Promise<HistoryPage | undefined>;

  get tail(): LogTail<RemoteEntry> {
    return this.#tail;
  }

  /** Everything up to this entry has been read. */
  get lastId(): string {
    return this.#lastId;
  }

  get hasEnded(): boolean {
    return this.#tail.end !== undefined;
  }

  /** The tail holds everything that follows this entry. */
  get floorId(): string {
    return this.#tail.at(this.#tail.firstIndex)?.previousId ?? this.#lastId;
  }

  /** Whether the tail holds everything that follows `id`. */
  holdsAfter(id: string): boolean {
    return compareIds(id, this.floorId) >= 0;
  }

  position(id: string): Position {
    return { epoch: this.epoch, offset: id };
  }

  /** Index of the first entry after `id`, which the tail holds. */
  indexAfter(id: string): number {
    let [first, next] = [this.#tail.firstIndex, this.#tail.nextIndex];
    while (first < next) {
      const middle = Math.floor((first + next) / 2);
      const entry = this.#tail.at(middle);
      if (entry && compareIds(entry.id, id) <= 0) first = middle + 1;
      else next = middle;
    }
    return next;
  }

  /** Adds what follows the last entry without a gap. */
  add(entry: RemoteEntry): void {
    this.#lastId = entry.id;
    this.#tail.append(entry);
  }

  /** Up to `id` there is nothing more. */
  skip(id: string): void {
    if (compareIds(id, this.#lastId) > 0) this.#lastId = id;
  }

  /** Adds what stands before the tail and ends at its floor, as far as there is room; cursors of the readers are moved. */
  prepend(older: readonly RemoteEntry[]): void {
    const fitting = this.#fittingBefore(older);
    if (fitting.length === 0 || this.hasEnded) return;
    const tail = new LogTail<RemoteEntry>(this.limits, this.#tail.firstIndex - fitting.length);
    for (const entry of fitting) tail.append(entry);
    for (let i = this.#tail.firstIndex; i < this.#tail.nextIndex; i++) {
      const entry = this.#tail.at(i);
      if (entry) tail.append(entry);
    }
    this.#tail = tail;
    for (const reader of this.readers) reader.move(tail);
  }

  /** The last ones for which there is room. */
  #fittingBefore(older: readonly RemoteEntry[]): readonly RemoteEntry[] {
    const { events, bytes } = this.limits;
    const held = this.#tail.nextIndex - this.#tail.firstIndex;
    let roomBytes = bytes - this.#tail.heldBytes;
    let first = older.length;
    for (let entry = older[first - 1]; entry !== undefined; entry = older[first - 1]) {
      roomBytes -= entry.bytes;
      if (roomBytes < 0 || held + older.length - first >= events) break;
      first -= 1;
    }
    return older.slice(first);
  }

  /** Readers read what is left, then learn that something is missing. */
  lose(why: string): void {
    this.#tail.fail(new SourceError('EVENTS_LOST', why));
  }
}

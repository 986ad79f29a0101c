import { SourceError } from '../../errors.ts';
import type { Clock, Instant, Position } from '../../vocabulary.ts';
import { LogTail } from '../log-tail.ts';
import type { LogTailLimits } from '../log-tail.ts';
import type { LogEntry } from '../types.ts';
import type { EventCodec } from './codec.ts';
import { compareIds, timeOf } from './entry-id.ts';
import { LogHistory } from './log-history.ts';
import type { LogKeys } from './log-keys.ts';
import type { LogLooks } from './log-looks.ts';
import { PageSize } from './page-size.ts';
import type { RedisReader } from './redis-reader.ts';
import type { LogCheck, StoredEntry } from './replies.ts';
import type { Turnstile } from './turnstile.ts';

/** What a {@link RedisLog} is made from. */
export interface RedisLogOptions {
  readonly keys: LogKeys;
  readonly epoch: string;
  /** The last entry that the log had when it was looked at. */
  readonly lastId: string;
  /** Entries that had ever been added by then; `undefined` where Redis does not count them. */
  readonly added: number | undefined;
  readonly firstIndex: number;
  readonly limits: Required<LogTailLimits>;
  readonly codec: EventCodec;
  readonly onInvalidEntry: (error: SourceError) => void;
  readonly looks: LogLooks;
  readonly surveys: Turnstile;
  readonly clock: Clock;
}

/** What an entry takes in memory besides its event. */
const entryBytes = 200;

/** The end of one log as this process holds it for its readers. */
export class RedisLog {
  readonly keys: LogKeys;
  readonly epoch: string;
  readonly limits: Required<LogTailLimits>;
  /** Readers, and those who are about to read. */
  users = 0;
  readonly readers = new Set<RedisReader>();
  readonly history: LogHistory;
  readonly pageSize: PageSize = new PageSize();
  readonly #options: RedisLogOptions;
  readonly #epochBytes: Buffer;
  #tail: LogTail<RedisEntry>;
  #lastId: string;
  #added: number | undefined;

  constructor(options: RedisLogOptions) {
    this.#options = options;
    this.keys = options.keys;
    this.epoch = options.epoch;
    this.limits = options.limits;
    this.#epochBytes = Buffer.from(options.epoch);
    this.#lastId = options.lastId;
    this.#added = options.added;
    this.#tail = new LogTail(options.limits, options.firstIndex);
    const { looks, surveys, clock, limits } = options;
    this.history = new LogHistory({ log: this, looks, surveys, clock, events: limits.events });
  }

  get tail(): LogTail<RedisEntry> {
    return this.#tail;
  }

  /** Everything up to this entry has been read from Redis. */
  get lastId(): string {
    return this.#lastId;
  }

  get added(): number | undefined {
    return this.#added;
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

  /**
   * Adds what follows the last entry without a gap; what is there already is left out.
   *
   * @remarks
   * At most half of what the tail can hold, so that readers who keep up do not lose anything to a burst. Returns the others: they are for
   * the next turn.
   */
  append(entries: readonly StoredEntry[]): readonly StoredEntry[] {
    const { events, bytes } = this.limits;
    const [mostEvents, mostBytes] = [this.#tail.nextIndex + Math.max(1, events / 2), bytes / 2];
    let addedBytes = 0;
    for (const [i, stored] of entries.entries()) {
      if (this.hasEnded) return [];
      if (compareIds(stored.id, this.#lastId) <= 0) continue;
      if (this.#tail.nextIndex >= mostEvents || addedBytes > mostBytes) return entries.slice(i);
      addedBytes += this.#appendOne(stored);
    }
    return [];
  }

  /** Up to `lastId` there is nothing more. */
  skipTo(lastId: string, added: number | undefined): void {
    if (compareIds(lastId, this.#lastId) <= 0) return;
    this.#lastId = lastId;
    this.#added = added;
  }

  /** Adds what stands before the tail and ends at its floor, as far as there is room; cursors of the readers are moved. */
  prepend(older: readonly RedisEntry[]): void {
    const fitting = this.#fittingBefore(older);
    if (fitting.length === 0 || this.hasEnded) return;
    const tail = new LogTail<RedisEntry>(this.limits, this.#tail.firstIndex - fitting.length);
    for (const entry of fitting) tail.append(entry, entry.bytes);
    for (let i = this.#tail.firstIndex; i < this.#tail.nextIndex; i++) {
      const entry = this.#tail.at(i);
      if (entry) tail.append(entry, entry.bytes);
    }
    this.#tail = tail;
    for (const reader of this.readers) reader.move(tail);
  }

  /** The last ones for which there is room. */
  #fittingBefore(older: readonly RedisEntry[]): readonly RedisEntry[] {
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

  /** What is wrong with the log by the answer to a check that was sent when `added` entries had been added at `knownId`. */
  findLoss(check: LogCheck, knownId: string, added: number | undefined): string | undefined {
    if (check.epoch !== this.epoch) return epochChanged;
    if (check.holdsKnown && check.lastId !== knownId) return undefined;
    if (added === undefined || check.added === undefined) {
      const isSame = check.lastId === knownId || check.holdsKnown;
      return isSame ? undefined : removedUnread;
    }
    const unread = check.lastId === knownId ? 0 : check.length;
    return check.added - added > unread ? removedUnread : undefined;
  }

  /** Entries that follow each other, the first of them `previousId`; what is no event is left out. */
  decode(entries: readonly StoredEntry[], previousId: string): readonly RedisEntry[] {
    const decoded: RedisEntry[] = [];
    let previous = previousId;
    for (const stored of entries) {
      const entry = this.#decode(stored, previous);
      if (entry) decoded.push(entry);
      previous = stored.id;
    }
    return decoded;
  }

  /** Returns how much memory was taken. */
  #appendOne(stored: StoredEntry): number {
    const epoch = fieldOf(stored, epochField);
    if (epoch !== undefined && !this.#epochBytes.equals(epoch)) {
      this.lose(epochChanged);
      return 0;
    }
    const entry = this.#decode(stored, this.#lastId);
    this.#lastId = stored.id;
    if (this.#added !== undefined) this.#added += 1;
    if (entry) this.#tail.append(entry, entry.bytes);
    return entry?.bytes ?? 0;
  }

  /** `undefined` for what is no event: programs of others may write anything. */
  #decode(stored: StoredEntry, previousId: string): RedisEntry | undefined {
    const field = fieldOf(stored, eventField);
    try {
      if (field === undefined) throw new Error('there is no field `event`');
      return {
        event: this.#options.codec.decode(field),
        position: this.position(stored.id),
        publishedAt: timeOf(stored.id),
        id: stored.id,
        previousId,
        bytes: entryBytes + 2 * field.byteLength,
      };
    } catch (cause) {
      const message = `entry ${stored.id} of ${this.keys.stream} is no event`;
      this.#options.onInvalidEntry(new SourceError('SOURCE_FAILED', message, { cause }));
      return undefined;
    }
  }
}

/** An entry with what leads to it. */
export interface RedisEntry extends LogEntry {
  readonly publishedAt: Instant;
  readonly id: string;
  /** The id after which nothing but this entry follows. */
  readonly previousId: string;
  readonly bytes: number;
}

const epochChanged = 'the log in Redis is another one than before';
const removedUnread = 'events left the log in Redis before this process had read them';

const eventField = Buffer.from('event');
const epochField = Buffer.from('epoch');

function fieldOf({ fields }: StoredEntry, name: Buffer): Uint8Array | undefined {
  for (let i = 0; i + 1 < fields.length; i += 2) {
    const field = fields[i];
    if (field && name.equals(field)) return fields[i + 1];
  }
  return undefined;
}

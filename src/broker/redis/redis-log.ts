import { SourceError } from '../../errors.ts';
import type { Instant, Position } from '../../vocabulary.ts';
import { LogTail } from '../log-tail.ts';
import type { LogTailLimits } from '../log-tail.ts';
import type { LogEntry } from '../types.ts';
import type { EventCodec } from './codec.ts';
import { compareIds, timeOf } from './entry-id.ts';
import type { LogKeys } from './log-keys.ts';
import type { RedisReader } from './redis-reader.ts';
import type { LogCheck, StoredEntry } from './replies.ts';

/** What a {@link RedisLog} is made from. */
export interface RedisLogOptions {
  readonly keys: LogKeys;
  readonly epoch: string;
  /** The last entry that the log had when it was looked at. */
  readonly lastId: string;
  /** Entries that had ever been added by then; `undefined` where Redis does not count them. */
  readonly added: number | undefined;
  readonly firstIndex: number;
  readonly limits: LogTailLimits;
  readonly codec: EventCodec;
  readonly onInvalidEntry: (error: SourceError) => void;
}

/** What an entry takes in memory besides its event. */
const entryBytes = 200;

/** The end of one log as this process holds it for its readers. */
export class RedisLog {
  readonly keys: LogKeys;
  readonly epoch: string;
  /** Readers, and those who are about to read. */
  users = 0;
  readonly readers = new Set<RedisReader>();
  readonly #options: RedisLogOptions;
  #tail: LogTail<RedisEntry>;
  #lastId: string;
  #added: number | undefined;
  /** What is done to this log one after the other. */
  #work: Promise<unknown> = Promise.resolve();

  constructor(options: RedisLogOptions) {
    this.#options = options;
    this.keys = options.keys;
    this.epoch = options.epoch;
    this.#lastId = options.lastId;
    this.#added = options.added;
    this.#tail = new LogTail(options.limits, options.firstIndex);
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

  position(id: string): Position {
    return { epoch: this.epoch, offset: id };
  }

  /** Index of the first entry after `id`; one that is not held any more if that may have been removed. */
  indexAfter(id: string): number {
    let index = this.#tail.nextIndex;
    for (;;) {
      const entry = this.#tail.at(index - 1);
      if (entry === undefined) break;
      if (compareIds(entry.id, id) <= 0) return index;
      index -= 1;
    }
    return compareIds(id, this.floorId) < 0 ? index - 1 : index;
  }

  /** Adds what follows the last entry without a gap; what is there already is left out. */
  append(entries: readonly StoredEntry[]): void {
    for (const stored of entries) {
      if (this.hasEnded) return;
      if (compareIds(stored.id, this.#lastId) <= 0) continue;
      if (!this.#appendOne(stored)) return;
    }
  }

  /** Adds what stands before the tail and ends at its floor; cursors of the readers are moved. */
  prepend(entries: readonly StoredEntry[], afterId: string): void {
    const older = this.#decodeAll(entries, afterId);
    const tail = new LogTail<RedisEntry>(
      this.#options.limits,
      this.#tail.firstIndex - older.length,
    );
    for (const entry of older) tail.append(entry, entry.bytes);
    for (let i = this.#tail.firstIndex; i < this.#tail.nextIndex; i++) {
      const entry = this.#tail.at(i);
      if (entry) tail.append(entry, entry.bytes);
    }
    this.#tail = tail;
    for (const reader of this.readers) reader.move(tail);
  }

  /** Runs `task` after those that were given before. */
  exclusive<Result>(task: () => Promise<Result>): Promise<Result> {
    const result = this.#work.then(task);
    this.#work = result.catch(() => undefined); // whoever gave the task is told
    return result;
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

  #appendOne(stored: StoredEntry): boolean {
    const epoch = fieldOf(stored, 'epoch');
    if (epoch !== undefined && Buffer.from(epoch).toString() !== this.epoch) {
      this.lose(epochChanged);
      return false;
    }
    const entry = this.#decode(stored, this.#lastId);
    this.#lastId = stored.id;
    if (this.#added !== undefined) this.#added += 1;
    if (entry) this.#tail.append(entry, entry.bytes);
    return true;
  }

  #decodeAll(entries: readonly StoredEntry[], afterId: string): readonly RedisEntry[] {
    const decoded: RedisEntry[] = [];
    let previousId = afterId;
    for (const stored of entries) {
      const entry = this.#decode(stored, previousId);
      if (entry) decoded.push(entry);
      previousId = stored.id;
    }
    return decoded;
  }

  /** `undefined` for what is no event: programs of others may write anything. */
  #decode(stored: StoredEntry, previousId: string): RedisEntry | undefined {
    const field = fieldOf(stored, 'event');
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

const names = new Map(['event', 'epoch'].map((name) => [name, Buffer.from(name)]));

function fieldOf({ fields }: StoredEntry, name: 'event' | 'epoch'): Uint8Array | undefined {
  for (let i = 0; i + 1 < fields.length; i += 2) {
    const field = fields[i];
    if (field && names.get(name)?.equals(field)) return fields[i + 1];
  }
  return undefined;
}

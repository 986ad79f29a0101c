import { SourceError } from '../../errors.ts';
import { compareIds } from '../remote/entry-id.ts';
import type { EventCodec } from '../remote/event-codec.ts';
import type { HistoryPage, PageRequest } from '../remote/log-history.ts';
import { PageSize } from '../remote/page-size.ts';
import { entryBytes, RemoteLog } from '../remote/remote-log.ts';
import type { RemoteEntry, RemoteLogOptions } from '../remote/remote-log.ts';
import { bytesOf } from './answer-size.ts';
import { timeOf } from './entry-id.ts';
import type { LogKeys } from './log-keys.ts';
import type { LogLooks } from './log-looks.ts';
import type { LogCheck, StoredEntry } from './replies.ts';

/** What a {@link RedisLog} is made from. */
export interface RedisLogOptions extends Omit<RemoteLogOptions, 'name'> {
  readonly keys: LogKeys;
  /** Entries that had ever been added when it was looked at; `undefined` where Redis does not count them. */
  readonly added: number | undefined;
  readonly codec: EventCodec;
  readonly onInvalidEntry: (error: SourceError) => void;
  readonly looks: LogLooks;
}

/** The end of one log as this process holds it for its readers. */
export class RedisLog extends RemoteLog {
  readonly keys: LogKeys;
  readonly pageSize: PageSize = new PageSize();
  readonly #options: RedisLogOptions;
  readonly #epochBytes: Buffer;
  readonly #historyPageSize = new PageSize();
  #added: number | undefined;

  constructor(options: RedisLogOptions) {
    super({ ...options, name: options.keys.stream });
    this.#options = options;
    this.keys = options.keys;
    this.#epochBytes = Buffer.from(options.epoch);
    this.#added = options.added;
  }

  get added(): number | undefined {
    return this.#added;
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
    const [mostEvents, mostBytes] = [this.tail.nextIndex + Math.max(1, events / 2), bytes / 2];
    let addedBytes = 0;
    for (const [i, stored] of entries.entries()) {
      if (this.hasEnded) return [];
      if (compareIds(stored.id, this.lastId) <= 0) continue;
      if (this.tail.nextIndex >= mostEvents || addedBytes > mostBytes) return entries.slice(i);
      addedBytes += this.#appendOne(stored);
    }
    return [];
  }

  /** Up to `lastId` there is nothing more. */
  skipTo(lastId: string, added: number | undefined): void {
    if (compareIds(lastId, this.lastId) <= 0) return;
    this.skip(lastId);
    this.#added = added;
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
  #decodeAll(entries: readonly StoredEntry[], previousId: string): readonly RemoteEntry[] {
    const decoded: RemoteEntry[] = [];
    let previous = previousId;
    for (const stored of entries) {
      const entry = this.#decode(stored, previous);
      if (entry) decoded.push(entry);
      previous = stored.id;
    }
    return decoded;
  }

  override async readPage({ after, upTo }: PageRequest): Promise<HistoryPage | undefined> {
    const { count } = this.#historyPageSize;
    const view = await this.#options.looks.page(this.keys, { after, upTo, count, known: upTo });
    const isHeld = view.held.every(Boolean);
    if (this.hasEnded || view.epoch !== this.epoch || !isHeld) return undefined;
    this.#historyPageSize.adapt(view.entries.length, bytesOf(view.entries));
    const isFull = view.entries.length === count;
    const lastId = (isFull ? view.entries.at(-1)?.id : undefined) ?? upTo;
    return { entries: this.#decodeAll(view.entries, after), lastId };
  }

  /** Returns how much memory was taken. */
  #appendOne(stored: StoredEntry): number {
    const epoch = fieldOf(stored, epochField);
    if (epoch !== undefined && !this.#epochBytes.equals(epoch)) {
      this.lose(epochChanged);
      return 0;
    }
    const entry = this.#decode(stored, this.lastId);
    if (this.#added !== undefined) this.#added += 1;
    if (entry) this.add(entry);
    else this.skip(stored.id);
    return entry?.bytes ?? 0;
  }

  /** `undefined` for what is no event: programs of others may write anything. */
  #decode(stored: StoredEntry, previousId: string): RemoteEntry | undefined {
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

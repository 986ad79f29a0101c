import { compareIds } from '../remote/entry-id.ts';
import type { HistoryPage, PageRequest } from '../remote/log-history.ts';
import { PageSize } from '../remote/page-size.ts';
import { entryBytes, RemoteLog } from '../remote/remote-log.ts';
import type { RemoteEntry, RemoteLogOptions } from '../remote/remote-log.ts';
import type { Turnstile } from '../remote/turnstile.ts';
import type { LogAddress } from './log-address.ts';
import type { LogQueries, StoredEvent } from './log-queries.ts';
import { partsOf, toPositionId } from './position-id.ts';

/** What a {@link PostgresLog} is made from. */
export interface PostgresLogOptions extends Omit<RemoteLogOptions, 'name'> {
  readonly address: LogAddress;
  readonly queries: LogQueries;
  /** Bounds what pages of all logs take in memory. */
  readonly pages: Turnstile;
}

/** The end of one log as this process holds it for its readers. */
export class PostgresLog extends RemoteLog {
  readonly address: LogAddress;
  readonly #options: PostgresLogOptions;
  readonly #pageSize = new PageSize();

  constructor(options: PostgresLogOptions) {
    super({ ...options, name: options.address.name });
    this.#options = options;
    this.address = options.address;
  }

  /**
   * Adds what follows the last event without a gap; what is there already is left out.
   *
   * @remarks
   * At most half of what the tail can hold, so that readers who keep up do not lose anything to a burst. Returns the others: they are for
   * the next turn.
   */
  append(events: readonly StoredEvent[]): readonly StoredEvent[] {
    const { events: mostEvents, bytes: mostBytes } = this.limits;
    const endIndex = this.tail.nextIndex + Math.max(1, mostEvents / 2);
    let addedBytes = 0;
    for (const [i, stored] of events.entries()) {
      if (this.hasEnded) return [];
      if (compareIds(stored.id, this.lastId) <= 0) continue;
      if (this.tail.nextIndex >= endIndex || addedBytes > mostBytes / 2) return events.slice(i);
      const entry = this.#toEntry(stored, this.lastId);
      this.add(entry);
      addedBytes += entry.bytes;
    }
    return [];
  }

  /**
   * There is nothing up to `place`, the last one of all logs.
   *
   * @remarks
   * Only where nothing was ever published: what is known of other logs is forgotten some day, and with it what was before.
   */
  skipUnused(place: string): void {
    const [, tag] = partsOf(this.lastId);
    if (tag === '0') this.skip(toPositionId(place, tag));
  }

  override async readPage({ after, upTo }: PageRequest): Promise<HistoryPage | undefined> {
    const { queries, pages } = this.#options;
    const { address, epoch } = this;
    const { count } = this.#pageSize;
    const [answer = 'lost'] = await pages.pass(() =>
      queries.read([{ address, epoch, after, upTo }], count),
    );
    if (this.hasEnded || answer === 'lost') return undefined;
    this.#pageSize.adapt(answer.length, bytesOf(answer));
    const isFull = answer.length === count;
    const lastId = (isFull ? answer.at(-1)?.id : undefined) ?? upTo;
    return {
      entries: answer.map((stored, i) => this.#toEntry(stored, answer[i - 1]?.id ?? after)),
      lastId,
    };
  }

  #toEntry({ id, text, publishedAt }: StoredEvent, previousId: string): RemoteEntry {
    return {
      // PostgreSQL stores nothing in a column of this type that is no JSON
      event: JSON.parse(text) as unknown,
      position: this.position(id),
      publishedAt,
      id,
      previousId,
      bytes: entryBytes + 2 * text.length,
    };
  }
}

/** What events weigh, about. */
export function bytesOf(events: readonly StoredEvent[]): number {
  let bytes = 0;
  for (const { text } of events) bytes += text.length;
  return bytes;
}

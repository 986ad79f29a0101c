import type { EntryReader, SourceEntry } from '../../broker/entry-reader.ts';
import { createTopicSource } from '../../broker/topic-source.ts';
import type { TopicSource } from '../../broker/types.ts';
import type { SourceReader } from '../../stream/source.ts';

/** What any of `sources` gives, each in its order; without any it waits until it is closed. It has no positions, so nobody can resume from it, and no two of them are the same. */
export function createMergedSource<Event>(
  sources: readonly TopicSource<Event>[],
): TopicSource<Event> {
  return createTopicSource({
    owner: sources,
    topic: '',
    key: '',
    open: async () => new MergedReader(await openAll(sources)),
  });
}

/** All of them or none. */
async function openAll(
  sources: readonly TopicSource<unknown>[],
): Promise<readonly SourceReader<unknown>[]> {
  const openings = await Promise.allSettled(sources.map((source) => source.open()));
  const readers = openings.flatMap((opening) =>
    opening.status === 'fulfilled' ? [opening.value] : [],
  );
  const failed = openings.find((opening) => opening.status === 'rejected');
  if (!failed) return readers;
  await Promise.all(readers.map((reader) => reader.close()));
  throw failed.reason;
}

type Arrival =
  | { readonly kind: 'event'; readonly reader: SourceReader<unknown>; readonly event: unknown }
  | { readonly kind: 'failed'; readonly error: unknown };

/** Holds at most one event of each of its readers. */
class MergedReader implements EntryReader {
  readonly #readers: readonly SourceReader<unknown>[];
  readonly #arrivals: Arrival[] = [];
  /** Those that have not ended; without any, one that never gives anything. */
  #readersLeft: number;
  #wake: (() => void) | undefined;

  constructor(readers: readonly SourceReader<unknown>[]) {
    this.#readers = readers;
    this.#readersLeft = Math.max(1, readers.length);
    for (const reader of readers) void this.#pull(reader); // its failure becomes an arrival
  }

  async read(): Promise<readonly SourceEntry[] | undefined> {
    while (this.#arrivals.length === 0 && this.#readersLeft > 0) {
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
    const arrival = this.#arrivals.shift();
    if (arrival === undefined) return undefined;
    if (arrival.kind === 'failed') throw arrival.error;
    void this.#pull(arrival.reader);
    return [{ event: arrival.event }];
  }

  async close(): Promise<void> {
    await Promise.all(this.#readers.map((reader) => reader.close()));
    this.#readersLeft = 0;
    this.#wake?.();
  }

  async #pull(reader: SourceReader<unknown>): Promise<void> {
    try {
      const item = await reader.read();
      if (item === undefined) this.#readersLeft -= 1;
      else if (item.kind === 'event') this.#arrivals.push({ ...item, reader });
      else this.#arrivals.push({ kind: 'failed', error: item.error });
    } catch (error) {
      this.#arrivals.push({ kind: 'failed', error });
    }
    this.#wake?.();
  }
}

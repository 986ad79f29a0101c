import { readIterable } from '../stream/iterable-stream.ts';
import type { Snapshot, SourceReader } from '../stream/source.ts';
import type { Instant, Position } from '../vocabulary.ts';
import type { EntryWaiter } from './log-tail.ts';

/** An event before the steps of its source; without a position if nobody can resume from it. */
export interface SourceEntry {
  readonly event: unknown;
  readonly position?: Position;
  /** Milliseconds since 1970, where it is known. */
  readonly publishedAt?: Instant;
}

/** Gives entries batch by batch; one consumer, never a read while another is pending. A log's reader is one. */
export interface EntryReader {
  /** The next entries, at least one; `undefined` at the end. */
  read(): Promise<readonly SourceEntry[] | undefined>;
  /**
   * The same without a promise, where it can be had so: throws where that rejects; `later` if it would have to wait.
   *
   * @param waiter - is told once, from within what changes the log, when it is worth while to poll again
   */
  poll?(waiter: EntryWaiter): readonly SourceEntry[] | 'later' | undefined;
  /** As in `LogReader`: present where several consumers may share this reader. */
  readonly nextIndex?: number;
  /** As in `LogReader`; absent where nobody can resume. */
  readonly complete?: boolean;
  readonly head?: Position;
  /** Strictly after it reading goes on; for readers whose entries make their positions only when they are asked. */
  position?(): Position;
  adopt?(reader: object): void;
  addConsumers?(others: number): void;
  removeConsumer?(): void;
  close(): Promise<void>;
}

const batchEvents = 128;

/** Reads a snapshot, from the moment of the first `read`. */
export class SnapshotReader implements EntryReader {
  readonly #snapshot: () => Snapshot<unknown>;
  #state: SnapshotState = { kind: 'new' };

  constructor(snapshot: () => Snapshot<unknown>) {
    this.#snapshot = snapshot;
  }

  async read(): Promise<readonly SourceEntry[] | undefined> {
    if (this.#state.kind === 'new') await this.#start();
    if (this.#state.kind === 'iterating') return takeBatch(this.#state.iterator);
    if (this.#state.kind !== 'pulling') return undefined;
    const item = await this.#state.reader.read();
    return item?.kind === 'event' ? [{ event: item.event }] : undefined;
  }

  async close(): Promise<void> {
    const state = this.#state;
    this.#state = { kind: 'closed' };
    if (state.kind === 'pulling') await state.reader.close();
    if (state.kind === 'iterating') state.iterator.return?.();
  }

  async #start(): Promise<void> {
    const rows = await this.#snapshot();
    // Closed while it was read: nothing of it may be started any more.
    if (this.#state.kind !== 'new') return;
    this.#state =
      Symbol.asyncIterator in rows
        ? { kind: 'pulling', reader: readIterable(rows) }
        : { kind: 'iterating', iterator: rows[Symbol.iterator]() };
  }
}

type SnapshotState =
  | { readonly kind: 'new' | 'closed' }
  | { readonly kind: 'pulling'; readonly reader: SourceReader<unknown> }
  | { readonly kind: 'iterating'; readonly iterator: Iterator<unknown> };

function takeBatch(iterator: Iterator<unknown>): readonly SourceEntry[] | undefined {
  const batch: SourceEntry[] = [];
  while (batch.length < batchEvents) {
    const result = iterator.next();
    if (result.done === true) break;
    batch.push({ event: result.value });
  }
  return batch.length > 0 ? batch : undefined;
}

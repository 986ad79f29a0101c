import type { Position } from '../../vocabulary.ts';
import { Consumers } from '../consumers.ts';
import type { ConsumerCount } from '../consumers.ts';
import type { LogTail, TailCursor } from '../log-tail.ts';
import type { LogBatch, LogReader } from '../types.ts';
import { HistoryCursor } from './history-cursor.ts';
import type { RemoteEntry, RemoteLog } from './remote-log.ts';

/** Where a {@link RemoteReader} begins. */
export interface RemoteReadStart {
  readonly complete: boolean;
  /** The entry after which it reads. */
  readonly afterId: string;
  /** The index of the event after that. */
  readonly index: number;
  readonly earliest: Position | undefined;
  readonly head: Position;
}

/** Reads a {@link RemoteLog}; counted from its making until it was closed or came to its end. */
export class RemoteReader implements LogReader {
  readonly epoch: string;
  readonly complete: boolean;
  readonly earliest: Position | undefined;
  readonly head: Position;
  readonly #log: RemoteLog;
  readonly #consumers: Consumers;
  /** The end of what is replayed. */
  readonly #headIndex: number;
  #afterId: string;
  #cursor: HistoryCursor | TailCursor<RemoteEntry>;

  constructor(log: RemoteLog, start: RemoteReadStart, count: ConsumerCount) {
    this.#log = log;
    this.epoch = log.epoch;
    this.complete = start.complete;
    this.earliest = start.earliest;
    this.head = start.head;
    this.#headIndex = log.tail.nextIndex;
    this.#afterId = start.afterId;
    this.#cursor = log.holdsAfter(start.afterId)
      ? log.tail.cursor(start.index)
      : new HistoryCursor(log, start.afterId, start.index);
    this.#consumers = new Consumers(count);
    log.readers.add(this);
  }

  async read(): Promise<LogBatch | undefined> {
    try {
      for (;;) {
        if (this.#mayGoBack()) this.#goBack();
        const cursor = this.#cursor;
        const batch = await cursor.read();
        if (batch !== undefined) {
          this.#afterId = batch.at(-1)?.id ?? this.#afterId;
          return batch;
        }
        const isInHistory = cursor instanceof HistoryCursor && !cursor.isClosed;
        if (isInHistory && cursor.isLevel) this.#joinTail(cursor);
        // where it is not level any more the tail moved on meanwhile, and there is more to read before that
        if (!isInHistory && cursor === this.#cursor) return undefined;
      }
    } finally {
      if (this.#cursor.isClosed) this.#release();
    }
  }

  get nextIndex(): number {
    return this.#cursor.nextIndex;
  }

  /** Goes on at the same place of a tail that reaches further back. */
  move(tail: LogTail<RemoteEntry>): void {
    if (this.#cursor.isClosed || this.#cursor instanceof HistoryCursor) return;
    const cursor = this.#cursor;
    this.#cursor = tail.cursor(cursor.nextIndex);
    cursor.close();
  }

  adopt(reader: object): void {
    if (!(reader instanceof RemoteReader)) return;
    this.#consumers.adopt(reader.#consumers);
    reader.#cursor.close();
    reader.#log.readers.delete(reader);
  }

  addConsumers(others: number): void {
    this.#consumers.add(others);
  }

  removeConsumer(): void {
    this.#consumers.remove();
  }

  async close(): Promise<void> {
    this.#cursor.close();
    this.#release();
  }

  /**
   * The tail has let go of what comes next, which the log elsewhere may have.
   *
   * @remarks
   * Whoever has read live and is further behind than a log has to keep is told at once: what is kept beyond that is chance.
   */
  #mayGoBack(): boolean {
    const { tail, limits, hasEnded } = this.#log;
    const { nextIndex, isClosed } = this.#cursor;
    if (this.#cursor instanceof HistoryCursor || isClosed || hasEnded) return false;
    const isReplaying = nextIndex < this.#headIndex;
    return (
      nextIndex < tail.firstIndex && (isReplaying || tail.nextIndex - nextIndex <= limits.events)
    );
  }

  #goBack(): void {
    const { nextIndex } = this.#cursor;
    this.#cursor.close();
    this.#cursor = new HistoryCursor(this.#log, this.#afterId, nextIndex);
  }

  #joinTail(cursor: HistoryCursor): void {
    this.#cursor = this.#log.tail.cursor(cursor.nextIndex);
    cursor.close();
  }

  #release(): void {
    this.#log.readers.delete(this);
    this.#consumers.release();
  }
}

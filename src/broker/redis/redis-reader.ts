import type { Position } from '../../vocabulary.ts';
import { Consumers } from '../consumers.ts';
import type { ConsumerCount } from '../consumers.ts';
import type { LogTail, TailCursor } from '../log-tail.ts';
import type { LogBatch, LogReader } from '../types.ts';
import type { RedisEntry, RedisLog } from './redis-log.ts';

/** Where a {@link RedisReader} begins. */
export interface RedisReadStart {
  readonly complete: boolean;
  readonly index: number;
  readonly earliest: Position | undefined;
  readonly head: Position;
}

/** Reads a {@link RedisLog}; counted from its making until it was closed or came to its end. */
export class RedisReader implements LogReader {
  readonly epoch: string;
  readonly complete: boolean;
  readonly earliest: Position | undefined;
  readonly head: Position;
  readonly #log: RedisLog;
  readonly #consumers: Consumers;
  #cursor: TailCursor<RedisEntry>;

  constructor(log: RedisLog, start: RedisReadStart, count: ConsumerCount) {
    this.#log = log;
    this.epoch = log.epoch;
    this.complete = start.complete;
    this.earliest = start.earliest;
    this.head = start.head;
    this.#cursor = log.tail.cursor(start.index);
    this.#consumers = new Consumers(count);
    log.readers.add(this);
  }

  async read(): Promise<LogBatch | undefined> {
    try {
      for (;;) {
        const cursor = this.#cursor;
        const batch = await cursor.read();
        if (batch !== undefined || cursor === this.#cursor) return batch;
      }
    } finally {
      if (this.#cursor.isClosed) this.#release();
    }
  }

  get nextIndex(): number {
    return this.#cursor.nextIndex;
  }

  /** Goes on at the same place of a tail that reaches further back. */
  move(tail: LogTail<RedisEntry>): void {
    if (this.#cursor.isClosed) return;
    const cursor = this.#cursor;
    this.#cursor = tail.cursor(cursor.nextIndex);
    cursor.close();
  }

  adopt(reader: object): void {
    if (!(reader instanceof RedisReader)) return;
    this.#consumers.adopt(reader.#consumers);
    reader.#cursor.close();
    reader.#log.readers.delete(reader);
  }

  removeConsumer(): void {
    this.#consumers.remove();
  }

  async close(): Promise<void> {
    this.#cursor.close();
    this.#release();
  }

  #release(): void {
    this.#log.readers.delete(this);
    this.#consumers.release();
  }
}

import type { Position } from '../vocabulary.ts';
import type { EntryWaiter, TailCursor, TailEntry } from './log-tail.ts';
import { Consumers } from './consumers.ts';
import type { ConsumerCount } from './consumers.ts';
import type { EntryReader } from './entry-reader.ts';
import type { MemoryLog, ReadStart } from './memory-log.ts';
import type { LogBatch, LogEntry, LogReader } from './types.ts';

/** Reads a {@link MemoryLog}; counted from its making until it was closed or came to its end. */
export class MemoryReader implements LogReader, EntryReader {
  readonly epoch: string;
  readonly complete: boolean;
  readonly earliest: Position | undefined;
  readonly head: Position;
  readonly #cursor: TailCursor<LogEntry & TailEntry>;
  readonly #consumers: Consumers;

  constructor(log: MemoryLog, start: ReadStart, count: ConsumerCount) {
    this.head = log.head;
    this.epoch = this.head.epoch;
    this.earliest = log.earliest;
    this.complete = start.complete;
    this.#cursor = log.tail.cursor(start.index);
    this.#consumers = new Consumers(count);
  }

  async read(): Promise<LogBatch | undefined> {
    try {
      return await this.#cursor.read();
    } finally {
      if (this.#cursor.isClosed) this.#consumers.release();
    }
  }

  poll(waiter: EntryWaiter): LogBatch | 'later' | undefined {
    try {
      return this.#cursor.poll(waiter);
    } finally {
      if (this.#cursor.isClosed) this.#consumers.release();
    }
  }

  get nextIndex(): number {
    return this.#cursor.nextIndex;
  }

  position(): Position {
    return { epoch: this.epoch, offset: String(this.#cursor.nextIndex - 1) };
  }

  adopt(reader: object): void {
    if (!(reader instanceof MemoryReader)) return;
    this.#consumers.adopt(reader.#consumers);
    reader.#cursor.close();
  }

  addConsumers(others: number): void {
    this.#consumers.add(others);
  }

  removeConsumer(): void {
    this.#consumers.remove();
  }

  async close(): Promise<void> {
    this.#cursor.close();
    this.#consumers.release();
  }
}

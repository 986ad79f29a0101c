import type { Position } from '../vocabulary.ts';
import type { TailCursor } from './log-tail.ts';
import type { MemoryLog, ReadStart } from './memory-log.ts';
import type { LogBatch, LogEntry, LogReader } from './types.ts';

/** Reads a {@link MemoryLog}; calls `release` once, when it was closed or came to its end. */
export class MemoryReader implements LogReader {
  readonly epoch: string;
  readonly complete: boolean;
  readonly earliest: Position | undefined;
  readonly head: Position;
  readonly #cursor: TailCursor<LogEntry>;
  #release: (() => void) | undefined;

  constructor(log: MemoryLog, start: ReadStart, release: () => void) {
    this.head = log.head;
    this.epoch = this.head.epoch;
    this.earliest = log.earliest;
    this.complete = start.complete;
    this.#cursor = log.tail.cursor(start.index);
    this.#release = release;
  }

  async read(): Promise<LogBatch | undefined> {
    try {
      return await this.#cursor.read();
    } finally {
      if (this.#cursor.isClosed) this.#releaseOnce();
    }
  }

  async close(): Promise<void> {
    this.#cursor.close();
    this.#releaseOnce();
  }

  #releaseOnce(): void {
    this.#release?.();
    this.#release = undefined;
  }
}

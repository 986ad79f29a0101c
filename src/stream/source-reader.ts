import { UsageError } from '../errors.ts';
import type { SourceItem, SourceReader } from './source.ts';

/** Where a {@link SourceReader} gets its items; {@link createSourceReader} adds the manners. */
export interface ItemProducer<Event> {
  /**
   * The next item, at once if there is one; `undefined` at the end. Throws or rejects when the source fails.
   *
   * @remarks
   * Never called while an earlier call is pending, nor after `release`.
   */
  next(): SourceItem<Event> | undefined | Promise<SourceItem<Event> | undefined>;
  /** Called once: at the end, after a failure, or when the reader is closed, then perhaps with a `next` pending. */
  release(): void | Promise<void>;
}

/** Keeps the promises of {@link SourceReader}, whatever the producer does. */
export function createSourceReader<Event>(producer: ItemProducer<Event>): SourceReader<Event> {
  return new ProducedReader(producer);
}

interface PendingRead<Event> {
  readonly resolve: (item: SourceItem<Event> | undefined) => void;
  readonly reject: (error: unknown) => void;
}

const ended: Promise<undefined> = Promise.resolve(undefined);

class ProducedReader<Event> implements SourceReader<Event> {
  readonly #producer: ItemProducer<Event>;
  #pending: PendingRead<Event> | undefined;
  #closed: Promise<void> | undefined;

  constructor(producer: ItemProducer<Event>) {
    this.#producer = producer;
  }

  read(): Promise<SourceItem<Event> | undefined> {
    if (this.#closed !== undefined) return ended;
    if (this.#pending !== undefined) {
      return Promise.reject(new UsageError('read() was called while an earlier read() is pending'));
    }
    try {
      const next = this.#producer.next();
      if (next instanceof Promise) return this.#settle(next);
      if (next === undefined) void this.close();
      return Promise.resolve(next);
    } catch (error) {
      void this.close();
      return Promise.reject(error);
    }
  }

  close(): Promise<void> {
    this.#closed ??= this.#release();
    return this.#closed;
  }

  [Symbol.asyncIterator](): AsyncIterator<Event, undefined> {
    return new EventIterator(this);
  }

  #settle(next: Promise<SourceItem<Event> | undefined>): Promise<SourceItem<Event> | undefined> {
    return new Promise((resolve, reject) => {
      const pending = { resolve, reject };
      this.#pending = pending;
      next.then(
        (item) => this.#answer(pending, item),
        (error: unknown) => this.#fail(pending, error),
      );
    });
  }

  #answer(pending: PendingRead<Event>, item: SourceItem<Event> | undefined): void {
    if (this.#pending !== pending) return;
    this.#pending = undefined;
    if (item === undefined) void this.close();
    pending.resolve(item);
  }

  #fail(pending: PendingRead<Event>, error: unknown): void {
    // Nobody waits for the failure of something that was closed.
    if (this.#pending !== pending) return;
    this.#pending = undefined;
    void this.close();
    pending.reject(error);
  }

  async #release(): Promise<void> {
    const pending = this.#pending;
    this.#pending = undefined;
    pending?.resolve(undefined);
    try {
      await this.#producer.release();
    } catch {
      // Whoever closes has no use for the events any more, nor for the reason why letting go of them failed.
    }
  }
}

/** The bare events of a reader. Unlike a generator's, its `return` does not wait for a pending `next`. */
class EventIterator<Event> implements AsyncIterator<Event, undefined> {
  readonly #reader: SourceReader<Event>;
  /** Settles when no `next` is pending: consumers may call it again before the first has answered. */
  #last: Promise<unknown> = ended;

  constructor(reader: SourceReader<Event>) {
    this.#reader = reader;
  }

  next(): Promise<IteratorResult<Event, undefined>> {
    const read = () => this.#read();
    const result = this.#last.then(read, read);
    this.#last = result;
    return result;
  }

  async return(): Promise<IteratorResult<Event, undefined>> {
    await this.#reader.close();
    return { done: true, value: undefined };
  }

  async throw(error: unknown): Promise<never> {
    await this.#reader.close();
    // oxlint-disable-next-line typescript/only-throw-error -- it is whatever the consumer throws
    throw error;
  }

  async #read(): Promise<IteratorResult<Event, undefined>> {
    const item = await this.#reader.read();
    if (item === undefined) return { done: true, value: undefined };
    if (item.kind === 'event') return { done: false, value: item.event };
    await this.#reader.close();
    // oxlint-disable-next-line typescript/only-throw-error -- it is whatever the user's filter or map threw
    throw item.error;
  }
}

/**
 * Iterates over a source that is being opened.
 *
 * @remarks
 * A failure to open is the first answer. Leaving before it is open closes it as soon as it is.
 */
export function iterateOpening<Event>(
  opening: Promise<SourceReader<Event>>,
): AsyncIterator<Event, undefined> {
  // Without a pull nobody would hear of the failure, and it would count as unhandled.
  opening.catch(() => undefined);
  const reader = createSourceReader<Event>({
    next: async () => (await opening).read(),
    release: () => {
      void opening.then(
        (opened) => opened.close(),
        () => undefined,
      );
    },
  });
  return reader[Symbol.asyncIterator]();
}

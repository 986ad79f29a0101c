import { TransportError } from './transport-error.ts';

/** What happens to results that come faster than they are read. */
export interface BufferOptions {
  /** Results that may wait. @defaultValue 1_024 */
  readonly capacity?: number;
  /**
   * What happens when more come: the operation ends with an `error` (`BUFFER_OVERFLOW`, after those that wait), the oldest is dropped (`drop-oldest`), or only the `latest` is
   * ever kept.
   *
   * @defaultValue 'error'
   */
  readonly whenFull?: 'error' | 'drop-oldest' | 'latest';
}

type Reader<Item> = (outcome: IteratorResult<Item> | Promise<IteratorResult<Item>>) => void;

/**
 * Stands between an operation that pushes and a consumer that pulls.
 *
 * @remarks
 * Written by hand: `return()` of an async generator waits behind a pending `next()`, and would never stop an operation that is silent.
 */
export class ResultIterator<Item> implements AsyncIterableIterator<Item> {
  readonly #capacity: number;
  readonly #drops: boolean;
  readonly #start: () => void;
  readonly #stop: () => void;
  #items: Item[] = [];
  #readers: Reader<Item>[] = [];
  #isOpen = true;
  #error: unknown;

  /** @param start - called by the first `next()` and every other; @param stop - called when nobody wants the rest */
  constructor(options: BufferOptions, start: () => void, stop: () => void) {
    const { capacity = 1_024, whenFull = 'error' } = options;
    this.#capacity = whenFull === 'latest' ? 1 : capacity;
    this.#drops = whenFull !== 'error';
    this.#start = start;
    this.#stop = stop;
  }

  push(item: Item): void {
    const reader = this.#readers.shift();
    if (reader) reader({ done: false, value: item });
    else if (this.#items.length >= this.#capacity && !this.#drops) this.#overflow();
    else if (this.#items.push(item) > this.#capacity) this.#items.shift();
  }

  /** Nothing follows; what waits can still be read, then `error` is thrown once, if there is one. */
  end(error?: unknown): void {
    if (!this.#isOpen) return;
    this.#isOpen = false;
    this.#error = error;
    // in order: the one who waited first gets the error
    for (const reader of this.#readers) reader(this.next());
    this.#readers = [];
  }

  /** Gives what waits, and the end if that came, to somebody who needs no iterator. */
  handOver(observer: {
    next(item: Item): void;
    error(error: unknown): void;
    complete(): void;
  }): void {
    for (const item of this.#items.splice(0)) observer.next(item);
    if (this.#isOpen) return;
    if (this.#error === undefined) observer.complete();
    else observer.error(this.#error);
  }

  next(): Promise<IteratorResult<Item>> {
    const [item] = this.#items;
    if (this.#items.length > 0) {
      this.#items.shift();
      return Promise.resolve({ done: false, value: item as Item }); // there is one
    }
    if (this.#isOpen) {
      return new Promise((resolve) => {
        this.#readers.push(resolve);
        this.#start();
      });
    }
    const error = this.#error;
    this.#error = undefined;
    return error === undefined ? this.return() : Promise.reject(error);
  }

  return(): Promise<IteratorResult<Item>> {
    this.#items = [];
    this.#error = undefined;
    this.end();
    this.#stop();
    return Promise.resolve({ done: true, value: undefined });
  }

  async throw(error?: unknown): Promise<IteratorResult<Item>> {
    await this.return();
    throw error;
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  #overflow(): void {
    this.end(
      new TransportError('BUFFER_OVERFLOW', 'Results came faster than they were read.', true),
    );
    this.#stop();
  }
}

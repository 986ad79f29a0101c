import type { Observer } from './operation-handle.ts';
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

/** Whom a {@link ResultIterator} calls. */
export interface IteratorHooks {
  /** Somebody waits for a result. */
  start(): void;
  /** Nobody wants the rest. */
  stop(): void;
  /** The observer threw. */
  report(error: unknown): void;
}

type Reader<Item> = (outcome: IteratorResult<Item> | Promise<IteratorResult<Item>>) => void;

/**
 * Stands between an operation that pushes and its consumer: one that pulls, or an observer.
 *
 * @remarks
 * Written by hand: `return()` of an async generator waits behind a pending `next()`, and would never stop an operation that is silent.
 */
export class ResultIterator<Item> implements AsyncIterableIterator<Item> {
  readonly #hooks: IteratorHooks;
  readonly #options: BufferOptions;
  #items: Item[] = [];
  readonly #readers: Reader<Item>[] = [];
  #observer: Observer<Item> | undefined;
  #isOpen = true;
  #error: unknown;

  constructor(hooks: IteratorHooks, options: BufferOptions = {}) {
    this.#hooks = hooks;
    this.#options = options;
  }

  /** From now on `observer` gets everything, what waits included. */
  observe(observer: Observer<Item>): void {
    this.#observer = observer;
    for (const item of this.#items.splice(0)) this.#tell('next', item);
    if (!this.#isOpen) this.#tellEnd();
  }

  push(item: Item): void {
    if (this.#observer) return this.#tell('next', item);
    const { capacity = 1_024, whenFull } = this.#options;
    const mayDrop = whenFull === 'latest' || whenFull === 'drop-oldest';
    const reader = this.#readers.shift();
    if (reader) reader({ done: false, value: item });
    else if (this.#items.length >= capacity && !mayDrop) {
      this.end(new TransportError('BUFFER_OVERFLOW', 'Results came faster than read', true));
      this.#hooks.stop();
    } else if (this.#items.push(item) > (whenFull === 'latest' ? 1 : capacity)) this.#items.shift();
  }

  /** Nothing follows; what waits can still be read, then `error` is thrown once, if there is one. */
  end(error?: unknown): void {
    if (!this.#isOpen) return;
    this.#isOpen = false;
    this.#error = error;
    if (this.#observer) this.#tellEnd();
    // in order: the one who waited first gets the error
    for (const reader of this.#readers.splice(0)) reader(this.next());
  }

  /** Nothing follows, and nobody is told. */
  cancel(): void {
    this.#observer = undefined;
    this.#items = [];
    this.#error = undefined;
    this.end();
  }

  async next(): Promise<IteratorResult<Item>> {
    if (this.#items.length > 0) return { done: false, value: this.#items.shift() as Item }; // there is one
    if (this.#isOpen) {
      return new Promise((resolve) => {
        this.#readers.push(resolve);
        this.#hooks.start();
      });
    }
    const error = this.#error;
    this.#error = undefined;
    // oxlint-disable-next-line typescript/only-throw-error -- an operation ends with errors alone
    if (error !== undefined) throw error;
    return { done: true, value: undefined };
  }

  async return(): Promise<IteratorResult<Item>> {
    this.cancel();
    this.#hooks.stop();
    return this.next();
  }

  async throw(error?: unknown): Promise<IteratorResult<Item>> {
    await this.return();
    throw error;
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  #tellEnd(): void {
    this.#tell(this.#error === undefined ? 'complete' : 'error', this.#error);
  }

  #tell(kind: keyof Observer<Item>, value: unknown): void {
    try {
      this.#observer?.[kind]?.(value as never); // what goes with `kind`, by the callers
    } catch (error) {
      this.#hooks.report(error);
    }
  }
}

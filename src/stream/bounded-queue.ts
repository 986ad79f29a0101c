import { SourceError } from '../errors.ts';

/** Options of {@link BoundedQueue}. */
export interface BoundedQueueOptions {
  /** Items that may wait. @defaultValue 1_024 */
  readonly capacity?: number;
}

const defaults = { capacity: 1_024 } as const satisfies Required<BoundedQueueOptions>;

type QueueEnd =
  | { readonly kind: 'open' }
  | { readonly kind: 'ended' }
  | { readonly kind: 'failed'; readonly error: unknown };

/**
 * Stands between someone who pushes and one consumer who pulls.
 *
 * @remarks
 * Full is a failure: what waits is dropped and the next {@link BoundedQueue.take} rejects with `BUFFER_OVERFLOW`, because a consumer must not
 * go on with a hole in what it sees. The one who pushes never waits and is never thrown at.
 */
export class BoundedQueue<Item extends object> {
  readonly #capacity: number;
  #items: Item[] = [];
  /** Items before this index were taken. */
  #taken = 0;
  #end: QueueEnd = { kind: 'open' };
  #waiting:
    | {
        readonly resolve: (item: Item | undefined) => void;
        readonly reject: (error: unknown) => void;
      }
    | undefined;

  constructor(options: BoundedQueueOptions = {}) {
    this.#capacity = options.capacity ?? defaults.capacity;
  }

  /** Items that wait. */
  get size(): number {
    return this.#items.length - this.#taken;
  }

  /** False once nothing more is accepted: ended, failed, overflowed or cleared. */
  get isOpen(): boolean {
    return this.#end.kind === 'open';
  }

  /** Hands over `item`; ignored unless the queue is open. */
  push(item: Item): void {
    if (!this.isOpen) return;
    if (this.#waiting !== undefined) {
      this.#waiting.resolve(item);
      this.#waiting = undefined;
      return;
    }
    if (this.size < this.#capacity) {
      this.#items.push(item);
      return;
    }
    this.clear();
    this.#end = {
      kind: 'failed',
      error: new SourceError(
        'BUFFER_OVERFLOW',
        `more than ${this.#capacity} events waited for a consumer that did not read them`,
      ),
    };
  }

  /** No item follows; those that wait can still be taken. */
  end(): void {
    if (!this.isOpen) return;
    this.#end = { kind: 'ended' };
    this.#waiting?.resolve(undefined);
    this.#waiting = undefined;
  }

  /** No item follows; those that wait can still be taken, then `error` is what the consumer gets. */
  fail(error: unknown): void {
    if (!this.isOpen) return;
    this.#end = this.#waiting === undefined ? { kind: 'failed', error } : { kind: 'ended' };
    this.#waiting?.reject(error);
    this.#waiting = undefined;
  }

  /** Drops what waits and ends. */
  clear(): void {
    this.#items = [];
    this.#taken = 0;
    this.end();
  }

  /** The next item, at once if one waits; `undefined` after the end. MUST NOT be called while an earlier call is pending. */
  take(): Item | undefined | Promise<Item | undefined> {
    const item = this.#shift();
    if (item !== undefined) return item;
    const end = this.#end;
    if (end.kind === 'open') {
      return new Promise((resolve, reject) => {
        this.#waiting = { resolve, reject };
      });
    }
    this.#end = { kind: 'ended' };
    return end.kind === 'failed' ? Promise.reject(end.error) : undefined;
  }

  #shift(): Item | undefined {
    const item = this.#items[this.#taken];
    if (item === undefined) return undefined;
    this.#taken += 1;
    if (this.#taken === this.#items.length) {
      this.#items = [];
      this.#taken = 0;
    } else if (this.#taken > this.#capacity) {
      // Shifting one by one is quadratic, keeping what was taken is a leak: cut once in a while.
      this.#items = this.#items.slice(this.#taken);
      this.#taken = 0;
    }
    return item;
  }
}

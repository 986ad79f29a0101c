import type { LocksLike } from 'millrace/client/tabs';

interface Request {
  readonly owner: MemoryLocks;
  readonly callback: () => Promise<void> | void;
  readonly resolve: (value?: unknown) => void;
  readonly reject: (error: unknown) => void;
}

/** The locks of one origin: of each name who has it, and who waits, in this order. */
class LockTable {
  readonly #queues = new Map<string, Request[]>();

  ask(name: string, request: Request): () => void {
    const queue = this.#queueOf(name);
    queue.push(request);
    if (queue.length === 1) this.#grant(name);
    return () => this.#withdraw(name, request);
  }

  steal(name: string, request: Request): void {
    const queue = this.#queueOf(name);
    queue.shift()?.reject(new DOMException('stolen', 'AbortError'));
    queue.unshift(request);
    this.#grant(name);
  }

  /** The page is gone, with what it had and waited for. */
  forget(owner: MemoryLocks): void {
    for (const [name, queue] of this.#queues) {
      for (const request of queue.filter((each) => each.owner === owner)) {
        this.#withdraw(name, request);
      }
    }
  }

  get size(): number {
    return [...this.#queues.values()].reduce((sum, { length }) => sum + length, 0);
  }

  #queueOf(name: string): Request[] {
    const queue = this.#queues.get(name) ?? [];
    this.#queues.set(name, queue);
    return queue;
  }

  #withdraw(name: string, request: Request): void {
    const queue = this.#queueOf(name);
    const index = queue.indexOf(request);
    if (index < 0) return;
    queue.splice(index, 1);
    if (index === 0) this.#grant(name);
  }

  /** Gives the lock to the first in the queue; as in browsers, not at once. */
  #grant(name: string): void {
    const [request] = this.#queueOf(name);
    if (!request) return;
    setImmediate(() => {
      if (this.#queueOf(name)[0] === request) void this.#hold(name, request);
    });
  }

  async #hold(name: string, request: Request): Promise<void> {
    try {
      request.resolve(await request.callback());
    } catch (error) {
      request.reject(error);
    }
    this.#withdraw(name, request);
  }
}

/** `navigator.locks` of one page: those of the same table share their locks. */
export class MemoryLocks implements LocksLike {
  readonly #table: LockTable;
  #isGone = false;

  constructor(table = new LockTable()) {
    this.#table = table;
  }

  /** The locks of another page of the same origin. */
  another(): MemoryLocks {
    return new MemoryLocks(this.#table);
  }

  /** How many requests there are that are held or wait, of all pages. */
  get size(): number {
    return this.#table.size;
  }

  /** As if the page, or the worker, were gone. */
  crash(): void {
    this.#isGone = true;
    this.#table.forget(this);
  }

  request(
    name: string,
    { signal, steal }: { readonly signal?: AbortSignal; readonly steal?: boolean },
    callback: () => Promise<void> | void,
  ): Promise<unknown> {
    return new Promise((resolve, reject) => {
      if (this.#isGone) return;
      const request = { owner: this, callback, resolve, reject };
      if (steal) return this.#table.steal(name, request);
      let isHeld = false;
      const noted = {
        ...request,
        callback: () => {
          isHeld = true;
          return callback();
        },
      };
      const withdraw = this.#table.ask(name, noted);
      signal?.addEventListener('abort', () => {
        if (isHeld) return;
        withdraw();
        reject(new DOMException('aborted', 'AbortError'));
      });
    });
  }
}

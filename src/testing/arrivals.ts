/** What arrived, in order, for a test to take or to wait for. */
export class Arrivals<Item> {
  readonly #patienceMs: number;
  #items: Item[] = [];
  #wake: (() => void) | undefined;

  /** @param patienceMs - real time after which a test waits in vain */
  constructor(patienceMs: number) {
    this.#patienceMs = patienceMs;
  }

  /** What nobody took. */
  get rest(): readonly Item[] {
    return this.#items;
  }

  push(item: Item): void {
    this.#items.push(item);
    this.#wake?.();
  }

  /** The next one; rejects with `complaint` if none comes. */
  async next(complaint: () => string): Promise<Item> {
    if (this.#items.length === 0) await this.#arrival(complaint);
    const [item, ...rest] = this.#items as [Item, ...Item[]]; // one has arrived
    this.#items = rest;
    return item;
  }

  #arrival(complaint: () => string): Promise<void> {
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => {
        this.#wake = undefined;
        reject(new Error(complaint()));
      }, this.#patienceMs);
      this.#wake = () => {
        clearTimeout(timer);
        this.#wake = undefined;
        resolve();
      };
    });
  }
}

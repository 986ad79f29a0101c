import { setImmediate as turn } from 'node:timers/promises';

/** How long a test waits for what has to happen before it gives up. */
const patienceMs = 5_000;

/** Resolves once `condition` holds; asks again after each turn of the event loop. */
export async function until(condition: () => boolean, what: string): Promise<void> {
  const giveUpAt = performance.now() + patienceMs;
  while (!condition()) {
    if (performance.now() > giveUpAt) throw inVain(what);
    await turn();
  }
}

/** What happened, in order, for a test to take. */
export class Inbox<Item> {
  readonly #of: string;
  #items: readonly Item[] = [];
  #wake: (() => void) | undefined;

  /** @param of - names the items where a test waits for one in vain */
  constructor(of: string) {
    this.#of = of;
  }

  readonly push = (item: Item): void => {
    this.#items = [...this.#items, item];
    this.#wake?.();
  };

  /** The next item that was not taken. */
  async next(): Promise<Item> {
    await this.#arrival();
    const [item, ...rest] = this.#items as readonly [Item, ...Item[]]; // one has arrived
    this.#items = rest;
    return item;
  }

  /** The next `count` items. */
  async take(count: number): Promise<readonly Item[]> {
    const items: Item[] = [];
    while (items.length < count) items.push(await this.next());
    return items;
  }

  /** What is there and was not taken. */
  get rest(): readonly Item[] {
    return this.#items;
  }

  async #arrival(): Promise<void> {
    if (this.#items.length > 0) return;
    let timer: NodeJS.Timeout | undefined;
    await new Promise<void>((resolve, reject) => {
      this.#wake = resolve;
      timer = setTimeout(() => reject(inVain(this.#of)), patienceMs);
    });
    clearTimeout(timer);
    this.#wake = undefined;
  }
}

function inVain(what: string): Error {
  return new Error(`waited ${patienceMs} ms in vain for ${what}`);
}

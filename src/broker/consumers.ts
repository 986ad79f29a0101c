/** Counts a reader and those who share it, wherever such things are counted; all of them leave when it is released. */
export class Consumers {
  readonly #count: ConsumerCount;
  #state: 'open' | 'released' = 'open';
  /** Beyond the first. */
  #others = 0;

  constructor(count: ConsumerCount) {
    this.#count = count;
    count.add();
  }

  add(): void {
    if (this.#state === 'released') return;
    this.#others += 1;
    this.#count.add();
  }

  remove(): void {
    if (this.#others === 0) return;
    this.#others -= 1;
    this.#count.remove();
  }

  /** Only the first call counts. */
  release(): void {
    if (this.#state === 'released') return;
    this.#state = 'released';
    while (this.#others > 0) this.remove();
    this.#count.remove();
  }
}

/** Where consumers are counted. */
export interface ConsumerCount {
  add(): void;
  remove(): void;
}

/** Counts a reader's consumer and those who share the reader, wherever such things are counted; all of them leave when it is released. */
export class Consumers {
  readonly #count: ConsumerCount;
  #state: 'open' | 'released' = 'open';
  /** Beyond the first. */
  #others = 0;

  constructor(count: ConsumerCount) {
    this.#count = count;
    count.add();
  }

  /** Takes over whoever another one counts: the numbers stay what they are. */
  adopt(other: Consumers): void {
    if (this.#state === 'released' || other.#state === 'released') return;
    this.#others += other.#others + 1;
    other.#others = 0;
    other.#state = 'released';
  }

  /** Others share the reader from now on. */
  add(others: number): void {
    if (this.#state === 'released') return;
    this.#others += others;
    for (let i = 0; i < others; i += 1) this.#count.add();
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

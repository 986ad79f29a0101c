/** Decisions that a test took at random; 0 is always the plainest one, so that whoever shrinks the numbers makes the case plainer. */
export class Choices {
  readonly #numbers: readonly number[];
  #next = 0;

  constructor(numbers: readonly number[]) {
    this.#numbers = numbers;
  }

  /** An integer from 0 to `bound - 1`; 0 when there are no more decisions. */
  below(bound: number): number {
    const number = this.#numbers[this.#next] ?? 0;
    this.#next += 1;
    return number % bound;
  }

  /** One time in `times`. */
  oneIn(times: number): boolean {
    return this.below(times) === times - 1;
  }

  of<Item>(items: readonly Item[]): Item {
    return items[this.below(items.length)] as Item; // there is one
  }

  list<Item>(shortest: number, longest: number, make: (index: number) => Item): readonly Item[] {
    const length = shortest + this.below(longest - shortest + 1);
    return Array.from({ length }, (_, index) => make(index));
  }
}

/** Decisions about many things, each of which gets the same ones however often and in whichever order it asks. */
export class Fates {
  readonly #numbers: readonly number[];

  constructor(numbers: readonly number[]) {
    this.#numbers = numbers;
  }

  /** Those of the thing with this name. */
  of(name: string): Choices {
    if (this.#numbers.length === 0) return new Choices([]);
    let hash = hashOf(name);
    const first = this.#numbers[hash % this.#numbers.length] ?? 0;
    if (first === 0) return new Choices([]);
    const numbers: number[] = [];
    for (let i = 0; i < 8; i += 1) {
      hash = Math.imul(hash ^ first ^ (hash >>> 15), 0x2c_1b_3c_6d) >>> 0;
      numbers.push(hash >>> 4);
    }
    return new Choices(numbers);
  }
}

/** FNV-1a. */
function hashOf(text: string): number {
  let hash = 0x81_1c_9d_c5;
  for (let i = 0; i < text.length; i += 1) {
    hash = Math.imul(hash ^ text.charCodeAt(i), 0x01_00_01_93) >>> 0;
  }
  return hash >>> 0;
}

/** What tells one message from all others: each publisher numbers its own from 1. */
export interface Numbered {
  readonly publisher: string;
  readonly sequence: number;
}

/** What has come so far of the messages of one publisher. */
interface Stream {
  first: number;
  last: number;
  readonly missing: Set<number>;
}

/** Counts what a window got, and what it should have got. */
export class Account {
  readonly #streams = new Map<string, Stream>();
  #received = 0;
  #repeated = 0;
  #late = 0;

  /** Messages that came, each counted once. */
  get received(): number {
    return this.#received;
  }

  /** Messages that came again. */
  get repeated(): number {
    return this.#repeated;
  }

  /** Messages that came after later ones of the same publisher. */
  get late(): number {
    return this.#late;
  }

  /** Messages that did not come, though later ones of the same publisher did. */
  get lost(): number {
    return [...this.#streams.values()].reduce((sum, { missing }) => sum + missing.size, 0);
  }

  /** The first message of a publisher is where its account begins: what was published before is not expected. */
  take({ publisher, sequence }: Numbered): 'new' | 'repeated' {
    const stream = this.#streams.get(publisher);
    if (!stream) {
      this.#streams.set(publisher, { first: sequence, last: sequence, missing: new Set() });
    } else if (sequence > stream.last) {
      for (let each = stream.last + 1; each < sequence; each += 1) stream.missing.add(each);
      stream.last = sequence;
    } else if (stream.missing.delete(sequence) || sequence < stream.first) {
      stream.first = Math.min(stream.first, sequence);
      this.#late += 1;
    } else {
      this.#repeated += 1;
      return 'repeated';
    }
    this.#received += 1;
    return 'new';
  }
}

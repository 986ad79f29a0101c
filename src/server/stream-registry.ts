import type { Drainable } from './drain.ts';

/** An answer that may still be under way. */
export interface OpenAnswer extends Drainable {
  /** Ends it without its end, if it is or would become a stream; a single result comes when it is ready. */
  cut(): void;
}

/** The answers of a server that are under way, so that it can end the streams among them. */
export class StreamRegistry {
  readonly #answers = new Set<OpenAnswer>();
  #isClosed = false;

  get size(): number {
    return this.#answers.size;
  }

  add(answer: OpenAnswer): void {
    this.#answers.add(answer);
    // its connect hook may have taken longer than the server lived
    if (this.#isClosed) answer.cut();
  }

  delete(answer: OpenAnswer): void {
    this.#answers.delete(answer);
  }

  /** Those that are under way. */
  all(): readonly OpenAnswer[] {
    return [...this.#answers];
  }

  /** Cuts each that comes. */
  refuseNewcomers(): void {
    this.#isClosed = true;
  }

  /** Cuts every answer that is there, and each that comes. */
  cutAll(): void {
    this.refuseNewcomers();
    for (const answer of this.#answers) answer.cut();
  }
}

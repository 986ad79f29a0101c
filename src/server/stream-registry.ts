/** An answer that may still be under way. */
export interface OpenAnswer {
  /** Ends it without its end, if it is a stream that has begun; a single result comes when it is ready. */
  cut(): void;
}

/** The answers of a server that are under way, so that it can end the streams among them. */
export class StreamRegistry {
  readonly #answers = new Set<OpenAnswer>();

  get size(): number {
    return this.#answers.size;
  }

  add(answer: OpenAnswer): void {
    this.#answers.add(answer);
  }

  /** False if it was not there any more. */
  delete(answer: OpenAnswer): boolean {
    return this.#answers.delete(answer);
  }

  cutAll(): void {
    for (const answer of this.#answers) answer.cut();
  }
}

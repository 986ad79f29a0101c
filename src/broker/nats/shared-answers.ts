/**
 * Asks once for all who want to know the same at the same moment.
 *
 * @remarks
 * One question is under way at a time; those who ask meanwhile share the next one. So an answer is never older than the question
 * of anybody who gets it.
 */
export class SharedAnswer<Answer> {
  readonly #ask: () => Promise<Answer>;
  #current: Promise<unknown> | undefined;
  #next: Promise<Answer> | undefined;

  constructor(ask: () => Promise<Answer>) {
    this.#ask = ask;
  }

  get isIdle(): boolean {
    return this.#current === undefined;
  }

  get(): Promise<Answer> {
    if (this.#next !== undefined) return this.#next;
    if (this.#current === undefined) return this.#start();
    this.#next = this.#current.then(() => {
      this.#next = undefined;
      return this.#start();
    });
    return this.#next;
  }

  #start(): Promise<Answer> {
    const answer = this.#ask();
    const settle = () => {
      if (this.#current === settled) this.#current = undefined;
    };
    const settled = answer.then(settle, settle); // whoever asked is told
    this.#current = settled;
    return answer;
  }
}

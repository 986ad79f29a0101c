/**
 * Lets a few tasks run at a time; the others wait in line.
 *
 * @remarks
 * When a task fails, all who wait enter at once: whatever it failed for, they find it out together, and not one after the other.
 */
export class Turnstile {
  readonly #places: number;
  #running = 0;
  readonly #line: (() => void)[] = [];

  constructor(places: number) {
    this.#places = places;
  }

  async pass<Result>(task: () => Promise<Result>): Promise<Result> {
    if (this.#running < this.#places) this.#running += 1;
    else await new Promise<void>((enter) => this.#line.push(enter));
    try {
      return await task();
    } catch (error) {
      this.#admit(this.#line.length);
      throw error;
    } finally {
      this.#running -= 1;
      if (this.#running < this.#places) this.#admit(1);
    }
  }

  #admit(count: number): void {
    for (const enter of this.#line.splice(0, count)) {
      this.#running += 1;
      enter();
    }
  }
}

/** What one page of a log is meant to weigh. */
const pageBytes = 524_288;

const mostEntries = 1_024;

/** Before anything is known: few enough that large events do no harm. */
const firstEntries = 64;

/** How many entries of a log are asked for at once: by how large the last ones were. */
export class PageSize {
  #count = firstEntries;

  get count(): number {
    return this.#count;
  }

  /** A page of so many entries was read. */
  adapt(entries: number, bytes: number): void {
    if (entries === 0) return;
    const fitting = Math.floor((pageBytes * entries) / Math.max(1, bytes));
    this.#count = Math.min(Math.max(fitting, 1), mostEntries);
  }
}

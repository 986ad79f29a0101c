import type { OperationId } from '../connection.ts';

const endedIdLimit = 100;

/** In characters; what is longer is forgotten at once. */
const endedIdLengthLimit = 128;

/**
 * The ids of operations that ended here a short while ago: their `stop` may cross their end on its way, and must not be answered with a second one.
 */
export class EndedIds {
  readonly #ids = new Set<OperationId>();

  /** The oldest makes room. */
  add(id: OperationId): void {
    if (String(id).length > endedIdLengthLimit) return;
    this.#ids.add(id);
    const [oldest] = this.#ids;
    if (this.#ids.size > endedIdLimit && oldest !== undefined) this.#ids.delete(oldest);
  }

  /** Forgets `id`; false if it is not remembered. */
  take(id: OperationId): boolean {
    return this.#ids.delete(id);
  }
}

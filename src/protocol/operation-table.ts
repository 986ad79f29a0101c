import type { OperationId } from './connection.ts';
import { utf8Length } from './utf8-length.ts';

/**
 * The operations of one connection by id, and how many bytes their ids take.
 *
 * @remarks
 * An operation leaves as the object it is: the end of one that gave its id away long ago touches nothing.
 */
export class OperationTable<Operation extends { readonly id: OperationId }> {
  readonly #operations = new Map<OperationId, Operation>();
  #idBytes = 0;

  get size(): number {
    return this.#operations.size;
  }

  get idBytes(): number {
    return this.#idBytes;
  }

  find(id: OperationId): Operation | undefined {
    return this.#operations.get(id);
  }

  /** Adds an operation whose id is free. */
  add(operation: Operation): void {
    this.#operations.set(operation.id, operation);
    this.#idBytes += idLength(operation.id);
  }

  /** Takes out exactly this operation; answers with it, or with `undefined` if it is not here. */
  remove(operation: { readonly id: OperationId }): Operation | undefined {
    const found = this.#operations.get(operation.id);
    if (found !== operation) return undefined;
    this.#operations.delete(operation.id);
    this.#idBytes -= idLength(operation.id);
    return found;
  }

  /** Takes out all operations, in the order in which they came. */
  clear(): readonly Operation[] {
    const all = [...this.#operations.values()];
    this.#operations.clear();
    this.#idBytes = 0;
    return all;
  }
}

function idLength(id: OperationId): number {
  return utf8Length(String(id));
}

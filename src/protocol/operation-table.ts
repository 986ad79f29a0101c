import type { OperationId } from './connection.ts';
import { utf8Length } from './utf8-length.ts';

/**
 * The operations of one connection by id, and how many bytes their ids take.
 *
 * @remarks
 * An operation leaves as the object it is: the end of one that gave its id away long ago touches nothing.
 */
export class OperationTable<Operation extends { readonly id: OperationId }> {
  /** Most connections have one operation, for which a map would take four times what the operation does. */
  #operations: Operation | Map<OperationId, Operation> | undefined;
  #idBytes = 0;

  get size(): number {
    if (this.#operations instanceof Map) return this.#operations.size;
    return this.#operations === undefined ? 0 : 1;
  }

  get idBytes(): number {
    return this.#idBytes;
  }

  find(id: OperationId): Operation | undefined {
    if (this.#operations instanceof Map) return this.#operations.get(id);
    return this.#operations?.id === id ? this.#operations : undefined;
  }

  /** Adds an operation whose id is free. */
  add(operation: Operation): void {
    const known = this.#operations;
    if (known === undefined) this.#operations = operation;
    else if (known instanceof Map) known.set(operation.id, operation);
    else this.#operations = new Map([known, operation].map((each) => [each.id, each]));
    this.#idBytes += idLength(operation.id);
  }

  /** Takes out exactly this operation; answers with it, or with `undefined` if it is not here. */
  remove(operation: { readonly id: OperationId }): Operation | undefined {
    const found = this.find(operation.id);
    if (found !== operation) return undefined;
    if (this.#operations instanceof Map) this.#operations.delete(operation.id);
    else this.#operations = undefined;
    this.#idBytes -= idLength(operation.id);
    return found;
  }

  /** Takes out all operations, in the order in which they came. */
  clear(): readonly Operation[] {
    const known = this.#operations;
    this.#operations = undefined;
    this.#idBytes = 0;
    if (known === undefined) return [];
    return known instanceof Map ? [...known.values()] : [known];
  }
}

function idLength(id: OperationId): number {
  return utf8Length(String(id));
}

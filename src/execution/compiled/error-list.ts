import type { GraphQLError } from 'graphql';

/** The errors of a response, in the order in which graphql-js would find them. */
export class ErrorList {
  readonly errors: GraphQLError[] = [];
  /** Paths of errors: what stands there, and below, is null already. */
  readonly #nulled = new Set<string>();

  /** Adds an error, unless what it is about has become null already. */
  add(error: GraphQLError, keys: readonly (string | number)[]): void {
    for (let length = keys.length; length >= 0; length -= 1) {
      if (this.#nulled.has(keys.slice(0, length).join('.'))) return;
    }
    this.#nulled.add(keys.join('.'));
    this.errors.push(error);
  }
}

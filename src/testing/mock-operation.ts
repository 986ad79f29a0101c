import { Kind, getOperationAST, parse } from 'graphql';

import type { FormattedError, FormattedResult, OperationRequest } from '../vocabulary.ts';

/** Tells a client about one of its operations. */
export interface MockSink {
  next(result: FormattedResult): void;
  error(errors: readonly FormattedError[]): void;
  complete(): void;
}

/** One operation that a client started on a server of `mockServer`. */
export class MockOperation {
  readonly request: OperationRequest;
  /** What it may be called: its own name, and that of its first field. */
  readonly names: readonly string[];
  readonly kind: 'query' | 'mutation' | 'subscription';
  readonly #sink: MockSink;
  #isOpen = true;

  /** @throws GraphQLError if the document cannot be read, or holds no such operation */
  constructor(request: OperationRequest, sink: MockSink) {
    const { query, operationName } = request;
    const definition = getOperationAST(parse(query), operationName);
    if (!definition) throw new Error('The document has no such operation.');
    const [first] = definition.selectionSet.selections;
    this.request = request;
    this.kind = definition.operation;
    this.names = [
      ...(definition.name ? [definition.name.value] : []),
      ...(first?.kind === Kind.FIELD ? [first.name.value] : []),
    ];
    this.#sink = sink;
  }

  /** Whether neither side has ended it. */
  get isOpen(): boolean {
    return this.#isOpen;
  }

  /** Sends results; one that has errors and no data is the last. */
  push(...results: readonly FormattedResult[]): void {
    for (const result of results) {
      if (!this.#isOpen) return;
      if (result.errors && !('data' in result)) this.fail(result.errors);
      else this.#sink.next(result);
    }
  }

  complete(): void {
    if (this.#isOpen) this.#sink.complete();
    this.#isOpen = false;
  }

  /** Ends it with request errors, or as if its source had failed. */
  fail(errors: readonly FormattedError[]): void {
    if (this.#isOpen) this.#sink.error(errors);
    this.#isOpen = false;
  }

  /** The client has stopped it, or is gone. */
  stopped(): void {
    this.#isOpen = false;
  }
}

import type { FormattedResult, OperationRequest } from '../vocabulary.ts';

/** What remembers, for one operation, how far its results were processed. */
export interface Resumption {
  /** The request of the next attempt: with what the server needs to go on where it stopped. */
  toRequest(request: OperationRequest): OperationRequest;
  /**
   * Takes a result on its way to the consumer.
   *
   * @returns the result as the consumer shall see it, if at all, and what the server said about the resumption, if it did
   */
  receive(result: FormattedResult): {
    readonly result?: FormattedResult;
    readonly outcome?: 'recovered' | 'gap';
  };
}

/** How long `ready` waits for the word of a server that it listens: those that cannot resume give none. */
export const confirmationMs = 2_000;

/** Begins to remember for an operation, before its first attempt. */
export type Resume = (request: OperationRequest) => Resumption;

import type { FormattedError, FormattedResult } from 'millrace';
import type { ServerOptions } from 'millrace/server';

import type { Conversation } from '../conversation.ts';

/** What a document asks for; `none` if it is refused before that is known. */
export type OperationKind = 'query' | 'mutation' | 'subscription' | 'none';

/** An error without its place in the document, which some protocols leave out. */
export type Complaint = Pick<FormattedError, 'message' | 'extensions'>;

/** How an operation ended, as its client sees it; with errors if it was refused or its source failed. */
export type End = 'completed' | 'left' | 'cut' | { readonly errors: readonly Complaint[] };

/** All that a client has learnt of one operation, in words that every protocol can say. */
export interface Heard {
  readonly results: readonly FormattedResult[];
  /** Absent while it runs. */
  readonly end?: End;
}

/** A request as it is sent: mostly an `OperationRequest`, but a hostile client sends what it likes. */
export interface Asked {
  readonly kind: OperationKind;
  readonly request: object;
}

/** One operation under way. */
export interface Exchange {
  hear(): Promise<Heard>;
  /** The client stops the operation, then goes. Does no harm to one that has ended. */
  leave(): void;
}

/** A way for an operation to reach the server and for its results to come back. */
export interface Carrier {
  ask(conversation: Conversation, asked: Asked): Promise<Exchange>;
  /** Kinds of operations that it does not carry, with the code by which the server says so. */
  readonly refuses: Readonly<Partial<Record<OperationKind, Obstacle>>>;
  /** What its server needs besides. */
  readonly options?: Partial<ServerOptions>;
  /** How long the server may take to notice that the client has left. @defaultValue 0 */
  readonly noticesAfterMs?: number;
  /** Why the hooks around a connection and its results are not called, if they are not. */
  readonly passesNoHooks?: string;
}

export interface Obstacle {
  readonly code: string;
  readonly because: string;
}

/** A GraphQL response as the end, or as one of the results, of an operation. */
export function toHeard(response: FormattedResult): Heard {
  const { errors = [] } = response;
  return isResult(response)
    ? { results: [response], end: 'completed' }
    : { results: [], end: { errors: errors.map(toComplaint) } };
}

/** Whether it came of an execution: a response without `data` refuses a request, unless it is a part. */
export function isResult(response: FormattedResult): boolean {
  return response.data !== undefined || response.hasNext !== undefined;
}

export function toComplaint({ message, extensions }: FormattedError): Complaint {
  return { message, ...(extensions && { extensions }) };
}

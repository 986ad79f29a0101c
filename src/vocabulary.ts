/**
 * A point in time in milliseconds on the clock of whoever calls: only differences mean anything.
 * Logic never asks what time it is; it is told.
 */
export type Instant = number;

/** The instant that never comes: the deadline of a machine that waits for nothing. */
export const never: Instant = Number.POSITIVE_INFINITY;

/** Names of the WebSocket protocols, after the documents that define them (not after their tokens). */
export type WebSocketProtocol = 'graphql-transport-ws' | 'subscriptions-transport-ws' | 'appsync';

/** What carries results over HTTP responses that do not end with the first. */
export type StreamProtocol = 'sse' | 'sse-single' | 'multipart';

/** Everything that a server may be told to speak; plain HTTP goes without saying. `callback`: results are sent to a URL that the client names. */
export type Protocol = WebSocketProtocol | StreamProtocol | 'callback';

/** One WebSocket message: text as a string, binary as bytes. */
export type Frame = string | Uint8Array;

/** A GraphQL request as it stands in every protocol; members that say nothing are absent. */
export interface OperationRequest {
  readonly query: string;
  readonly operationName?: string;
  readonly variables?: Readonly<Record<string, unknown>>;
  readonly extensions?: Readonly<Record<string, unknown>>;
}

/** A GraphQL error as the response format of the GraphQL specification writes it. */
export interface FormattedError {
  readonly message: string;
  readonly locations?: readonly { readonly line: number; readonly column: number }[];
  readonly path?: readonly (string | number)[];
  readonly extensions?: Readonly<Record<string, unknown>>;
}

/** A GraphQL response, or one part of an incremental one. */
export interface FormattedResult {
  readonly data?: unknown;
  /** Absent when there are none, never empty. */
  readonly errors?: readonly FormattedError[];
  readonly extensions?: Readonly<Record<string, unknown>>;
  readonly hasNext?: boolean;
}

/**
 * Where an event stands in its log.
 *
 * @remarks
 * `epoch` names the log's incarnation: offsets of different epochs cannot be compared. `offset` is
 * opaque to everyone but the broker that issued it.
 */
export interface Position {
  readonly epoch: string;
  readonly offset: string;
}

/** What waits, so that tests can make time pass. */
export interface Clock {
  /** Milliseconds; never goes back. */
  now(): Instant;
  /** Calls `callback` once after `delayMs`, unless the returned function was called before. */
  schedule(callback: () => void, delayMs: number): () => void;
  /** Resolves after the event loop has had a turn, so that sockets were read and written. */
  turn(): Promise<void>;
}

import type { Clock, FormattedError, FormattedResult, OperationRequest } from '../vocabulary.ts';
import type { TransportError } from './transport-error.ts';

/** A value, or a function that gives it anew for each connection. */
export type Provided<Value> = Value | (() => Value | PromiseLike<Value>);

/** The time of a client. */
export type ClientClock = Pick<Clock, 'now' | 'schedule'>;

/** Which of the three a document holds, as far as the caller said. */
export type OperationKind = 'query' | 'mutation' | 'subscription';

/** What a client gives to its transports for each connection. */
export interface ConnectionSettings {
  readonly url: Provided<string | URL>;
  /** What the init message carries, where the transport has one. */
  readonly connectionParams?: Provided<Readonly<Record<string, unknown>> | undefined>;
  readonly clock: ClientClock;
}

/**
 * Carries operations to a server and their results back.
 *
 * @remarks
 * A transport keeps no connection of its own: the client asks for one when it needs one, and again when that is lost.
 */
export interface Transport {
  /** Whether one connection carries all operations, or each operation has its own. */
  readonly isShared: boolean;
  /** Begins to connect and returns at once. MUST NOT call the listener before it returns. */
  connect(settings: ConnectionSettings, listener: ConnectionListener): Connection;
}

/** Several transports, of which one is used at a time. */
export interface TransportChoice {
  /** The one for the next connection. */
  readonly current: Transport;
  /** How often in a row all of them failed. */
  readonly failedRounds: number;
  /** A connection of `transport` carries operations. */
  succeeded(transport: Transport): void;
  /** A connection of `transport` ended that never carried any. Tells whether the one that is current now may be tried at once. */
  failed(transport: Transport, failure: TransportError): boolean;
}

/** What a connection tells. Nothing follows `closed`, nor the client's own `close()`. */
export interface ConnectionListener {
  /** Operations are served from now on. */
  connected(ackPayload?: Readonly<Record<string, unknown>>): void;
  /** The server said something that its protocol does not know, or named an operation that never was; nobody is disturbed by it. */
  violated(message: string): void;
  /** The connection is over, and so is everything on it. */
  closed(failure: TransportError): void;
}

/** One connection: a socket, or a response. */
export interface Connection {
  /** Whether the server says of each operation that it runs, which {@link ResultSink.started} tells then. */
  readonly confirmsStarts?: boolean;
  /**
   * Starts an operation as soon as the connection can. A connection that is not shared gets one call.
   *
   * @returns stops the operation; nothing reaches `sink` after that
   * @throws TypeError for variables or extensions that JSON cannot hold
   */
  start(operation: StartedOperation, sink: ResultSink): () => void;
  /** Something happened that often kills connections: finds out whether it still lives, if it can. */
  probe?(): void;
  /** Leaves. What still runs on it gets nothing more. */
  close(): void;
}

/** What is started on a connection. */
export interface StartedOperation {
  readonly kind: OperationKind;
  readonly request: OperationRequest;
}

/** Where the results of one operation go; nothing follows `error`, `complete` and `failed`. */
export interface ResultSink {
  /** The server says that the operation runs. */
  started?(): void;
  /** A result; where a stream says beside it where it stands, that is in `extensions.resume.token`. */
  next(result: FormattedResult): void;
  /** The server ended the operation with request errors or the failure of its source. */
  error(errors: readonly FormattedError[]): void;
  complete(): void;
  /** The operation fails for a reason of its own, while its connection goes on. */
  failed(failure: TransportError): void;
}

/** What `provided` is now. */
export async function provide<Value>(provided: Provided<Value>): Promise<Value> {
  // a function is never a value of ours: urls, headers and parameters are data
  return typeof provided === 'function'
    ? (provided as () => Value | PromiseLike<Value>)()
    : provided;
}

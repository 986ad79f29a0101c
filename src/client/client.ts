import type { OperationHandle, OperationOptions, OperationResult } from './operation-handle.ts';
import type { Provided } from './transport.ts';

/** Runs operations. */
export interface Operations {
  /** A stream of results, of which nothing begins before it is asked for. Takes queries and mutations, too, for those who want theirs as a stream. */
  subscribe<
    Data = Readonly<Record<string, unknown>>,
    Variables = Readonly<Record<string, unknown>>,
  >(
    options: OperationOptions<Data, Variables>,
  ): OperationHandle<OperationResult<Data>>;
  /** The result of a query; rejects with a {@link TransportError} if there is none. */
  query<Data = Readonly<Record<string, unknown>>, Variables = Readonly<Record<string, unknown>>>(
    options: OperationOptions<Data, Variables>,
  ): Promise<OperationResult<Data>>;
  /** The result of a mutation; rejects with a {@link TransportError} if there is none. It is never sent twice. */
  mutate<Data = Readonly<Record<string, unknown>>, Variables = Readonly<Record<string, unknown>>>(
    options: OperationOptions<Data, Variables>,
  ): Promise<OperationResult<Data>>;
}

/** Options of {@link Client.connect}. */
export interface ConnectOptions {
  /** Instead of the client's own. */
  readonly connectionParams?: Provided<Readonly<Record<string, unknown>> | undefined>;
  /** Gives up waiting for the connection. */
  readonly signal?: AbortSignal;
}

/** A connection of its own for those who want to hold one: open until it is closed, opened again when it is lost. */
export interface HeldConnection extends Operations, AsyncDisposable {
  /** What the server said when it accepted the connection first. */
  readonly ackPayload: Readonly<Record<string, unknown>> | undefined;
  /** Ends its operations and closes it. */
  close(): void;
}

/** A GraphQL client. */
export interface Client extends Operations, AsyncDisposable {
  /**
   * Connects, and holds the connection until it is closed.
   *
   * @remarks
   * Rejects with a {@link TransportError} if the first attempt fails. A transport that has no shared connection has nothing to hold: a usage error.
   */
  connect(options?: ConnectOptions): Promise<HeldConnection>;
  /** Connects anew, with fresh parameters: at once, or as soon as no query or mutation runs that would suffer. Does nothing without a connection. */
  reconnect(): void;
  /** Ends all operations, as if the server had completed them, and closes all connections. Nothing can be started after that. */
  close(): void;
}

import type { Print } from './document.ts';
import type { RetryOptions } from './retry.ts';
import type { Resume } from './resumption.ts';
import type { Signals } from './signals.ts';
import type { OperationResult } from './operation-handle.ts';
import type {
  ClientClock,
  ConnectionSettings,
  StartedOperation,
  Transport,
  TransportChoice,
} from './transport.ts';
import type { TransportError } from './transport-error.ts';

/** What carries operations. */
export type Carrier = Transport | TransportChoice;

/** Options of {@link createClient}. */
export interface ClientOptions {
  /**
   * Where the server is: `http(s)` and `ws(s)` both mean the same to every transport. A function is asked for each connection.
   *
   * @remarks
   * In a browser it may be relative to the page.
   */
  readonly url: ConnectionSettings['url'];
  /** What carries the operations, or a choice of such, as `auto` makes one; with two, queries and mutations go one way and subscriptions the other. */
  readonly transport: Carrier | { readonly queries: Carrier; readonly subscriptions: Carrier };
  /** What the server is told first, where the transport has a place for it. A function is asked for each connection, so that a token in it is fresh. */
  readonly connectionParams?: ConnectionSettings['connectionParams'];
  /** How it comes back after a connection was lost; `false`: it does not. */
  readonly retry?: RetryOptions | false;
  /** How long a shared connection is kept that no operation needs, in milliseconds. @defaultValue 60_000 */
  readonly idleTimeoutMs?: number;
  /** Goes on after a lost connection where the results stopped; see `millrace/client/resume`. */
  readonly resume?: Resume;
  /** Writes parsed documents: `print` of `graphql`. Without it documents have to be text. */
  readonly print?: Print;
  /** Sees each result before whoever asked for it does: for a cache that keeps what subscriptions bring. */
  readonly onResult?: (result: OperationResult, operation: StartedOperation) => void;
  /** A connection was made and acknowledged. */
  readonly onConnected?: (ackPayload: Readonly<Record<string, unknown>> | undefined) => void;
  /** A connection was lost, or none could be made; another attempt follows after `retryInMs`, if any does. */
  readonly onDisconnected?: (failure: TransportError, retryInMs: number | undefined) => void;
  /** The server said something that the protocol does not know; nothing else comes of it. */
  readonly onProtocolViolation?: (message: string) => void;
  /** Told what an observer or another hook threw; nothing else comes of that. @defaultValue `console.error` */
  readonly onInternalError?: (error: unknown) => void;
  /** @defaultValue the clock of the runtime */
  readonly clock?: ClientClock;
  /** @defaultValue `Math.random` */
  readonly random?: () => number;
  /** @defaultValue {@link systemSignals} */
  readonly signals?: Signals;
}

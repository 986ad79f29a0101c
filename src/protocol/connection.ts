import type { ClosingCode } from '../errors.ts';
import type {
  FormattedError,
  FormattedResult,
  Frame,
  Instant,
  OperationRequest,
  WebSocketProtocol,
} from '../vocabulary.ts';
import type { ResultEnvelope } from './result-envelope.ts';

declare const brand: unique symbol;

/** An operation's id on its connection; only the codecs make one. Numbers occur in the legacy protocol alone. */
export type OperationId = (string | number) & { readonly [brand]: 'OperationId' };

/**
 * One operation on one server connection.
 *
 * @remarks
 * The object is the operation's identity: the same id may name another operation a moment later, and a late result of
 * the first must not reach the second.
 */
export interface ServerOperation {
  readonly id: OperationId;
  /** False from the moment the operation ended for whatever reason: read this before each delivery. */
  readonly mayDeliver: boolean;
  /** For whoever runs the operation to keep what that takes; the machine never looks at it. */
  work?: unknown;
}

/** What a server has to do, in this order, because its connection changed state. */
export type ServerOutput =
  | { readonly kind: 'send'; readonly frame: string }
  /** Send a WebSocket ping frame (RFC 6455 section 5.5.2). */
  | { readonly kind: 'ping' }
  /** Run the connect hook, then call `accept`, `refuse` or `fail`. */
  | { readonly kind: 'connect'; readonly connectionParams: Readonly<Record<string, unknown>> }
  /** The client sent what its init message would hold now: verify that, then call `renewed`, or `close`. */
  | {
      readonly kind: 'renew';
      readonly connectionParams: Readonly<Record<string, unknown>>;
      /** What else it sent, for `renewed`. */
      readonly echo: Readonly<Record<string, unknown>>;
    }
  /** Admit and run the operation, then call `error` or `complete` for it. */
  | {
      readonly kind: 'start';
      readonly operation: ServerOperation;
      readonly request: OperationRequest;
    }
  /** Stop whatever runs for the operation; it delivers nothing any more. */
  | { readonly kind: 'cancel'; readonly operation: ServerOperation }
  /** Close the socket; nothing may be sent after it. `error` is the row of the error table that it follows. */
  | {
      readonly kind: 'close';
      readonly code: number;
      readonly reason: string;
      readonly error: ClosingCode;
    }
  /** The close handshake took too long, or cannot succeed: end the TCP connection. */
  | { readonly kind: 'destroy' };

/** How a connect hook says no; each protocol writes it in its own way. */
export interface ConnectionRefusal {
  /** For people; shown to the peer. */
  readonly reason?: string;
  /** The row of the error table that it follows, where that is not the protocol's own way to refuse. */
  readonly error?: ClosingCode;
}

/**
 * The server's half of a protocol on one socket, without the socket.
 *
 * @remarks
 * Pure: frames, times and local intentions go in, outputs come out, nothing is called back. After a `close` output every method returns
 * no outputs but the `destroy` of an unanswered close. A method given an operation that already ended returns none.
 */
export interface ServerConnection {
  readonly protocol: WebSocketProtocol;
  readonly state: ServerConnectionState;
  /** What asks the peer whether it lives where no WebSocket ping can be sent, if the protocol can ask. */
  readonly pingMessage: string | undefined;
  /** When {@link ServerConnection.tick} has to be called next; `never` if nothing is due. It may move with every call. */
  readonly deadline: Instant;
  /** Operations that were started and have not ended. */
  readonly operationCount: number;
  /** UTF-8 bytes of the ids of all operations that have not ended. */
  readonly idBytes: number;
  receive(frame: Frame, now: Instant): readonly ServerOutput[];
  /** A frame that carries no message arrived (a WebSocket pong): the peer is alive. */
  heard(now: Instant): void;
  tick(now: Instant): readonly ServerOutput[];
  /** The connect hook accepted. */
  accept(now: Instant, ackPayload?: Readonly<Record<string, unknown>>): readonly ServerOutput[];
  /** The connect hook refused. */
  refuse(now: Instant, refusal: ConnectionRefusal): readonly ServerOutput[];
  /** The connect hook, or something else that the whole connection depends on, failed. */
  fail(now: Instant): readonly ServerOutput[];
  /**
   * Answers a `renew` output.
   *
   * @param expiresInMs - until the session ends, if it was renewed and ends at all
   */
  renewed(echo: Readonly<Record<string, unknown>>, expiresInMs?: number): readonly ServerOutput[];
  /** The source of a subscription is open: its results follow. */
  started(operation: ServerOperation): readonly ServerOutput[];
  /**
   * The frame that delivers one result, from the JSON text of that result.
   *
   * @remarks
   * On the path of every event: changes no state and does not look at the operation's state; callers read
   * {@link ServerOperation.mayDeliver} first.
   */
  encodeResult(id: OperationId, resultText: string): string;
  /** What {@link ServerConnection.encodeResult} writes around a result, for those who write it once for many connections. */
  resultEnvelope(id: OperationId): ResultEnvelope;
  /** Ends the operation with request errors or the failure of its source; `errors` is never empty. */
  error(operation: ServerOperation, errors: readonly FormattedError[]): readonly ServerOutput[];
  /** Ends the operation after its last result. */
  complete(operation: ServerOperation): readonly ServerOutput[];
  /** Ends the connection for a reason of our own, with the code and reason of the error table unless `reason` is given. */
  close(now: Instant, error: ClosingCode, reason?: string): readonly ServerOutput[];
  /** The socket is gone: cancels every operation. */
  closed(): readonly ServerOutput[];
}

/** States of {@link ServerConnection}, as in the protocol documents' tables. */
export type ServerConnectionState = 'wait-init' | 'init-pending' | 'ready' | 'closing' | 'closed';

/** Limits and periods of a server connection; every duration in milliseconds, `Infinity` turns a deadline off. */
export interface ServerConnectionOptions {
  /** Time from the open socket to the init message. @defaultValue 5_000 */
  readonly initDeadlineMs?: number;
  /** Silence of the peer after which it is pinged. @defaultValue 12_000 */
  readonly pingAfterMs?: number;
  /** Silence after that ping which proves the peer dead. @defaultValue 12_000 */
  readonly pingAnswerMs?: number;
  /** Time for the close handshake before the socket is destroyed. @defaultValue 5_000 (1_000 after a ping timeout or for a slow consumer) */
  readonly closeHandshakeMs?: number;
  /** Period of the `ka` messages of the legacy protocol and AppSync; the other protocol has none. @defaultValue 12_000 */
  readonly keepAliveMs?: number;
  /** Silence after which AppSync clients are told to give the connection up; `ka` messages come at least three times as often. @defaultValue 300_000 */
  readonly connectionTimeoutMs?: number;
  /** Pings, pongs and surplus `complete`/`stop` messages allowed per second, on average. @defaultValue 10 */
  readonly controlMessagesPerSecond?: number;
  /** How many of them may come at once. @defaultValue 200 */
  readonly controlMessageBurst?: number;
}

/** One operation on one client connection; like {@link ServerOperation} its identity is the object. */
export interface ClientOperation {
  readonly id: OperationId;
  /** `queued` until the start message was written; `done` after the last output for it. */
  readonly state: 'queued' | 'active' | 'done';
  /** For whoever started the operation; the machine never looks at it. */
  work: unknown;
}

/** What a client has to do, or to tell its application, in this order. */
export type ClientOutput =
  | { readonly kind: 'send'; readonly frame: string }
  /** Evaluate the connection parameters, then call `initialise`. */
  | { readonly kind: 'initialise' }
  | { readonly kind: 'connected'; readonly ackPayload?: Readonly<Record<string, unknown>> }
  /** The server says that the operation runs, where the protocol has a word for that. */
  | { readonly kind: 'started'; readonly operation: ClientOperation }
  | {
      readonly kind: 'result';
      readonly operation: ClientOperation;
      readonly result: FormattedResult;
    }
  /** The last output for the operation: request errors, or the failure of its source. */
  | {
      readonly kind: 'error';
      readonly operation: ClientOperation;
      readonly errors: readonly FormattedError[];
    }
  /** The last output for the operation. */
  | { readonly kind: 'complete'; readonly operation: ClientOperation }
  /** The connection ended under the operation: the last output for it. It may be tried on another connection if `retryable`. */
  | {
      readonly kind: 'lost';
      readonly operation: ClientOperation;
      readonly code: number;
      readonly reason: string;
      readonly retryable: boolean;
    }
  /** The peer refused the connection, or reported a fault of it, in words; a close usually follows. */
  | { readonly kind: 'connection-error'; readonly payload: unknown }
  /** The peer sent something that the protocol does not know; nobody is disturbed by it. */
  | { readonly kind: 'violation'; readonly message: string }
  | { readonly kind: 'close'; readonly code: number; readonly reason: string };

/** States of {@link ClientConnection}. */
export type ClientConnectionState = 'connecting' | 'initialising' | 'wait-ack' | 'ready' | 'closed';

/**
 * The client's half of a protocol on one socket, without the socket.
 *
 * @remarks
 * Pure, like {@link ServerConnection}. An object serves one socket; a reconnect makes a new one.
 */
export interface ClientConnection {
  /** Its name, as its protocol has it. */
  readonly protocol: string;
  /** What to offer in `Sec-WebSocket-Protocol`. */
  readonly subprotocol: string;
  readonly state: ClientConnectionState;
  readonly deadline: Instant;
  /** Operations that are queued or active. */
  readonly operationCount: number;
  /** The socket is open; `subprotocol` is what the server chose, empty if nothing. */
  opened(now: Instant, subprotocol: string): readonly ClientOutput[];
  /** The answer to the `initialise` output. */
  initialise(
    now: Instant,
    connectionParams?: Readonly<Record<string, unknown>>,
  ): readonly ClientOutput[];
  receive(frame: Frame, now: Instant): readonly ClientOutput[];
  tick(now: Instant): readonly ClientOutput[];
  /** Something happened that often kills connections, such as a sleep of the machine: asks the server now whether it lives, if the protocol can. */
  probe(now: Instant): readonly ClientOutput[];
  /** Starts an operation, at once or after the ack. Ids are never used twice on one connection. */
  subscribe(request: OperationRequest): {
    readonly operation: ClientOperation;
    readonly outputs: readonly ClientOutput[];
  };
  /** Nothing is delivered for the operation any more; the server is told exactly when it has to be. */
  cancel(operation: ClientOperation): readonly ClientOutput[];
  /** Leaves deliberately; operations that are still open end as `lost` and not retryable. */
  close(): readonly ClientOutput[];
  /** The socket is gone; code 1006 if no close frame came, 1005 if it held no code. */
  closed(code: number, reason: string): readonly ClientOutput[];
}

/** Periods of a client connection; `Infinity` turns one off. */
export interface ClientConnectionOptions {
  /** Time from the init message to the ack. @defaultValue 10_000 */
  readonly ackTimeoutMs?: number;
  /** Silence of the server after which it is asked whether it lives, where the protocol can ask. @defaultValue Infinity */
  readonly pingAfterMs?: number;
  /** Silence after that which proves it dead; for the legacy protocol, silence after the first `ka`. @defaultValue 30_000 */
  readonly silenceMs?: number;
  /**
   * What an unreadable message does to a connection of a strict protocol once that is acknowledged: `close` with 4004, as the protocol wants it, or `report` it as a violation
   * and go on.
   *
   * @defaultValue 'close'
   */
  readonly invalidMessages?: 'close' | 'report';
}

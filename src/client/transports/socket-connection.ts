import { isRetryableClose } from '../../protocol/client-closing.ts';
import { ClientMachine } from '../../protocol/client-machine.ts';
import type { ClientProtocol } from '../../protocol/client-protocol.ts';
import type { ClientOutput } from '../../protocol/connection.ts';
import { never } from '../../vocabulary.ts';
import type { Frame, Instant } from '../../vocabulary.ts';
import { provide } from '../transport.ts';
import type {
  Connection,
  ConnectionListener,
  ConnectionSettings,
  ResultSink,
  StartedOperation,
} from '../transport.ts';
import { TransportError } from '../transport-error.ts';
import type { OpenSocket, SocketHandlers, WebSocketLike } from './socket.ts';
import { toSocketUrl } from './socket-url.ts';
import type { WebSocketOptions } from './websocket-transport.ts';

/** What a connection over one socket is made of. */
export interface SocketConnectionParts extends WebSocketOptions {
  readonly protocol: ClientProtocol;
  readonly settings: ConnectionSettings;
  readonly listener: ConnectionListener;
  readonly open: OpenSocket;
  readonly refusal: { wasRetried: boolean };
}

/** In a close reason: how many seconds the server asks to be left alone. */
const retryAfter = /retry-after\W+(\d+)/i;

/** Gives a {@link ClientMachine} its socket and its time. */
export class SocketConnection implements Connection {
  readonly #parts: SocketConnectionParts;
  readonly #machine: ClientMachine;
  /** Absent once nobody shall be told anything more. */
  #listener: ConnectionListener | undefined;
  #socket: (WebSocketLike & SocketHandlers) | undefined;
  #isAcknowledged = false;
  #isOver = false;
  /** When the timer fires; it is left alone where the deadline moved away from it. */
  #timerAt: Instant = never;
  #cancelTimer: (() => void) | undefined;
  /** What the server said when it refused the connection. */
  #refusal: unknown;

  constructor(parts: SocketConnectionParts) {
    const { connectTimeoutMs = 10_000, ackTimeoutMs = 10_000, pingAfterMs = 30_000 } = parts;
    const { silenceMs = 30_000, invalidMessages = 'report' } = parts;
    this.#parts = parts;
    this.#listener = parts.listener;
    this.#machine = new ClientMachine(parts.protocol, {
      ackDeadlineMs: ackTimeoutMs,
      pingAfterMs,
      silenceMs,
      invalidMessages,
    });
    if (connectTimeoutMs < never) this.#cancelTimer = this.#giveUpAfter(connectTimeoutMs);
    void this.#open();
  }

  start({ request }: StartedOperation, sink: ResultSink): () => void {
    const { operation, outputs } = this.#machine.subscribe(request);
    operation.work = sink;
    this.#apply(outputs);
    return () => this.#apply(this.#machine.cancel(operation));
  }

  probe(): void {
    this.#apply(this.#machine.probe(this.#now()));
  }

  close(): void {
    this.#listener = undefined;
    this.#apply(this.#machine.close());
  }

  /** Never rejects. */
  async #open(): Promise<void> {
    const { url, settings, open, protocol } = this.#parts;
    try {
      const target = toSocketUrl(await provide(url ?? settings.url));
      if (this.#isOver) return;
      const socket = await open(target, protocol.subprotocol);
      this.#socket = socket;
      socket.binaryType = 'arraybuffer';
      socket.onopen = () => this.#apply(this.#machine.opened(this.#now(), socket.protocol));
      socket.onmessage = ({ data }) =>
        this.#apply(this.#machine.receive(data as Frame, this.#now())); // text, or bytes as a decoder takes them
      // Where a close event follows, it knows no more: a socket that failed has no code but 1006.
      socket.onerror = ({ failure, error }) =>
        this.#finish(failure ?? this.#toFailure(1006, '', error));
      socket.onclose = ({ code, reason }) => this.#finish(this.#toFailure(code, reason));
      if (this.#isOver) socket.close(1000, '');
    } catch (error) {
      this.#failHere(error);
    }
  }

  /** Never rejects. */
  async #initialise(): Promise<void> {
    try {
      const connectionParams = await provide(this.#parts.settings.connectionParams);
      if (this.#isOver) return;
      this.#cancelTimer?.();
      this.#apply(this.#machine.initialise(this.#now(), connectionParams));
    } catch (error) {
      this.#failHere(error);
    }
  }

  #apply(outputs: readonly ClientOutput[]): void {
    let connected: Extract<ClientOutput, { readonly kind: 'connected' }> | undefined;
    for (const output of outputs) {
      switch (output.kind) {
        case 'result':
          (output.operation.work as ResultSink).next(output.result); // as `start` left it
          break;
        case 'error':
          (output.operation.work as ResultSink).error(output.errors);
          break;
        case 'complete':
          (output.operation.work as ResultSink).complete();
          break;
        case 'send':
          this.#socket?.send(output.frame);
          break;
        case 'initialise':
          void this.#initialise();
          break;
        case 'connected':
          connected = output;
          break;
        case 'violation':
          this.#listener?.violated(output.message);
          break;
        case 'connection-error':
          this.#refusal = output.payload;
          break;
        case 'close':
          this.#finish(this.#toFailure(output.code, output.reason), output.code, output.reason);
          break;
        case 'lost':
          // whoever had the operation learns it from the end of the connection
          break;
      }
    }
    // behind the messages that start what waited: in there it may be cancelled
    if (connected) this.#connected(connected.ackPayload);
    this.#schedule();
  }

  #connected(ackPayload: Readonly<Record<string, unknown>> | undefined): void {
    this.#isAcknowledged = true;
    this.#parts.refusal.wasRetried = false;
    this.#listener?.connected(ackPayload);
  }

  #schedule(): void {
    const { deadline } = this.#machine;
    if (deadline >= this.#timerAt) return;
    this.#cancelTimer?.();
    this.#timerAt = deadline;
    this.#cancelTimer = this.#parts.settings.clock.schedule(() => {
      this.#timerAt = never;
      this.#apply(this.#machine.tick(this.#now()));
    }, deadline - this.#now());
  }

  #giveUpAfter(connectTimeoutMs: number): () => void {
    return this.#parts.settings.clock.schedule(() => {
      this.#finish(new TransportError('CONNECT_TIMEOUT', 'It took too long to connect.', true));
    }, connectTimeoutMs);
  }

  /** What the application was asked for failed. */
  #failHere(cause: unknown): void {
    this.#finish(
      new TransportError('CLIENT_ERROR', 'The url or the parameters cannot be had.', false, {
        cause,
      }),
      4005,
      'Internal client error',
    );
  }

  /** The connection is over, by whichever side; only codes that a client may use. */
  #finish(failure: TransportError, code = 1000, reason = ''): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#cancelTimer?.();
    this.#machine.closed(code, reason);
    this.#socket?.close(code, reason);
    this.#listener?.closed(failure);
  }

  #toFailure(closeCode: number, reason: string, cause?: unknown): TransportError {
    const { refusal, settings } = this.#parts;
    let retryable = isRetryableClose(closeCode, this.#isAcknowledged);
    if (
      closeCode === 4403 &&
      !refusal.wasRetried &&
      typeof settings.connectionParams === 'function'
    ) {
      // the function may give a better token than it did
      retryable = true;
      refusal.wasRetried = !this.#isAcknowledged;
    }
    const seconds = retryAfter.exec(reason)?.[1];
    return new TransportError(
      retryable ? 'CONNECTION_LOST' : 'CONNECTION_REFUSED',
      `The connection ended: ${closeCode} ${reason}`,
      retryable,
      {
        closeCode,
        reason,
        ...(this.#refusal !== undefined && { payload: this.#refusal }),
        ...(seconds && { retryAfterMs: Number(seconds) * 1_000 }),
        ...(cause !== undefined && { cause }),
      },
    );
  }

  #now(): Instant {
    return this.#parts.settings.clock.now();
  }
}

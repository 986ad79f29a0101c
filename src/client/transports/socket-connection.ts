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
  readonly refused: WeakSet<ConnectionSettings>;
}

type AboutOperation = Extract<ClientOutput, { readonly operation: unknown }>;

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
  /** Until then the init message has to be sent. */
  #initDueAt: Instant;
  /** When the timer fires; it is left alone where the deadline moved away from it. */
  #timerAt: Instant = never;
  #cancelTimer: (() => void) | undefined;
  /** What the server said when it refused the connection. */
  #payload: unknown;

  constructor(parts: SocketConnectionParts) {
    const { invalidMessages = 'report', pingAfterMs = 30_000, connectTimeoutMs = 10_000 } = parts;
    this.#parts = parts;
    this.#listener = parts.listener;
    this.#machine = new ClientMachine(parts.protocol, { ...parts, invalidMessages, pingAfterMs });
    this.#initDueAt = this.#now() + connectTimeoutMs;
    this.#schedule();
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
      Object.assign(socket, this.#toHandlers(socket));
      if (this.#isOver) socket.close(1000, '');
    } catch (error) {
      this.#failHere(error);
    }
  }

  #toHandlers(socket: WebSocketLike): SocketHandlers & Pick<WebSocketLike, 'binaryType'> {
    return {
      binaryType: 'arraybuffer',
      onopen: () => this.#apply(this.#machine.opened(this.#now(), socket.protocol)),
      onmessage: ({ data }) => this.#apply(this.#machine.receive(data as Frame, this.#now())), // text, or bytes as a decoder takes them
      // where a close event follows, it knows no more: a socket that failed has no code but 1006
      onerror: ({ failure, error }) => this.#end(1006, '', failure, error),
      onclose: ({ code, reason }) => this.#end(code, reason),
    };
  }

  /** Never rejects. */
  async #initialise(): Promise<void> {
    try {
      const connectionParams = await provide(this.#parts.settings.connectionParams);
      this.#initDueAt = never;
      this.#apply(this.#machine.initialise(this.#now(), connectionParams));
    } catch (error) {
      this.#failHere(error);
    }
  }

  #apply(outputs: readonly ClientOutput[]): void {
    const first = outputs[0];
    // what comes most often comes alone, and brings no deadline nearer
    if (first?.kind === 'result') return deliver(first);
    for (const output of outputs) {
      if ('operation' in output) deliver(output);
      else this.#do(output);
    }
    // behind the messages that start what waited: in there it may be cancelled
    if (first?.kind === 'connected') {
      this.#isAcknowledged = true;
      this.#parts.refused.delete(this.#parts.settings);
      this.#listener?.connected(first.ackPayload);
    }
    this.#schedule();
  }

  #do(output: Exclude<ClientOutput, AboutOperation>): void {
    switch (output.kind) {
      case 'send':
        return this.#socket?.send(output.frame);
      case 'initialise':
        return void this.#initialise();
      case 'violation':
        return this.#listener?.violated(output.message);
      case 'connection-error':
        this.#payload = output.payload;
        return;
      case 'close':
        this.#socket?.close(output.code, output.reason);
        return this.#end(output.code, output.reason);
      case 'connected':
      // `apply` tells that when the rest is done
    }
  }

  #schedule(): void {
    const dueAt = this.#isOver ? never : Math.min(this.#initDueAt, this.#machine.deadline);
    if (dueAt >= this.#timerAt) return;
    this.#cancelTimer?.();
    this.#timerAt = dueAt;
    this.#cancelTimer = this.#parts.settings.clock.schedule(() => {
      const now = this.#now();
      this.#timerAt = never;
      if (now < this.#initDueAt) this.#apply(this.#machine.tick(now));
      else this.#finish(new TransportError('CONNECT_TIMEOUT', 'Connecting took too long', true));
    }, dueAt - this.#now());
  }

  /** What the application was asked for failed. */
  #failHere(cause: unknown): void {
    const failure = new TransportError('CLIENT_ERROR', String(cause), false, { cause });
    this.#finish(failure, 4005, 'Internal client error');
  }

  /** The connection was ended, by whichever side. */
  #end(closeCode: number, reason: string, known?: TransportError, cause?: unknown): void {
    const { refused, settings } = this.#parts;
    let retryable = isRetryableClose(closeCode, this.#isAcknowledged);
    if (closeCode === 4403 && !retryable && typeof settings.connectionParams === 'function') {
      // once: the function may know better now, but if that is refused, too, asking it again would be guessing
      retryable = !refused.delete(settings);
      if (retryable) refused.add(settings);
    }
    const seconds = retryAfter.exec(reason)?.[1];
    const failure = new TransportError(
      retryable ? 'CONNECTION_LOST' : 'CONNECTION_REFUSED',
      `The connection ended: ${closeCode} ${reason}`,
      retryable,
      {
        closeCode,
        reason,
        cause,
        payload: this.#payload,
        ...(seconds && { retryAfterMs: Number(seconds) * 1_000 }),
      },
    );
    this.#finish(known ?? failure);
  }

  /** Whatever happened, it is over: with a code that a client may use. */
  #finish(failure: TransportError, code = 1000, reason = ''): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#cancelTimer?.();
    this.#machine.closed(code, reason);
    this.#socket?.close(code, reason);
    this.#listener?.closed(failure);
  }

  #now(): Instant {
    return this.#parts.settings.clock.now();
  }
}

function deliver(output: AboutOperation): void {
  const sink = output.operation.work as ResultSink; // `start` put it there
  if (output.kind === 'result') sink.next(output.result);
  else if (output.kind === 'started') sink.started?.();
  else if (output.kind === 'error') sink.error(output.errors);
  else if (output.kind === 'complete') sink.complete();
  // whoever had a lost operation learns it from the end of the connection
}

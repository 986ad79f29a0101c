import type { SocketHandlers, WebSocketLike } from '../client/transports/socket.ts';
import { utf8Length } from '../protocol/utf8-length.ts';

/** The constructor of {@link TestSocket}s that one test kit hands out; goes wherever a `WebSocket` class is asked for. */
export type TestWebSocket = (new (
  url: string | URL,
  subprotocols?: string | readonly string[],
  options?: { readonly headers?: Readonly<Record<string, string>> },
) => TestSocket) & {
  readonly CONNECTING: 0;
  readonly OPEN: 1;
  readonly CLOSING: 2;
  readonly CLOSED: 3;
};

/** What a {@link TestSocket} was opened with. */
export interface SocketAttempt {
  readonly url: string;
  /** Those that the client offered. */
  readonly subprotocols: readonly string[];
  /** Given by clients on Node; by lower-case name. */
  readonly headers: Readonly<Record<string, string>>;
}

/** Carries what the holder of a {@link TestSocket} says. */
export interface SocketWire {
  send(frame: string): void;
  /** The holder begins to close an open socket. */
  close(code: number, reason: string): void;
  /** The holder leaves before the socket was open. */
  giveUp(): void;
}

/**
 * A WebSocket without a network: the end that a client holds.
 *
 * @remarks
 * As strict as a browser: codes and reasons that a page may not use throw, and so does `send` before the socket is open.
 */
export class TestSocket implements WebSocketLike, SocketHandlers {
  static readonly CONNECTING = 0;
  static readonly OPEN = 1;
  static readonly CLOSING = 2;
  static readonly CLOSED = 3;

  /** What it was opened with. */
  readonly attempt: SocketAttempt;
  binaryType = 'blob';
  onopen: SocketHandlers['onopen'] = null;
  onmessage: SocketHandlers['onmessage'] = null;
  onerror: SocketHandlers['onerror'] = null;
  onclose: SocketHandlers['onclose'] = null;
  readonly #wire: SocketWire;
  #protocol = '';
  #readyState: 0 | 1 | 2 | 3 = TestSocket.CONNECTING;

  constructor(attempt: SocketAttempt, connect: (socket: TestSocket) => SocketWire) {
    this.attempt = attempt;
    this.#wire = connect(this);
  }

  get url(): string {
    return this.attempt.url;
  }

  /** The subprotocol that the server chose. */
  get protocol(): string {
    return this.#protocol;
  }

  /** As the WHATWG counts: connecting, open, closing, closed. */
  get readyState(): 0 | 1 | 2 | 3 {
    return this.#readyState;
  }

  send(frame: string): void {
    if (this.#readyState === TestSocket.CONNECTING)
      throw new DOMException('The socket is not open yet.', 'InvalidStateError');
    if (this.#readyState === TestSocket.OPEN) this.#wire.send(frame);
  }

  close(code = 1005, reason = ''): void {
    if (code !== 1005 && code !== 1000 && (code < 3000 || code > 4999))
      throw new DOMException(`No page may close with ${code}.`, 'InvalidAccessError');
    if (utf8Length(reason) > 123)
      throw new DOMException('The reason has more than 123 bytes.', 'SyntaxError');
    if (this.#readyState >= TestSocket.CLOSING) return;
    const wasOpen = this.#readyState === TestSocket.OPEN;
    this.#readyState = TestSocket.CLOSING;
    if (wasOpen) this.#wire.close(code, reason);
    else this.#wire.giveUp();
  }

  /** For the other end: the upgrade is complete. */
  opened(subprotocol: string): void {
    if (this.#readyState !== TestSocket.CONNECTING) return;
    this.#protocol = subprotocol;
    this.#readyState = TestSocket.OPEN;
    this.onopen?.();
  }

  /** For the other end: a message arrived. */
  received(data: unknown): void {
    if (this.#readyState === TestSocket.OPEN) this.onmessage?.({ data });
  }

  /** For the other end: an error event, after which no close event comes. */
  failed(error?: unknown): void {
    if (this.#readyState === TestSocket.CLOSED) return;
    this.#readyState = TestSocket.CLOSED;
    this.onerror?.(error === undefined ? {} : { error });
  }

  /** For the other end: no connection came about; an error event and a close event. */
  refused(error?: unknown): void {
    if (this.#readyState === TestSocket.CLOSED) return;
    this.onerror?.(error === undefined ? {} : { error });
    this.ended(1006, '');
  }

  /** For the other end: the socket is gone. */
  ended(code: number, reason: string): void {
    if (this.#readyState === TestSocket.CLOSED) return;
    this.#readyState = TestSocket.CLOSED;
    this.onclose?.({ code, reason });
  }
}

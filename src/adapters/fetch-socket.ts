import type { MessageSocket, Server, SocketEvents } from '../server/index.ts';
import type { WebSocketUse } from './fetch-upgrade.ts';

/** What is called of a `WebSocket` of the web platform, at its server's end. */
export interface WebSocketLike {
  binaryType?: string;
  readonly readyState: number;
  /** Missing where the runtime does not tell. */
  readonly bufferedAmount?: number;
  send(frame: string): void;
  close(code?: number, reason?: string): void;
  addEventListener(type: 'message', listener: (event: { readonly data: unknown }) => void): void;
  addEventListener(
    type: 'close',
    listener: (event: { readonly code: number; readonly reason: string }) => void,
  ): void;
  addEventListener(type: 'open' | 'error', listener: () => void): void;
}

/** Has `server` use a socket that is open. */
export function serveWebSocket(server: Server, webSocket: WebSocketLike, use: WebSocketUse): void {
  if (use.kind === 'close') {
    if (use.frame !== undefined) webSocket.send(use.frame);
    return webSocket.close(use.code, use.reason);
  }
  const { messageBytes, outboxHighWaterBytes } = server.limits;
  webSocket.binaryType = 'arraybuffer';
  const socket = new StandardSocket(webSocket, messageBytes, outboxHighWaterBytes / 2);
  socket.events = server.open(socket, use.accepted);
}

/** `WebSocket.OPEN`, which not every runtime has under that name. */
const open = 1;

/** How often a socket with much in it is asked whether that is gone: nothing tells. */
const lookMs = 20;

/** A socket of the web platform, which has neither pings nor an end without a handshake. */
class StandardSocket implements MessageSocket {
  readonly #webSocket: WebSocketLike;
  readonly #messageBytes: number;
  readonly #roomyBytes: number;
  #isWatched = false;
  events: SocketEvents | undefined;

  /** @param roomyBytes - with so many bytes waiting somebody who waits for room may go on */
  constructor(webSocket: WebSocketLike, messageBytes: number, roomyBytes: number) {
    this.#webSocket = webSocket;
    this.#messageBytes = messageBytes;
    this.#roomyBytes = roomyBytes;
    webSocket.addEventListener('message', ({ data }) => this.#read(data));
    webSocket.addEventListener('close', ({ code, reason }) => this.#gone(code, reason));
    // some runtimes tell no more than that
    webSocket.addEventListener('error', () => this.#gone(1006, ''));
  }

  get bufferedBytes(): number {
    return this.#webSocket.bufferedAmount ?? 0;
  }

  send(frame: string): void {
    if (this.#webSocket.readyState !== open) return;
    this.#webSocket.send(frame);
    if (!this.#isWatched && this.bufferedBytes > this.#roomyBytes) this.#watch();
  }

  close(code: number, reason: string): void {
    if (this.#webSocket.readyState === open) this.#webSocket.close(code, reason);
  }

  /** Leaves the end of the connection to the runtime: the server need not know of it. */
  destroy(): void {
    this.close(1000, '');
    queueMicrotask(() => this.#gone(1006, ''));
  }

  #read(frame: unknown): void {
    const message = typeof frame === 'string' ? frame : new Uint8Array(frame as ArrayBuffer); // its type was asked for
    if (this.#isTooBig(message)) {
      this.close(1009, '');
      return this.#gone(1009, '');
    }
    this.events?.message(message);
  }

  /** A character is at most three bytes: only what comes close to the limit has to be measured. */
  #isTooBig(message: string | Uint8Array): boolean {
    if (message.length * 3 <= this.#messageBytes) return false;
    const bytes = typeof message === 'string' ? new TextEncoder().encode(message) : message;
    return bytes.length > this.#messageBytes;
  }

  #watch(): void {
    this.#isWatched = true;
    setTimeout(() => {
      this.#isWatched = false;
      if (this.events === undefined) return;
      if (this.bufferedBytes > this.#roomyBytes) this.#watch();
      else this.events.drained();
    }, lookMs);
  }

  #gone(code: number, reason: string): void {
    const { events } = this;
    this.events = undefined;
    events?.closed(code, reason);
  }
}

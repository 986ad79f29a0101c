import { Socket } from 'node:net';
import type { Duplex } from 'node:stream';

import { WebSocket } from 'ws';

import type { AcceptedSocket, FrameSocket, Server, SocketEvents } from '../server/index.ts';
import { MessageProgress, endsWithMessage } from './message-progress.ts';
import { writeByteString } from './write-byte-string.ts';

/** A WebSocket of `ws` that knows what serves it, so that all sockets share their listeners. */
export class ServedWebSocket extends WebSocket {
  served?: NodeSocket | undefined = undefined;
  /** Whether what it reads now came with an earlier chunk, and had to be inflated first or to wait for what had. */
  isLate?: boolean = false;
}

/** Has `server` serve a socket whose upgrade is complete; `stream` is what the upgrade handed over. */
export function serveWebSocket(
  server: Server,
  webSocket: ServedWebSocket,
  { stream, ...accepted }: { readonly stream: Duplex } & Omit<AcceptedSocket, 'onGone'>,
): void {
  const served: ServedStream = stream;
  const roomyBytes = server.limits.outboxHighWaterBytes / 2;
  const socket = new NodeSocket(webSocket, stream, roomyBytes);
  webSocket.served = socket;
  served[servedBy] = socket;
  socket.events = server.open(socket, accepted);
  webSocket.on('message', onMessage);
  webSocket.on('close', onClose);
  webSocket.on('error', ignore); // a close event follows
  stream.on('data', onChunk); // after `ws`, which has delivered by then what is complete
}

/**
 * What Millrace writes to: the socket that the upgrade handed over, past `ws`.
 *
 * @remarks
 * `ws` reads, answers pings, and closes. It writes whole frames, as the server does, so none gets into another. Nothing of the server's is written once
 * `ws` has begun to close.
 */
class NodeSocket implements FrameSocket {
  readonly #webSocket: ServedWebSocket;
  readonly #stream: Duplex;
  readonly #roomyBytes: number;
  /** Set before anything can happen. */
  events: SocketEvents | undefined;
  /** Of a message that is under way. */
  #progress: MessageProgress | undefined;
  /** Whether the server got a message from the chunk that is being read. */
  #hasSpoken = false;

  /** @param roomyBytes - with so many bytes waiting somebody who waits for room may go on */
  constructor(webSocket: ServedWebSocket, stream: Duplex, roomyBytes: number) {
    this.#webSocket = webSocket;
    this.#stream = stream;
    this.#roomyBytes = roomyBytes;
  }

  get bufferedBytes(): number {
    return this.#stream.writableLength;
  }

  writeBytes(bytes: string): void {
    if (this.#isClosing) return;
    writeByteString(this.#stream, bytes);
  }

  writeShared(head: string, shared: Uint8Array): void {
    if (this.#isClosing) return;
    this.#stream.cork();
    this.writeBytes(head);
    this.#stream.write(shared);
    this.#stream.uncork();
  }

  writeReusable(bytes: Uint8Array): 'reusable' | 'in-use' {
    if (this.#isClosing) return 'reusable';
    const stream = this.#stream;
    stream.write(bytes);
    // another kind of stream may keep what it says to have written
    return stream instanceof Socket && stream.writableLength === 0 ? 'reusable' : 'in-use';
  }

  allocate(bytes: number): Uint8Array {
    return Buffer.allocUnsafeSlow(bytes);
  }

  notifyDrained(): void {
    // not by `drain` events: those come only when more waited than Node's own mark, and the server's may be lower
    if (!this.#isClosing) this.#stream.write('', () => this.events?.drained());
  }

  send(frame: string): void {
    // Not at zero alone: a pong of `ws` may wait behind the last message. A socket that is gone tells by its close event.
    this.#webSocket.send(frame, { compress: false }, () => {
      if (this.bufferedBytes <= this.#roomyBytes) this.events?.drained();
    });
  }

  ping(): void {
    this.#webSocket.ping(undefined, undefined, ignore);
  }

  close(code: number, reason: string): void {
    this.#webSocket.close(code, reason);
  }

  destroy(): void {
    this.#webSocket.terminate();
  }

  /** A whole message came. */
  speak(frame: string | Uint8Array): void {
    const { isLate = false } = this.#webSocket;
    if (!isLate) this.#hasSpoken = true;
    this.events?.message(frame);
    // the beginning of the next one has been followed already
    if (isLate && this.#progress?.isUnderWay) this.events?.incomplete();
  }

  /** A chunk came, and `ws` has read it: that the peer lives shows in these, so pings and pongs need no listeners. */
  follow(chunk: Uint8Array): void {
    const hasSpoken = this.#hasSpoken;
    this.#hasSpoken = false;
    if (this.#progress !== undefined || !endsWithMessage(chunk)) {
      this.#progress ??= new MessageProgress();
      this.#progress.read(chunk);
      if (this.#progress.isUnderWay) return this.events?.incomplete();
      if (this.#progress.isBetweenFrames) this.#progress = undefined;
    }
    if (!hasSpoken) this.events?.heard();
  }

  get #isClosing(): boolean {
    return this.#webSocket.readyState !== WebSocket.OPEN;
  }
}

const servedBy = Symbol('served by');

interface ServedStream extends Duplex {
  [servedBy]?: NodeSocket;
}

function onMessage(this: ServedWebSocket, bytes: Buffer, isBinary: boolean): void {
  this.served?.speak(isBinary ? bytes : bytes.toString('utf8'));
}

function onClose(this: ServedWebSocket, code: number, reason: Buffer): void {
  this.served?.events?.closed(code, reason.toString('utf8'));
}

function onChunk(this: ServedStream, chunk: Buffer): void {
  this[servedBy]?.follow(chunk);
}

function ignore(): void {}

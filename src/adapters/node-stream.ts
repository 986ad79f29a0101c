import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Duplex } from 'node:stream';

import type { ByteStream, HttpResponse, ResponseStreamEvents } from '../server/index.ts';

/** Begins a response that is a stream, and connects it with what writes it. */
export function openStream(
  request: IncomingMessage,
  response: ServerResponse,
  answered: Extract<HttpResponse, { readonly kind: 'stream' }>,
): void {
  const { status, headers } = answered;
  const chunks = takesChunks(request, response);
  response.writeHead(status, { ...headers, ...(chunks && { 'transfer-encoding': 'chunked' }) });
  const stream = chunks ? new ChunkedStream(response) : new PlainStream(response);
  const events = answered.open(stream);
  stream.events = events;
  response.on('error', () => {}); // a close event follows
  response.once('close', () => events.closed());
}

/** Only HTTP/1.1 has chunks, and whoever has put a function of their own in place of `write` wants to see what is written. */
function takesChunks({ httpVersion }: IncomingMessage, response: ServerResponse): boolean {
  return httpVersion === '1.1' && !Object.hasOwn(response, 'write');
}

/** A response that frames what is written to it. */
class PlainStream implements ByteStream {
  protected readonly response: ServerResponse;
  events: ResponseStreamEvents | undefined;

  constructor(response: ServerResponse) {
    this.response = response;
  }

  get bufferedBytes(): number {
    return this.response.writableLength;
  }

  writeBytes(bytes: string): void {
    this.response.write(bytes, 'latin1');
  }

  writeShared(head: string, shared: Uint8Array): void {
    if (head !== '') this.writeBytes(head);
    this.response.write(shared);
  }

  notifyDrained(): void {
    // not by `drain` events: those come only when more waited than Node's own mark, and the server's may be lower
    this.response.write('', () => this.events?.drained());
  }

  end(): void {
    this.response.end();
  }

  destroy(): void {
    this.response.destroy();
  }
}

/**
 * A response whose chunks (RFC 9112 section 7.1) we write to its socket: it would take four pieces for one, and join them in its own time.
 *
 * @remarks
 * It sends its head with the first, and ends them. As long as other responses of a pipeline come before it, it has no socket.
 */
class ChunkedStream extends PlainStream {
  #socket: Duplex | undefined;

  override writeBytes(bytes: string): void {
    const socket = this.#socket;
    if (!socket) return this.#begin(() => super.writeBytes(bytes));
    socket.write(`${bytes.length.toString(16)}\r\n${bytes}\r\n`, 'latin1');
  }

  override writeShared(head: string, shared: Uint8Array): void {
    const socket = this.#socket;
    if (!socket) return this.#begin(() => super.writeShared(head, shared));
    const length = head.length + shared.length;
    socket.cork();
    socket.write(`${length.toString(16)}\r\n${head}`, 'latin1');
    socket.write(shared);
    socket.write('\r\n', 'latin1');
    socket.uncork();
  }

  override notifyDrained(): void {
    if (this.#socket) this.#socket.write('', () => this.events?.drained());
    else super.notifyDrained();
  }

  #begin(write: () => void): void {
    write();
    this.#socket = this.response.socket ?? undefined;
  }
}

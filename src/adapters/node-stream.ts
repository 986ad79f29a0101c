import { ServerResponse } from 'node:http';
import type { Writable } from 'node:stream';

import type { ByteStream, HttpResponse, ResponseStreamEvents } from '../server/index.ts';
import { writeByteString } from './write-byte-string.ts';

/** Begins a response that is a stream, and connects it with what writes it; returns what is to be told when it is closed. */
export function openStream(
  response: ServerResponse,
  answered: Extract<HttpResponse, { readonly kind: 'stream' }>,
): ResponseStreamEvents {
  const { status, headers } = answered;
  const chunks = takesChunks(response);
  response.writeHead(status, { ...headers, ...(chunks && { 'Transfer-Encoding': 'chunked' }) });
  response.on('error', ignore); // a close event follows
  const stream = chunks ? new ChunkedStream(response) : new PlainStream(response);
  stream.events = answered.open(stream);
  return stream.events;
}

/** Only HTTP/1.1 has chunks, and whoever has put a method of their own in place of `write` wants to see what is written. */
function takesChunks(response: ServerResponse): boolean {
  return response.req.httpVersion === '1.1' && response.write === ServerResponse.prototype.write;
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
 * It sends its head, with the first chunk, and ends them. As long as other responses of a pipeline come before it, it has no socket.
 */
class ChunkedStream extends PlainStream {
  #hasBegun = false;

  override writeBytes(bytes: string): void {
    const { socket } = this.response;
    if (!socket) super.writeBytes(bytes);
    else if (this.#hasBegun) writeChunk(socket, bytes);
    else this.begin(socket, () => writeChunk(socket, bytes));
  }

  override writeShared(head: string, shared: Uint8Array): void {
    const { socket } = this.response;
    if (!socket) super.writeShared(head, shared);
    else if (this.#hasBegun) writeSharedChunk(socket, head, shared);
    else this.begin(socket, () => writeSharedChunk(socket, head, shared));
  }

  override notifyDrained(): void {
    const { socket } = this.response;
    if (socket) socket.write('', () => this.events?.drained());
    else super.notifyDrained();
  }

  /** The head has to be a write of its own: joined with what follows it would stay in memory as the thirty strings that it was made of. */
  protected begin(socket: Writable, write: () => void): void {
    this.#hasBegun = true;
    socket.cork();
    this.response.flushHeaders();
    write();
    socket.uncork();
  }
}

function writeChunk(socket: Writable, bytes: string): void {
  writeByteString(socket, latest.chunkOf(bytes));
}

/** Longer ones are not kept. */
const longestKeptBytes = 4_096;

/** Keeps the chunk that was made last: streams that get the same are written to one after the other. */
class LatestChunk {
  #bytes: string | undefined;
  #chunk = '';

  chunkOf(bytes: string): string {
    if (bytes === this.#bytes) return this.#chunk;
    const chunk = `${bytes.length.toString(16)}\r\n${bytes}\r\n`;
    if (bytes.length > longestKeptBytes) return chunk;
    this.#bytes = bytes;
    this.#chunk = chunk;
    return chunk;
  }
}

const latest = new LatestChunk();

function writeSharedChunk(socket: Writable, head: string, shared: Uint8Array): void {
  const length = head.length + shared.length;
  socket.cork();
  socket.write(`${length.toString(16)}\r\n${head}`, 'latin1');
  socket.write(shared);
  socket.write('\r\n', 'latin1');
  socket.uncork();
}

function ignore(): void {}

import type { IncomingMessage } from 'node:http';
import { finished } from 'node:stream';

import type { AbortSignalLike, HttpRequest, RequestHead } from '../server/index.ts';
import { toRequestHead } from './node-request-head.ts';

/** A request of Node as a server reads it, until its answer has begun. */
export class NodeRequest implements HttpRequest {
  readonly head: RequestHead;
  readonly method: string;
  readonly url: string;
  readonly headers: RequestHead['headers'];
  readonly #incoming: IncomingMessage;
  readonly signal = new Leaving();
  /** While pieces of the body are read by somebody. */
  #isBeingRead = false;
  /** What is to be thrown away once they are not. */
  #discarded = 0;

  constructor(incoming: IncomingMessage) {
    const head = toRequestHead(incoming);
    this.head = head;
    this.method = head.method;
    this.url = head.url;
    this.headers = head.headers;
    this.#incoming = incoming;
  }

  /** Its response is closed: whoever asked is gone, or has the answer. */
  closed(): void {
    this.signal.abort();
  }

  body(maximumBytes: number): Promise<{ readonly text: string } | 'too-big'> {
    return readBody(this.#incoming, maximumBytes);
  }

  async *chunks(): AsyncGenerator<Uint8Array, void, undefined> {
    this.#isBeingRead = true;
    try {
      // its end belongs to the answer
      yield* this.#incoming.iterator({ destroyOnReturn: false });
    } finally {
      this.#isBeingRead = false;
      if (this.#discarded > 0) this.discardRest(this.#discarded);
    }
  }

  /**
   * Throws away what a client still sends of a body that nobody wants, so that its connection can carry the next request.
   * A client that sends on and on is cut off.
   */
  discardRest(maximumBytes: number): void {
    const incoming = this.#incoming;
    if (incoming.complete) return;
    if (this.#isBeingRead) {
      this.#discarded = maximumBytes;
      return;
    }
    let bytes = 0;
    incoming.on('error', () => {}); // nobody waits for this body
    incoming.on('data', (chunk: Buffer) => {
      bytes += chunk.length;
      if (bytes > maximumBytes) incoming.socket.destroy();
    });
  }
}

/** As an `AbortSignal`, which takes 3 KB and much longer to make. */
class Leaving implements AbortSignalLike {
  readonly #listeners = new Set<() => void>();
  aborted = false;

  addEventListener(_type: 'abort', listener: () => void): void {
    this.#listeners.add(listener);
  }

  removeEventListener(_type: 'abort', listener: () => void): void {
    this.#listeners.delete(listener);
  }

  abort(): void {
    if (this.aborted) return;
    this.aborted = true;
    for (const listener of this.#listeners) listener();
  }
}

/** Reads a body as UTF-8, at most `maximumBytes` of it. Rejects if the client leaves in between. */
function readBody(
  incoming: IncomingMessage,
  maximumBytes: number,
): Promise<{ readonly text: string } | 'too-big'> {
  if (Number(incoming.headers['content-length'] ?? 0) > maximumBytes)
    return Promise.resolve('too-big');
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = [];
    let bytes = 0;
    const stop = (): void => {
      incoming.off('data', read);
      forget();
    };
    const read = (chunk: Buffer): void => {
      bytes += chunk.length;
      if (bytes <= maximumBytes) return void chunks.push(chunk);
      stop();
      resolve('too-big');
    };
    const forget = finished(incoming, { writable: false }, (error) => {
      stop();
      if (error) reject(error);
      else resolve({ text: Buffer.concat(chunks).toString('utf8') });
    });
    incoming.on('data', read);
  });
}

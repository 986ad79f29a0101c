import type { IncomingMessage } from 'node:http';
import type { Readable } from 'node:stream';
import { finished } from 'node:stream';

import type { AbortSignalLike, HttpRequest, RequestHead } from '../server/index.ts';
import { toRequestHead } from './node-request-head.ts';

/** What a framework has made of a request before it came to us. */
export interface Handled {
  /** Where the request was sent, if `url` has become another. */
  readonly url?: string;
  /** What brings the body if the request no longer does: another stream, or the text of it. */
  readonly body?: Readable | string;
}

/** A request of Node as a server reads it, until its answer has begun. */
export class NodeRequest implements HttpRequest {
  readonly head: RequestHead;
  readonly method: string;
  readonly url: string;
  readonly headers: RequestHead['headers'];
  readonly #incoming: IncomingMessage;
  readonly #body: Readable | string;
  readonly signal = new Leaving();
  /** Whether pieces of the body are read by somebody. */
  #pieces: 'never' | 'now' | 'no more' = 'never';
  /** What is to be thrown away once they are not. */
  #discarded = 0;

  constructor(incoming: IncomingMessage, { url, body = incoming }: Handled = {}) {
    const head = toRequestHead(incoming, url);
    this.head = head;
    this.method = head.method;
    this.url = head.url;
    this.headers = head.headers;
    this.#incoming = incoming;
    this.#body = body;
  }

  /** Its response is closed: whoever asked is gone, or has the answer. */
  closed(): void {
    this.signal.abort();
  }

  body(maximumBytes: number): Promise<{ readonly text: string } | 'too-big'> {
    const { headers } = this.#incoming;
    if (Number(headers['content-length'] ?? 0) > maximumBytes) return Promise.resolve('too-big');
    if (typeof this.#body !== 'string') return readBody(this.#body, maximumBytes);
    const text = this.#body;
    return Promise.resolve(Buffer.byteLength(text) > maximumBytes ? 'too-big' : { text });
  }

  async *chunks(): AsyncGenerator<Uint8Array, void, undefined> {
    if (typeof this.#body === 'string') return yield Buffer.from(this.#body);
    this.#pieces = 'now';
    try {
      // its end belongs to the answer
      yield* this.#body.iterator({ destroyOnReturn: false });
    } finally {
      this.#pieces = 'no more';
      if (this.#discarded > 0) this.discardRest(this.#discarded);
    }
  }

  /**
   * Throws away what a client still sends of a body that nobody wants, so that its connection can carry the next request.
   * A client that sends on and on is cut off; one whose files were accepted may send as many bytes as it said, because browsers read no answer before.
   */
  discardRest(maximumBytes: number): void {
    const incoming = this.#incoming;
    const body = this.#body;
    if (incoming.complete || typeof body === 'string') return;
    if (this.#pieces === 'now') {
      this.#discarded = maximumBytes;
      return;
    }
    const announced = Number(incoming.headers['content-length'] ?? 0);
    const maximum = this.#pieces === 'never' ? maximumBytes : Math.max(maximumBytes, announced);
    let bytes = 0;
    body.on('error', () => {}); // nobody waits for this body
    body.on('data', (chunk: Buffer) => {
      bytes += chunk.length;
      if (bytes > maximum) incoming.socket.destroy();
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
  incoming: Readable,
  maximumBytes: number,
): Promise<{ readonly text: string } | 'too-big'> {
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

import { EventEmitter, once } from 'node:events';
import type { IncomingHttpHeaders, IncomingMessage } from 'node:http';
import { request } from 'node:http';
import { finished } from 'node:stream';

import { onTestFinished } from 'vitest';

const patienceMs = 10_000;

/** A request whose answer is read while it comes. */
export interface StreamRequest {
  readonly method?: string;
  readonly headers: Readonly<Record<string, string>>;
  /** Sent as JSON. */
  readonly body?: unknown;
}

/** How the answer ended: with its last byte, or with the connection. */
export type ResponseEnd = 'whole' | 'cut';

/** An answer that comes in pieces; it is abandoned with the test. */
export class StreamedResponse {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly ended: Promise<ResponseEnd>;
  readonly #response: IncomingMessage;
  readonly #changes = new EventEmitter();
  #received = '';

  constructor(response: IncomingMessage) {
    this.status = response.statusCode ?? 0;
    this.headers = response.headers;
    this.#response = response;
    response.setEncoding('utf8').on('data', (text: string) => {
      this.#received += text;
      this.#changes.emit('change');
    });
    this.ended = new Promise((resolve) => {
      finished(response, (error) => resolve(error ? 'cut' : 'whole'));
    });
    onTestFinished(() => this.leave());
  }

  get received(): string {
    return this.#received;
  }

  /** Resolves once what was received contains `text`, `times` times. */
  async contains(text: string, times = 1): Promise<void> {
    const signal = AbortSignal.timeout(patienceMs);
    while (this.#received.split(text).length <= times) {
      await once(this.#changes, 'change', { signal });
    }
  }

  /** Reads nothing any more. */
  pause(): void {
    this.#response.pause();
  }

  /** Closes the connection as a client that lost interest does. */
  leave(): void {
    this.#response.destroy();
  }
}

/** Sends a request over a connection of its own; resolves with the head of the answer. */
export async function openStream(
  url: string,
  { method = 'POST', headers, body }: StreamRequest,
): Promise<StreamedResponse> {
  const isJson = body !== undefined;
  const outgoing = request(url, {
    method,
    headers: { ...(isJson && { 'content-type': 'application/json' }), ...headers },
    agent: false,
  });
  outgoing.end(isJson ? JSON.stringify(body) : undefined);
  // an 'error' rejects
  const [response] = (await once(outgoing, 'response')) as [IncomingMessage];
  return new StreamedResponse(response);
}

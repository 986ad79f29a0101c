import { provide } from '../transport.ts';
import type { ConnectionSettings } from '../transport.ts';
import { TransportError } from '../transport-error.ts';
import type { FetchOptions, ResponseLike } from './fetch-options.ts';
import { toFetchUrl } from './fetch-url.ts';
import { discard } from './response-body.ts';

/** What requests are made from. */
export interface SingleRequestParts extends Omit<FetchOptions, 'connectTimeoutMs'> {
  readonly settings: ConnectionSettings;
}

/** One request of a connection. */
export interface SingleRequest {
  readonly method: 'PUT' | 'GET' | 'POST' | 'DELETE';
  readonly accept: string;
  /** JSON. */
  readonly body?: string;
  /** The operation that the URL names. */
  readonly operationId?: string;
}

/** Makes the requests of one connection, all of which go to the same place. */
export class SingleRequests {
  /** Names the stream, once it is reserved. */
  token: string | undefined;
  readonly #parts: SingleRequestParts;
  /** One for each request: what listens to a signal that lives longer may stay as long as that. */
  readonly #running = new Set<AbortController>();
  #isAborted = false;
  #url: URL | undefined;

  constructor(parts: SingleRequestParts) {
    this.#parts = parts;
  }

  /**
   * Resolves with what `use` makes of the response, or rejects with what it throws, or with a `TransportError` if there is no response. Until then the request may be aborted.
   *
   * @param controller - may abort it alone
   */
  async send<Answer>(
    request: SingleRequest,
    use: (response: ResponseLike) => Answer | PromiseLike<Answer>,
    controller = new AbortController(),
  ): Promise<Answer> {
    this.#running.add(controller);
    if (this.#isAborted) controller.abort();
    try {
      return await use(await this.#fetch(request, controller.signal));
    } finally {
      this.#running.delete(controller);
    }
  }

  /** Ends all of them, and lets nobody make another. */
  abort(): void {
    this.#isAborted = true;
    for (const controller of this.#running) controller.abort();
  }

  async #fetch(request: SingleRequest, signal: AbortSignal): Promise<ResponseLike> {
    const { fetch = globalThis.fetch } = this.#parts;
    const [url, init] = await this.#toArguments(request);
    try {
      signal.throwIfAborted();
      const response = await fetch(url, { ...init, signal });
      // a `fetch` that knows no signals brings what nobody wants any more
      if (signal.aborted) discard(response);
      signal.throwIfAborted();
      return response;
    } catch (cause) {
      throw new TransportError('CONNECTION_LOST', 'The connection was lost.', true, { cause });
    }
  }

  async #toArguments({
    method,
    accept,
    body,
    operationId,
  }: SingleRequest): Promise<[url: string, init: RequestInit]> {
    const { url, settings, headers: given, requestInit } = this.#parts;
    try {
      this.#url ??= toFetchUrl(await provide(url ?? settings.url));
      const headers = new Headers(await provide(given));
      headers.set('accept', accept);
      headers.delete('content-type');
      if (body !== undefined) headers.set('content-type', 'application/json');
      if (this.token !== undefined) headers.set('x-graphql-event-stream-token', this.token);
      return [
        withOperation(this.#url, operationId),
        {
          ...requestInit,
          method,
          headers,
          ...(body !== undefined && { body }),
        },
      ];
    } catch (cause) {
      throw new TransportError('CLIENT_ERROR', String(cause), false, { cause });
    }
  }
}

/** Written behind whatever query there is, of which nothing is written anew: it may be signed. */
function withOperation(url: URL, operationId: string | undefined): string {
  if (operationId === undefined) return url.href;
  const named = new URL(url);
  named.search += `${named.search && '&'}operationId=${operationId}`;
  return named.href;
}

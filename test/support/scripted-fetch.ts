import type { FetchLike, ResponseLike } from 'millrace/client/http';

import { bytesOf } from './chunks.ts';

/** The head of a response. */
export interface ScriptedHead {
  /** @defaultValue 200 */
  readonly status?: number;
  readonly type?: string;
  readonly headers?: Readonly<Record<string, string>>;
}

/** A response that a test writes. */
export interface ScriptedResponse {
  /** What the client read no more of. */
  readonly isReleased: boolean;
  send(...chunks: readonly (string | Uint8Array)[]): void;
  end(): void;
  /** The connection breaks. */
  break(): void;
}

/** A request that waits for its response. */
export interface ScriptedRequest {
  readonly url: string;
  readonly method: string;
  readonly headers: Headers;
  readonly init: RequestInit;
  readonly body: unknown;
  /** Whether the client gave it up. */
  readonly isAborted: boolean;
  respond(head?: ScriptedHead): ScriptedResponse;
  /** A whole response. */
  answer(body: string, head?: ScriptedHead): void;
  /** There is no connection. */
  refuse(error?: unknown): void;
}

/** What a {@link ScriptedFetch} has in common with others, and what not. */
export interface ScriptedFetchOptions {
  /** Whether it does without `AbortSignal`, as some do. */
  readonly ignoresSignals?: boolean;
  /** Whether its responses have no streams, as those of some runtimes. */
  readonly hasNoStreams?: boolean;
}

/** A `fetch` whose other side is the test. */
export class ScriptedFetch {
  readonly requests: ScriptedRequest[] = [];
  readonly #options: ScriptedFetchOptions;

  constructor(options: ScriptedFetchOptions = {}) {
    this.#options = options;
  }

  readonly fetch: FetchLike = (url, init) =>
    new Promise((resolve, reject) => {
      const { signal } = init;
      if (!this.#options.ignoresSignals) {
        signal?.addEventListener('abort', () => reject(signal.reason as Error));
      }
      const respond = (head?: ScriptedHead): ScriptedResponse => {
        const { response, script } = this.#respond(head ?? {}, signal ?? undefined);
        resolve(response);
        return script;
      };
      this.requests.push({
        url,
        init,
        method: init.method ?? 'GET',
        headers: new Headers(init.headers),
        body: typeof init.body === 'string' ? JSON.parse(init.body) : init.body,
        get isAborted() {
          return signal?.aborted ?? false;
        },
        respond,
        answer: (body, head) => {
          const script = respond(head);
          if (body !== '') script.send(body);
          script.end();
        },
        refuse: (error = new TypeError('fetch failed')) => reject(error),
      });
    });

  /** The request that came last. */
  get last(): ScriptedRequest {
    const last = this.requests.at(-1);
    if (!last) throw new Error('nothing was requested');
    return last;
  }

  #respond(
    { status = 200, type, headers }: ScriptedHead,
    signal: AbortSignal | undefined,
  ): { readonly response: ResponseLike; readonly script: ScriptedResponse } {
    let isReleased = false;
    let isOver = false;
    const release = (): void => {
      isReleased = true;
      isOver = true;
    };
    let controller: ReadableStreamDefaultController<Uint8Array> | undefined;
    const body = new ReadableStream<Uint8Array>({
      start: (own) => void (controller = own),
      cancel: release,
    });
    const abort = (): void => {
      if (!isOver) controller?.error(signal?.reason);
      release();
    };
    if (!this.#options.ignoresSignals) signal?.addEventListener('abort', abort);
    if (!this.#options.ignoresSignals && signal?.aborted) abort();
    // a status that has no body
    const response = new Response(status === 204 ? null : body, {
      status,
      headers: { ...(type !== undefined && { 'content-type': type }), ...headers },
    });
    const script: ScriptedResponse = {
      get isReleased() {
        return isReleased;
      },
      send(...chunks) {
        for (const chunk of chunks) {
          if (!isOver) controller?.enqueue(typeof chunk === 'string' ? bytesOf(chunk) : chunk);
        }
      },
      end() {
        if (!isOver) controller?.close();
        isOver = true;
      },
      break() {
        if (!isOver) controller?.error(new TypeError('terminated'));
        isOver = true;
      },
    };
    return { response: this.#options.hasNoStreams ? withoutStream(response) : response, script };
  }
}

function withoutStream(response: Response): ResponseLike {
  const { ok, status, headers } = response;
  return { ok, status, headers, arrayBuffer: () => response.arrayBuffer() };
}

import type { HttpResponse, ResponseStreamEvents, Server } from 'millrace/server';

import { bytesOf } from './chunks.ts';

/** A request in memory; what it leaves out is what a correct POST of an operation has. */
export interface MemoryRequest {
  readonly method?: string;
  readonly url?: string;
  readonly headers?: Readonly<Record<string, string | undefined>>;
  /** Sent as JSON unless it is a string. */
  readonly body?: unknown;
  /** Whether a stream waits for {@link MemoryStream.open}. @defaultValue false */
  readonly opensLater?: boolean;
}

async function* inOnePiece(text: string): AsyncGenerator<Uint8Array> {
  yield bytesOf(text);
}

/** The answer to a request in memory, as the client of an adapter sees it. */
export class MemoryStream {
  readonly #leaving = new AbortController();
  readonly #answered: Promise<HttpResponse>;
  #response: HttpResponse | undefined;
  #events: ResponseStreamEvents | undefined;
  /** What was written, piece by piece: an adapter sends each at once. */
  readonly writes: string[] = [];
  /** `ended` is the end that the server wanted; `destroyed` cuts the connection. */
  ending: 'open' | 'ended' | 'destroyed' = 'open';
  /** Bytes that pretend to wait in the socket. */
  bufferedBytes = 0;

  constructor(server: Server, request: MemoryRequest) {
    const { method = 'POST', url = '/graphql', body, opensLater = false } = request;
    const defaults = method === 'POST' ? { 'content-type': 'application/json' } : {};
    const text = typeof body === 'string' ? body : JSON.stringify(body ?? {});
    const accept = async (): Promise<HttpResponse> => {
      const response = await server.handleRequest({
        method,
        url,
        headers: { ...defaults, ...request.headers },
        body: () => Promise.resolve({ text }),
        chunks: () => inOnePiece(text),
        signal: this.#leaving.signal,
      });
      this.#response = response;
      if (!opensLater) this.open();
      return response;
    };
    this.#answered = accept();
  }

  /** Resolves once the answer has begun. */
  get answered(): Promise<HttpResponse> {
    return this.#answered;
  }

  get hasBegun(): boolean {
    return this.#response !== undefined;
  }

  /** The body so far. */
  get text(): string {
    return this.#response?.kind === 'whole' ? this.#response.body : this.writes.join('');
  }

  get json(): unknown {
    return JSON.parse(this.text);
  }

  /** Begins to carry a stream, as an adapter does once the headers are sent. */
  open(): void {
    if (this.#response?.kind !== 'stream') return;
    const end = (ending: 'ended' | 'destroyed'): void => {
      if (this.ending !== 'open') return;
      this.ending = ending;
      // a real response tells later, never from inside end()
      queueMicrotask(() => this.#events?.closed());
    };
    const buffered = (): number => this.bufferedBytes;
    this.#events = this.#response.open({
      write: (text) => {
        if (this.ending === 'open') this.writes.push(text);
      },
      end: () => end('ended'),
      destroy: () => end('destroyed'),
      get bufferedBytes() {
        return buffered();
      },
    });
  }

  /** The system took what was written. */
  drain(): void {
    this.bufferedBytes = 0;
    this.#events?.drained();
  }

  /** The client goes without a word. */
  leave(): void {
    this.#leaving.abort();
    this.#events?.closed();
  }

  /** The events of an event stream: name and data, comments left out. */
  events(): readonly (readonly [event: string, data: unknown])[] {
    return this.text
      .split('\n\n')
      .map((block) => block.replace(/^id: .*\n/, ''))
      .filter((block) => block.startsWith('event: '))
      .map((block) => {
        const [name = '', data = ''] = block.split('\n');
        const text = data.slice('data: '.length);
        return [name.slice('event: '.length), text === '' ? '' : JSON.parse(text)];
      });
  }
}

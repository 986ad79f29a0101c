import { ProtocolViolation } from '../../errors.ts';
import type { ErrorCode } from '../../errors.ts';
import { never } from '../../vocabulary.ts';
import type { Instant } from '../../vocabulary.ts';
import type {
  Connection,
  ConnectionListener,
  ConnectionSettings,
  ResultSink,
  StartedOperation,
} from '../transport.ts';
import { TransportError } from '../transport-error.ts';
import type { TransportErrorDetails } from '../transport-error.ts';
import type { MethodOptions, ResponseLike, StreamOptions } from './fetch-options.ts';
import { toFetchArguments, toRequestText } from './fetch-request.ts';
import { isPassing, shownCharacters, toFailure } from './response-failure.ts';
import { resultMediaType } from './response-format.ts';
import type { ResponseFormat, StreamOutput, StreamReader } from './response-format.ts';
import { readObject } from './response-text.ts';

/** What a connection over one response is made of. */
export interface ResponseConnectionParts extends StreamOptions, MethodOptions {
  readonly format: ResponseFormat;
  readonly settings: ConnectionSettings;
  readonly listener: ConnectionListener;
}

/** How long a subscription may take to begin, and a refusal to say more than its status. */
const patienceMs = 10_000;

/** Heartbeats that are closer say nothing, and those that are further apart had events between them, which took their place. */
const shortestIntervalMs = 1_000;
const longestIntervalMs = 60_000;

const shortestSilenceMs = 15_000;

/** One operation: its request, and the response. */
export class ResponseConnection implements Connection {
  readonly #parts: ResponseConnectionParts;
  readonly #controller = new AbortController();
  #body: ReadableStreamDefaultReader<Uint8Array> | undefined;
  #stream: StreamReader | undefined;
  #isOver = false;
  #cancelTimer: (() => void) | undefined;
  #heartbeatAt: Instant = never;
  /** The longest between heartbeats; 0 until there are two. */
  #intervalMs = 0;

  constructor(parts: ResponseConnectionParts) {
    this.#parts = parts;
  }

  start(operation: StartedOperation, sink: ResultSink): () => void {
    const text = toRequestText(operation);
    if (!this.#isOver) void this.#run(operation, text, sink);
    return () => this.close();
  }

  close(): void {
    this.#isOver = true;
    this.#cancelTimer?.();
    this.#controller.abort();
    // a `fetch` that knows no signals leaves that to us; one that does has no more to cancel
    this.#body?.cancel().catch(() => {});
  }

  /** Never rejects. */
  async #run(operation: StartedOperation, text: string, sink: ResultSink): Promise<void> {
    const { fetch = globalThis.fetch, connectTimeoutMs } = this.#parts;
    const defaultMs = operation.kind === 'subscription' ? patienceMs : never;
    this.#after(connectTimeoutMs ?? defaultMs, () => {
      this.#lose('CONNECT_TIMEOUT', 'It took too long to connect.');
    });
    let code: ErrorCode = 'CLIENT_ERROR';
    try {
      const [url, init] = await toFetchArguments(this.#parts, operation, text);
      if (this.#isOver) return;
      code = 'CONNECTION_LOST';
      const response = await fetch(url, { ...init, signal: this.#controller.signal });
      this.#body = response.body?.getReader();
      if (this.#isOver) this.close();
      else await this.#receive(response, operation, sink);
    } catch (cause) {
      if (cause instanceof ProtocolViolation) ({ code } = cause);
      if (code === 'CONNECTION_LOST') this.#lose(code, 'The connection was lost.', { cause });
      else this.#finish(new TransportError(code, String(cause), false, { cause }));
    }
  }

  async #receive(
    response: ResponseLike,
    { kind, request }: StartedOperation,
    sink: ResultSink,
  ): Promise<void> {
    const { ok, headers } = response;
    const { stream } = this.#parts.format;
    const contentType = headers.get('content-type') ?? '';
    const mediaType = contentType.replace(/;.*/, '').trim().toLowerCase();
    if (ok && mediaType === stream?.mediaType) {
      this.#stream = stream.createReader(contentType, request);
      this.#accept();
      await this.#readStream(response, this.#stream, sink);
    } else if (
      mediaType === resultMediaType
        ? kind !== 'subscription' || !isPassing(response) // whoever comes back has no use for being told to
        : ok && mediaType === 'application/json'
    ) {
      this.#accept();
      this.#takeResult(response, await this.#readText(response, never), sink);
    } else {
      const refuse = (body: string): void => this.#finish(toFailure(response, body));
      this.#after(patienceMs, () => refuse(''));
      refuse(await this.#readText(response, shownCharacters).catch(() => ''));
    }
  }

  #accept(): void {
    this.#cancelTimer?.();
    this.#parts.listener.connected();
  }

  async #readStream(response: ResponseLike, stream: StreamReader, sink: ResultSink): Promise<void> {
    this.#awaitMore();
    for await (const chunk of this.#chunksOf(response)) {
      for (const output of stream.push(chunk)) this.#apply(output, sink);
      this.#awaitMore();
    }
    this.#lose('CONNECTION_LOST', 'The response ended early.');
  }

  async #readText(response: ResponseLike, characters: number): Promise<string> {
    const decoder = new TextDecoder();
    let text = '';
    for await (const chunk of this.#chunksOf(response)) {
      text += decoder.decode(chunk, { stream: true });
      if (text.length > characters) break;
    }
    return text;
  }

  async *#chunksOf(response: ResponseLike): AsyncGenerator<Uint8Array> {
    if (!this.#body) yield new Uint8Array(await response.arrayBuffer());
    for (;;) {
      const chunk = await this.#body?.read();
      if (!chunk?.value || this.#isOver) return;
      yield chunk.value;
    }
  }

  #takeResult(response: ResponseLike, text: string, sink: ResultSink): void {
    if (this.#isOver) return;
    const result = readObject(text);
    if (result?.['data'] !== undefined || result?.['errors']) {
      sink.next(result);
      this.#apply({ kind: 'complete' }, sink);
    } else this.#finish(toFailure(response, text));
  }

  #apply(output: StreamOutput, sink: ResultSink): void {
    if (this.#isOver) return;
    switch (output.kind) {
      case 'result':
        return sink.next(output.result);
      case 'error':
        this.close();
        return sink.error(output.errors);
      case 'complete':
        this.close();
        return sink.complete();
      case 'reload':
        return this.#lose('CONNECTION_LOST', 'The server reloads.', { payload: output.errors });
      case 'heartbeat':
        return this.#measureInterval();
      case 'violation':
        return this.#parts.listener.violated('A result has to be a JSON object.');
    }
  }

  #measureInterval(): void {
    const now = this.#parts.settings.clock.now();
    const intervalMs = Math.min(now - this.#heartbeatAt, longestIntervalMs);
    this.#heartbeatAt = now;
    if (intervalMs < shortestIntervalMs) return;
    this.#intervalMs = Math.max(this.#intervalMs, intervalMs);
  }

  #awaitMore(): void {
    const { silenceMs } = this.#parts;
    const defaultMs = this.#intervalMs ? Math.max(shortestSilenceMs, 3 * this.#intervalMs) : never;
    this.#after(silenceMs ?? defaultMs, () => {
      this.#lose('TERMINATED', 'The server is silent.');
    });
  }

  #after(delayMs: number, then: () => void): void {
    this.#cancelTimer?.();
    if (delayMs < never && !this.#isOver) {
      this.#cancelTimer = this.#parts.settings.clock.schedule(then, delayMs);
    }
  }

  #lose(code: ErrorCode, message: string, details?: TransportErrorDetails): void {
    const retryMs = this.#stream?.retryMs;
    this.#finish(
      new TransportError(code, message, true, {
        ...details,
        ...(retryMs !== undefined && { retryAfterMs: retryMs }),
      }),
    );
  }

  #finish(failure: TransportError): void {
    if (this.#isOver) return;
    this.close();
    this.#parts.listener.closed(failure);
  }
}

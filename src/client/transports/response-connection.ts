import { ProtocolViolation } from '../../errors.ts';
import type { ErrorCode } from '../../errors.ts';
import { never } from '../../vocabulary.ts';
import type {
  Connection,
  ConnectionListener,
  ConnectionSettings,
  ResultSink,
  StartedOperation,
} from '../transport.ts';
import { TransportError } from '../transport-error.ts';
import type { TransportErrorDetails } from '../transport-error.ts';
import type {
  FileOptions,
  Form,
  MethodOptions,
  ResponseLike,
  StreamOptions,
} from './fetch-options.ts';
import { toFetchArguments, toRequestText } from './fetch-request.ts';
import { Heartbeats } from './heartbeats.ts';
import { chunksOf, textOf } from './response-body.ts';
import type { BodyReader } from './response-body.ts';
import { isPassing, shownCharacters, toFailure } from './response-failure.ts';
import { mediaTypeOf, resultMediaType } from './response-format.ts';
import type { ResponseFormat, StreamOutput, StreamReader } from './response-format.ts';
import { readObject } from './response-text.ts';

/** What a connection over one response is made of. */
export interface ResponseConnectionParts extends StreamOptions, MethodOptions, FileOptions {
  readonly format: ResponseFormat;
  readonly settings: ConnectionSettings;
  readonly listener: ConnectionListener;
}

/** How long a subscription may take to begin, and a refusal to say more than its status. */
const patienceMs = 10_000;

/** One operation: its request, and the response. */
export class ResponseConnection implements Connection {
  readonly #parts: ResponseConnectionParts;
  readonly #controller = new AbortController();
  readonly #heartbeats = new Heartbeats();
  #body: BodyReader | undefined;
  #stream: StreamReader | undefined;
  #isOver = false;
  /** What was sent cannot be sent again. */
  #isSpent = false;
  #cancelTimer: (() => void) | undefined;

  constructor(parts: ResponseConnectionParts) {
    this.#parts = parts;
  }

  start(operation: StartedOperation, sink: ResultSink): () => void {
    const form = this.#parts.uploads?.(operation.request, this.#controller.signal);
    this.#isSpent = form?.isOnce === true;
    const body = form ?? toRequestText(operation);
    if (!this.#isOver) void this.#run(operation, body, sink);
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
  async #run(operation: StartedOperation, body: string | Form, sink: ResultSink): Promise<void> {
    const { fetch = globalThis.fetch, connectTimeoutMs } = this.#parts;
    // files take as long as they take
    const isQuick = operation.kind === 'subscription' && typeof body === 'string';
    const defaultMs = isQuick ? patienceMs : never;
    this.#after(connectTimeoutMs ?? defaultMs, () => {
      this.#lose('CONNECT_TIMEOUT', 'It took too long to connect.');
    });
    let code: ErrorCode = 'CLIENT_ERROR';
    try {
      const [url, init] = await toFetchArguments(this.#parts, operation, body);
      if (this.#isOver) return;
      if (isInVain(this.#parts, operation)) return this.#refuseToWait();
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
    const read = (characters: number) => textOf(response, this.#body, characters);
    const { stream } = this.#parts.format;
    const mediaType = mediaTypeOf(response);
    if (ok && mediaType === stream?.mediaType) {
      if (kind === 'subscription' && response.body === undefined) return this.#refuseToWait();
      this.#stream = stream.createReader(headers.get('content-type') ?? '', request);
      this.#accept();
      await this.#readStream(response, this.#stream, sink);
    } else if (
      mediaType === resultMediaType
        ? kind !== 'subscription' || !isPassing(response) // whoever comes back has no use for being told to
        : ok && mediaType === 'application/json'
    ) {
      this.#accept();
      this.#takeResult(response, await read(never), sink);
    } else {
      const refuse = (body: string): void => this.#finish(toFailure(response, body));
      this.#after(patienceMs, () => refuse(''));
      refuse(await read(shownCharacters).catch(() => ''));
    }
  }

  /** What comes when all of it is there never comes. */
  #refuseToWait(): void {
    const message = 'A subscription over HTTP needs a `fetch` that streams.';
    this.#finish(new TransportError('CLIENT_ERROR', message, false));
  }

  #accept(): void {
    this.#cancelTimer?.();
    this.#parts.listener.connected();
  }

  async #readStream(response: ResponseLike, stream: StreamReader, sink: ResultSink): Promise<void> {
    this.#awaitMore();
    for await (const chunk of chunksOf(response, this.#body)) {
      for (const output of stream.push(chunk)) this.#apply(output, sink);
      this.#awaitMore();
    }
    this.#lose('CONNECTION_LOST', 'The response ended early.');
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
        return this.#heartbeats.beat(this.#parts.settings.clock.now());
      case 'violation':
        return this.#parts.listener.violated('A result has to be a JSON object.');
    }
  }

  #awaitMore(): void {
    this.#after(this.#parts.silenceMs ?? this.#heartbeats.silenceMs, () => {
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
    if (this.#isSpent) Object.assign(failure, { retryable: false });
    this.#parts.listener.closed(failure);
  }
}

/** Whether a subscription would wait for the runtime's own `fetch`, if that is known to hand over nothing before all of it is there, as React Native's. */
function isInVain({ fetch, format }: ResponseConnectionParts, { kind }: StartedOperation): boolean {
  const { Response } = globalThis as Partial<typeof globalThis>; // not everything that has `fetch` has it
  const streams = fetch !== undefined || Response === undefined || 'body' in Response.prototype;
  return kind === 'subscription' && format.stream !== undefined && !streams;
}

import { ProtocolViolation } from '../../errors.ts';
import type { ErrorCode } from '../../errors.ts';
import { EventStreamParser } from '../../protocol/sse/event-stream-parser.ts';
import type { IncomingEvent } from '../../protocol/sse/event-stream-parser.ts';
import { isJsonObject } from '../../protocol/json-frame.ts';
import { never } from '../../vocabulary.ts';
import type { FormattedResult } from '../../vocabulary.ts';
import type {
  ClientClock,
  Connection,
  ConnectionListener,
  ConnectionSettings,
  ResultSink,
  StartedOperation,
} from '../transport.ts';
import { TransportError } from '../transport-error.ts';
import type { TransportErrorDetails } from '../transport-error.ts';
import type { ResponseLike, StreamOptions } from './fetch-options.ts';
import { Heartbeats } from './heartbeats.ts';
import { chunksOf, readBeginning, textOf } from './response-body.ts';
import type { BodyReader } from './response-body.ts';
import { shownCharacters, toFailure } from './response-failure.ts';
import { mediaTypeOf } from './response-format.ts';
import { readObject } from './response-text.ts';
import { endingErrors, eventStreamType, isHeartbeat } from './sse-format.ts';
import { SingleOperation } from './sse-single-operation.ts';
import type { SingleStream } from './sse-single-operation.ts';
import { readRefusal } from './sse-single-refusal.ts';
import { SingleProbe } from './sse-single-probe.ts';
import { SingleRequests } from './sse-single-requests.ts';

/** What a connection over one stream is made of. */
export interface SingleConnectionParts extends StreamOptions {
  readonly settings: ConnectionSettings;
  readonly listener: ConnectionListener;
}

/** One line that a header can hold. */
const tokenSyntax = /^[!-~]{1,1000}$/;

/** One reservation: its stream, and the operations whose results that brings. */
export class SingleConnection implements Connection, SingleStream {
  /** By its answer to the request that asks for it. */
  readonly confirmsStarts = true;
  readonly requests: SingleRequests;
  isOpen = false;
  readonly #parts: SingleConnectionParts;
  readonly #parser = new EventStreamParser({ idsOf: 'event' });
  readonly #heartbeats = new Heartbeats();
  readonly #operations = new Map<string, SingleOperation>();
  #lastId = 0;
  #body: BodyReader | undefined;
  #isOver = false;
  #cancelTimer: (() => void) | undefined;
  #probe: SingleProbe | undefined;

  constructor(parts: SingleConnectionParts) {
    this.#parts = parts;
    this.requests = new SingleRequests(parts);
    this.#after(this.#patienceMs, () => {
      this.#lose('CONNECT_TIMEOUT', 'It took too long to connect.');
    });
    void this.#open();
  }

  get #patienceMs(): number {
    return this.#parts.connectTimeoutMs ?? 10_000;
  }

  get clock(): ClientClock {
    return this.#parts.settings.clock;
  }

  start(operation: StartedOperation, sink: ResultSink): () => void {
    const id = String(this.#lastId + 1);
    const started = new SingleOperation({ id, operation, sink, stream: this });
    this.#lastId += 1;
    if (this.#isOver) return () => {};
    this.#operations.set(id, started);
    this.#ask(started);
    return () => started.stop();
  }

  /** What the stream brings meanwhile is an answer, too. */
  probe(): void {
    if (!this.isOpen || this.#isOver || this.#probe?.isPending) return;
    this.#probe = new SingleProbe(this, this.#patienceMs);
  }

  close(): void {
    this.#isOver = true;
    this.#cancelTimer?.();
    this.#probe?.end();
    for (const operation of this.#operations.values()) operation.abandon();
    this.#operations.clear();
    this.requests.abort();
    // a `fetch` that knows no signals leaves that to us; one that does has no more to cancel
    this.#body?.cancel().catch(() => {});
  }

  forget(id: string): void {
    this.#operations.delete(id);
  }

  lose(failure: TransportError): void {
    if (this.#isOver) return;
    this.close();
    this.#parts.listener.closed(failure);
  }

  /** Never rejects. */
  async #open(): Promise<void> {
    try {
      const { requests } = this;
      const reservation = { method: 'PUT', accept: 'text/plain' } as const;
      requests.token = await requests.send(reservation, (response) => this.#readToken(response));
      const opening = requests.send({ method: 'GET', accept: eventStreamType }, (response) =>
        this.#readStream(response),
      );
      for (const operation of this.#operations.values()) this.#ask(operation);
      await opening;
    } catch (cause) {
      if (cause instanceof TransportError) this.lose(cause);
      else if (cause instanceof ProtocolViolation)
        this.lose(new TransportError(cause.code, String(cause), false, { cause }));
      else this.#lose('CONNECTION_LOST', 'The connection was lost.', { cause });
    }
  }

  async #readToken(response: ResponseLike): Promise<string> {
    const { ok, body } = response;
    if (!ok) {
      this.#after(never);
      throw toFailure(response, (await readBeginning(response, shownCharacters, this.clock)) ?? '');
    }
    if (body === undefined) {
      const message = 'The single connection mode needs a `fetch` that streams.';
      throw new TransportError('CLIENT_ERROR', message, false);
    }
    const text = await this.#readText(response);
    const token = text.trim();
    const isText = /^(text\/plain)?$/.test(mediaTypeOf(response));
    if (isText && tokenSyntax.test(token)) return token;
    throw toFailure(response, text);
  }

  /** Rejects if the connection is lost meanwhile: half a token would name nothing. */
  async #readText(response: ResponseLike): Promise<string> {
    this.#body = response.body?.getReader();
    const text = await textOf(response, this.#body, shownCharacters);
    // of what has no end the rest is not wanted
    this.#body?.cancel().catch(() => {});
    return text;
  }

  async #readStream(response: ResponseLike): Promise<void> {
    this.#after(never);
    if (!response.ok || mediaTypeOf(response) !== eventStreamType)
      throw (await readRefusal(response, this.clock)).failure;
    this.#body = response.body?.getReader();
    this.isOpen = true;
    this.#parts.listener.connected();
    for (const operation of this.#operations.values()) {
      this.#ask(operation);
      operation.confirm();
    }
    this.#awaitMore();
    for await (const chunk of chunksOf(response, this.#body)) {
      this.#probe?.end();
      const events = this.#parser.push(chunk);
      if (isHeartbeat(chunk, events)) this.#heartbeats.beat(this.clock.now());
      for (const event of events) this.#apply(event);
      this.#awaitMore();
    }
    this.#lose('CONNECTION_LOST', 'The stream ended.');
  }

  #ask(operation: SingleOperation): void {
    const { isOpen, requests } = this;
    // what is asked for before the stream is open has its results kept
    if (isOpen || (requests.token !== undefined && !operation.mayMutate)) void operation.ask();
  }

  #apply(event: IncomingEvent): void {
    if (this.#isOver || (event.event !== 'next' && event.event !== 'complete')) return;
    const { listener } = this.#parts;
    const message = toMessage(event);
    const operation = this.#operations.get(message?.id ?? '');
    if (!message) {
      listener.violated('An event has to name its operation, and a result to be a JSON object.');
    } else if (!operation) {
      // of one that ended something may still have been on its way
      if (!(Number(message.id) <= this.#lastId)) listener.violated('No operation has this id.');
    } else if (message.result) this.#deliver(operation, message.result, event.lastEventId);
    else operation.complete();
  }

  #deliver(operation: SingleOperation, result: FormattedResult, token: string): void {
    const errors = endingErrors(result);
    if (!errors) return operation.next(result, token);
    this.#lose('CONNECTION_LOST', 'The server reloads.', { payload: errors });
  }

  #awaitMore(): void {
    this.#after(this.#parts.silenceMs ?? this.#heartbeats.silenceMs, () => {
      this.#lose('TERMINATED', 'The server is silent.');
    });
  }

  #after(delayMs: number, then: () => void = () => {}): void {
    this.#cancelTimer?.();
    if (delayMs < never && !this.#isOver) this.#cancelTimer = this.clock.schedule(then, delayMs);
  }

  #lose(code: ErrorCode, message: string, details?: TransportErrorDetails): void {
    const { retryMs } = this.#parser;
    this.lose(
      new TransportError(code, message, true, {
        ...details,
        ...(retryMs !== undefined && { retryAfterMs: retryMs }),
      }),
    );
  }
}

/** What a stream says of one operation: a result, or its end. */
interface SingleMessage {
  readonly id: string;
  readonly result?: FormattedResult;
}

/** `undefined` for what is not as the protocol has it. */
function toMessage({ event, data }: IncomingEvent): SingleMessage | undefined {
  const message = readObject(data);
  const id = message?.['id'];
  if (typeof id !== 'string') return undefined;
  if (event === 'complete') return { id };
  const result = message?.['payload'];
  return isJsonObject(result) ? { id, result } : undefined;
}

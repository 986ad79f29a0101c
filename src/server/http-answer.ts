import type { PreparedOperation } from '../execution/index.ts';
import { distinctFraming, multipartFraming } from '../protocol/index.ts';
import type { ResponseFraming } from '../protocol/index.ts';
import type { FormattedError, FormattedResult } from '../vocabulary.ts';
import type { NotAdmitted } from './admission.ts';
import { refusal } from './admission.ts';
import type { AcceptedFormats, AnswerFormat } from './answer-format.ts';
import { chooseErrorFormat, chooseFormat } from './answer-format.ts';
import type { ServerCore } from './core.ts';
import { answerErrors, answerResult, toStreamResponse } from './http-response.ts';
import type { HttpResponse } from './http-response.ts';
import type { ResultSink } from './operation-run.ts';
import { StreamSession } from './stream-session.ts';

/** What an {@link HttpAnswer} tells to whom. */
export interface HttpAnswerOptions {
  readonly method: 'GET' | 'POST';
  readonly accepted: AcceptedFormats;
  /** Called once, with the whole answer or the beginning of a stream. */
  readonly respond: (response: HttpResponse) => void;
  /** Called when a stream is gone, whoever ended it. */
  readonly onGone: () => void;
}

/** The answer to one operation over HTTP: one result, or a stream of them, as the client accepts and the operation needs. */
export class HttpAnswer implements ResultSink {
  readonly #core: ServerCore;
  readonly #options: HttpAnswerOptions;
  #format: AnswerFormat | undefined;
  /** The one result of an answer that is no stream, until the operation completes. */
  #result: HttpResponse | undefined;
  #stream: { readonly session: StreamSession; readonly framing: ResponseFraming } | undefined;

  constructor(core: ServerCore, options: HttpAnswerOptions) {
    this.#core = core;
    this.#options = options;
  }

  /** Why HTTP cannot carry `prepared` for this client; if it can, how is settled from now on. */
  readonly objectionTo = (prepared: PreparedOperation): NotAdmitted | undefined => {
    if (this.#options.method === 'GET' && prepared.kind === 'mutation') {
      return refusal('METHOD_NOT_ALLOWED', 'use POST for mutations');
    }
    this.#format = chooseFormat(this.#options.accepted, prepared);
    return this.#format ? undefined : refusal('NOT_ACCEPTABLE', this.#whatIsNeeded(prepared));
  };

  /** Ends a stream because the server stops: its client sees that it is not complete. */
  cut(): void {
    this.#stream?.session.cut();
  }

  started(): void {
    this.#streaming();
  }

  next(resultText: string, result: FormattedResult): void {
    if (this.#format?.kind === 'json') {
      this.#result = answerResult(this.#core, this.#format.mediaType, { resultText, result });
      return;
    }
    const stream = this.#streaming();
    stream?.session.write(stream.framing.result(resultText));
  }

  error(errors: readonly FormattedError[]): void {
    const format = this.#format ?? chooseErrorFormat(this.#options.accepted);
    if (this.#stream || format.kind === 'sse') {
      this.#format = format;
      const stream = this.#streaming();
      stream?.session.end(stream.framing.error(errors));
      return;
    }
    // request errors of a subscription are a single result: a multipart stream has not begun
    const { json } = this.#options.accepted;
    const mediaType =
      format.kind === 'json' ? format.mediaType : (json?.mediaType ?? 'application/json');
    this.#options.respond(answerErrors(this.#core, mediaType, errors));
  }

  complete(): void {
    if (this.#result) return this.#options.respond(this.#result);
    const stream = this.#streaming();
    stream?.session.end(stream.framing.complete());
  }

  room(): Promise<void> | undefined {
    return this.#stream?.session.room();
  }

  /** The stream, begun if need be; `undefined` for an answer that is none. */
  #streaming(): { readonly session: StreamSession; readonly framing: ResponseFraming } | undefined {
    if (this.#stream || this.#format === undefined || this.#format.kind === 'json')
      return this.#stream;
    const framing = this.#format.kind === 'sse' ? distinctFraming : multipartFraming;
    const session = new StreamSession(this.#core, {
      opening: framing.opening,
      heartbeat: framing.heartbeat,
      onGone: this.#options.onGone,
    });
    this.#stream = { session, framing };
    this.#options.respond(toStreamResponse(framing.contentType, session));
    return this.#stream;
  }

  #whatIsNeeded({ kind }: PreparedOperation): string {
    const { protocols } = this.#core;
    const streams = [
      ...(protocols.includes('sse') ? [distinctFraming.contentType] : []),
      ...(protocols.includes('multipart') && kind === 'subscription'
        ? ['multipart/mixed;subscriptionSpec=1.0']
        : []),
    ];
    const what = kind === 'subscription' ? 'a subscription' : 'an operation with @defer or @stream';
    const sockets = this.#core.webSocketProtocols;
    const alternatives = [
      ...(streams.length > 0 ? [`Accept: ${streams.join(' or ')}`] : []),
      ...(sockets.length > 0 ? [`WebSocket (${sockets.join(', ')})`] : []),
    ];
    return `${what} is served here by ${alternatives.join(', or by ') || 'nothing'}`;
  }
}

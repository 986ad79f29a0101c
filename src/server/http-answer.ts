import type { PreparedOperation } from '../execution/index.ts';
import { distinctFraming, multipartFraming } from '../protocol/index.ts';
import type { FormattedError } from '../vocabulary.ts';
import type { NotAdmitted } from './admission.ts';
import { limitError, refusal } from './admission.ts';
import type { AcceptedFormats, AnswerFormat } from './answer-format.ts';
import { chooseErrorFormat, chooseFormat, describeOffers } from './answer-format.ts';
import type { Place } from './capacity.ts';
import type { ServerCore } from './core.ts';
import { FramedResults } from './framed-results.ts';
import {
  answerErrors,
  answerResult,
  areAboutOperation,
  nobodyListens,
  refuseWhileClosing,
  toStreamResponse,
} from './http-response.ts';
import type { HttpResponse } from './http-response.ts';
import type { ResultSink } from './operation-run.ts';
import type { ResultText } from './result-text.ts';
import type { SlowConsumerPolicy } from './slow-consumer.ts';
import type { OpenAnswer } from './stream-registry.ts';
import { StreamSession } from './stream-session.ts';

/** What an {@link HttpAnswer} tells to whom. */
export interface HttpAnswerOptions {
  readonly method: 'GET' | 'POST';
  readonly accepted: AcceptedFormats;
  /** Called once, with the whole answer or the beginning of a stream. */
  readonly respond: (response: HttpResponse) => void;
  /** Called once, when nothing more can be answered, whoever ended it. */
  readonly onEnd: () => void;
}

interface ResultStream {
  readonly session: StreamSession;
  readonly results: FramedResults;
}

/** The answer to one operation over HTTP: one result, or a stream of them, as the client accepts and the operation needs. */
export class HttpAnswer implements ResultSink, OpenAnswer {
  readonly #core: ServerCore;
  readonly #options: HttpAnswerOptions;
  #format: AnswerFormat | undefined;
  /** The one result of an answer that is no stream, until the operation completes. */
  #result: HttpResponse | undefined;
  #stream: ResultStream | undefined;
  /** What a stream takes of the connections that the process can hold. */
  #place: Place | undefined;
  #isCut = false;
  #hasEnded = false;

  constructor(core: ServerCore, options: HttpAnswerOptions) {
    this.#core = core;
    this.#options = options;
  }

  /** Why HTTP cannot carry `prepared` for this client; if it can, how is settled from now on. */
  readonly objectionTo = (prepared: PreparedOperation): NotAdmitted | undefined => {
    if (this.#options.method === 'GET' && prepared.kind === 'mutation') {
      return refusal('METHOD_NOT_ALLOWED', 'use POST for mutations');
    }
    const format = chooseFormat(this.#options.accepted, prepared);
    if (!format) {
      const what = prepared.kind === 'subscription' ? 'a subscription' : 'this operation';
      return refusal('NOT_ACCEPTABLE', `${what} ${describeOffers(this.#core, prepared)}`);
    }
    return this.#settle(format);
  };

  /** The client is gone. */
  leave(): void {
    this.#stream?.session.cut();
    this.#answer(nobodyListens);
  }

  cut(): void {
    this.#isCut = true;
    if (this.#stream) this.#stream.session.cut();
    else if (this.#format && this.#format.kind !== 'json') {
      this.#answer(refuseWhileClosing(this.#core));
    }
  }

  admitted(): void {
    // errors can be told on an event stream as well, so it does not wait for the source
    if (this.#format?.kind === 'sse') this.#streaming();
  }

  /** @param policy - of its events, unless that of the server applies */
  started(policy: SlowConsumerPolicy = this.#core.slowConsumer): void {
    const stream = this.#streaming();
    if (stream) stream.results.policy = policy;
  }

  next(result: ResultText): void {
    if (this.#format?.kind === 'json') {
      this.#result = answerResult(this.#core, this.#format.mediaType, {
        resultText: result.text,
        result: result.result,
      });
      return;
    }
    const stream = this.#streaming();
    stream?.session.deliver(stream.results, result);
  }

  error(errors: readonly FormattedError[]): void {
    const { accepted } = this.#options;
    const format = this.#format ?? chooseErrorFormat(accepted);
    if (this.#stream || (format.kind === 'sse' && areAboutOperation(errors))) {
      this.#format = format;
      const stream = this.#streaming();
      this.#finish(stream?.results.framing.error(errors));
      return;
    }
    // request errors of a subscription are a single result: a multipart stream has not begun
    const { mediaType } = format.kind === 'json' ? format : (accepted.json ?? plainJson);
    this.#answer(answerErrors(this.#core, mediaType, errors));
  }

  complete(): void {
    if (this.#result) return this.#answer(this.#result);
    this.#finish(this.#streaming()?.results.framing.complete());
  }

  room(): Promise<void> | undefined {
    return this.#stream?.session.room();
  }

  #settle(format: AnswerFormat): NotAdmitted | undefined {
    if (format.kind !== 'json') {
      if (this.#isCut) return refusal('GOING_AWAY', 'the server is closing');
      const { capacity } = this.#core;
      this.#place = capacity.enter();
      if (!this.#place) {
        const error = limitError('AT_CAPACITY', 'connections', capacity.connections);
        return { kind: 'refused', code: 'AT_CAPACITY', errors: [error] };
      }
    }
    this.#format = format;
    return undefined;
  }

  /** The stream, begun if need be; `undefined` for an answer that is none. */
  #streaming(): ResultStream | undefined {
    if (this.#stream || this.#format === undefined || this.#format.kind === 'json')
      return this.#stream;
    const framing = this.#format.kind === 'sse' ? distinctFraming : multipartFraming;
    const session = new StreamSession(this.#core, {
      opening: framing.opening,
      heartbeat: framing.heartbeat,
      onGone: () => this.#end(),
    });
    this.#stream = { session, results: new FramedResults(framing) };
    this.#options.respond(toStreamResponse(framing.contentType, session));
    return this.#stream;
  }

  #finish(text = ''): void {
    if (!this.#stream) return;
    const { session, results } = this.#stream;
    session.finish(results, text);
    session.end();
  }

  #answer(response: HttpResponse): void {
    if (this.#hasEnded) return;
    this.#options.respond(response);
    this.#end();
  }

  #end(): void {
    if (this.#hasEnded) return;
    this.#hasEnded = true;
    this.#place?.leave();
    this.#options.onEnd();
  }
}

const plainJson = { mediaType: 'application/json' } as const;

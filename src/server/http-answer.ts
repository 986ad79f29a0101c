import type { PreparedOperation } from '../execution/index.ts';
import { multipartFraming } from '../protocol/index.ts';
import type { FormattedError } from '../vocabulary.ts';
import type { NotAdmitted } from './admission.ts';
import { limitError, refusal } from './admission.ts';
import type { AcceptedFormats, AnswerFormat, ResultMediaType } from './answer-format.ts';
import { chooseErrorFormat, chooseFormat, describeOffers } from './answer-format.ts';
import type { Place } from './capacity.ts';
import { FramedResults } from './framed-results.ts';
import type { AbortSignalLike, HttpContext, HttpSession, SessionEnding } from './http-context.ts';
import type { HttpOperation } from './http-request.ts';
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
import { OperationRun } from './operation-run.ts';
import type { PartsFormat } from './parts-delivery.ts';
import type { Counted } from './principals.ts';
import { StreamMark } from './result-text.ts';
import type { ResultText } from './result-text.ts';
import type { ResumeMark } from './resume/resume-subject.ts';
import type { SlowConsumerPolicy } from './slow-consumer.ts';
import { sessionError } from './sessions/session-error.ts';
import type { SessionEnd, SessionHolder } from './sessions/session-lease.ts';
import type { OpenAnswer } from './stream-registry.ts';
import type { StreamEnd, StreamOwner } from './stream-session.ts';
import { StreamSession } from './stream-session.ts';
import { objectionToFiles } from './uploads/objection-to-files.ts';

/** An operation that came over HTTP, and who waits for its answer. */
export interface Question {
  readonly operation: HttpOperation;
  readonly accepted: AcceptedFormats;
  readonly session: HttpSession;
  readonly counted: Counted;
  /** Aborted when the client leaves before its answer has begun. */
  readonly signal: AbortSignalLike | undefined;
  /** Called once, with the whole answer or the beginning of a stream. */
  readonly respond: (response: HttpResponse) => void;
}

/**
 * The answer to one operation over HTTP: one result, or a stream of them, as the client accepts and the operation needs.
 *
 * @remarks
 * Once an adapter carries the stream, nothing is held that was needed to begin it.
 */
export class HttpAnswer
  extends FramedResults
  implements ResultSink, StreamOwner, OpenAnswer, SessionHolder
{
  readonly #context: HttpContext;
  readonly #run: OperationRun;
  readonly #session: SessionEnding;
  readonly #counted: Counted;
  /** Until the answer is there or, if it is a stream, carried by an adapter. */
  #asked: Asked | undefined;
  #stream: StreamSession | undefined;
  /** What a stream takes of the connections that the process can hold. */
  #place: Place | undefined;

  constructor(context: HttpContext, question: Question) {
    super();
    const { session, counted, operation } = question;
    this.#context = context;
    this.#session = session.ending;
    this.#counted = counted;
    this.#asked = new Asked(question, () => this.#leave());
    const objection = (prepared: PreparedOperation) => this.#objectionTo(prepared);
    const work = { session: session.event, request: operation.request, admission: { objection } };
    this.#run = new OperationRun(context.core, work, this);
  }

  start(): void {
    this.#asked?.listen();
    this.#context.streams.add(this);
    this.#asked?.question.session.lease.hold(this);
    void this.#run.start(); // never rejects
  }

  get isBusy(): boolean {
    return this.policy === 'keep';
  }

  cut(): void {
    if (this.#stream) return this.#stream.cut();
    const asked = this.#asked;
    if (!asked) return;
    asked.isCut = true;
    if (asked.format && asked.format.kind !== 'json') {
      this.#answer(refuseWhileClosing(this.#context.core));
    }
  }

  /** A single result that is being made was asked for in time; whoever is revoked does not get that either. */
  endSession(end: SessionEnd): boolean {
    if (end === 'CREDENTIALS_EXPIRED' && this.#asked?.format?.kind === 'json') return false;
    this.#stream?.forget(() => true);
    this.#run.fail([sessionError(end)]);
    return true;
  }

  admitted(): void {
    // errors can be told on an event stream as well, so it does not wait for the source
    if (this.#asked?.format?.kind === 'sse') this.#streaming();
  }

  /** @param policy - of its events, unless that of the server applies */
  started(policy: SlowConsumerPolicy = this.#context.core.slowConsumer): void {
    if (this.#streaming()) this.policy = policy;
  }

  get partsFormat(): PartsFormat {
    const format = this.#asked?.format;
    if (format?.kind === 'parts') return format.format;
    return format?.kind === 'json' ? 'whole' : 'configured';
  }

  get saysPositions(): boolean {
    // an event stream has begun by the time that its source is opened
    return this.#stream !== undefined && this.framing.position !== undefined;
  }

  positioned(mark: ResumeMark | undefined, report: object): void {
    const id = mark?.token;
    const told = Object.keys(report).length > 0 ? JSON.stringify(report) : '';
    if (id === undefined && told === '') return;
    const text = this.framing.position?.(id, told);
    // behind results that wait for room: whoever comes back with it has had those
    if (text !== undefined) this.#stream?.deliver(this, new StreamMark(text));
  }

  next(result: ResultText): void {
    const mediaType = this.#singleTypeFor(result);
    if (!mediaType) return this.#streaming()?.deliver(this, result);
    if (!this.#asked) return;
    this.#asked.result = answerResult(this.#context.core, mediaType, {
      resultText: result.text,
      result: result.result,
    });
  }

  /** Of a result that is the whole answer; so may be one that might have come in parts. */
  #singleTypeFor({ result }: ResultText): ResultMediaType | undefined {
    const asked = this.#asked;
    if (this.#stream || !asked?.format) return undefined;
    if (asked.format.kind === 'json') return asked.format.mediaType;
    const isWhole = asked.format.kind === 'parts' && result.hasNext === undefined;
    return isWhole ? (asked.question.accepted.json ?? plainJson).mediaType : undefined;
  }

  error(errors: readonly FormattedError[]): void {
    if (this.#stream) return this.#fail(this.#stream, errors);
    const asked = this.#asked;
    if (!asked) return;
    const { accepted } = asked.question;
    const format = asked.format ?? chooseErrorFormat(accepted);
    if (format.kind === 'sse' && areAboutOperation(errors)) {
      return this.#fail(this.#begin(asked, format), errors);
    }
    // request errors of a subscription are a single result: a multipart stream has not begun
    const { mediaType } = format.kind === 'json' ? format : (accepted.json ?? plainJson);
    this.#answer(answerErrors(this.#context.core, mediaType, errors));
  }

  complete(): void {
    if (this.#asked?.result) return this.#answer(this.#asked.result);
    const stream = this.#streaming();
    if (stream) this.#finish(stream, this.framing.complete());
  }

  room(): Promise<void> | undefined {
    return this.#stream?.room();
  }

  opened(): void {
    this.#forgetQuestion();
  }

  gone(end: StreamEnd): void {
    this.#end(end === 'left' ? 1006 : 1000);
  }

  /** The client is gone before its answer has begun. */
  #leave(): void {
    const stream = this.#stream;
    if (!stream) this.#asked?.question.respond(nobodyListens);
    this.#end(1006);
    stream?.cut();
  }

  /** Why HTTP cannot carry `prepared` for this client; if it can, how is settled from now on. */
  #objectionTo(prepared: PreparedOperation): NotAdmitted | undefined {
    const asked = this.#asked;
    if (!asked) return undefined;
    const { operation, accepted } = asked.question;
    if (operation.method === 'GET' && prepared.kind === 'mutation') {
      return refusal('METHOD_NOT_ALLOWED', 'use POST for mutations');
    }
    const objection = objectionToFiles(operation, prepared);
    if (objection) return objection;
    const format = chooseFormat(accepted, prepared);
    if (!format) {
      const what = prepared.kind === 'subscription' ? 'a subscription' : 'this operation';
      return refusal('NOT_ACCEPTABLE', `${what} ${describeOffers(this.#context.core, prepared)}`);
    }
    const refused = format.kind === 'json' ? undefined : this.#takePlace(asked);
    if (!refused) asked.format = format;
    return refused;
  }

  #takePlace({ isCut }: Asked): NotAdmitted | undefined {
    if (isCut) return refusal('GOING_AWAY', 'the server is closing');
    const { capacity } = this.#context.core;
    this.#place = capacity.enter();
    if (this.#place) return undefined;
    const error = limitError('AT_CAPACITY', 'connections', capacity.connections);
    return { kind: 'refused', code: 'AT_CAPACITY', errors: [error] };
  }

  /** The stream, begun if need be; `undefined` for an answer that is none. */
  #streaming(): StreamSession | undefined {
    const asked = this.#asked;
    if (this.#stream || !asked?.format || asked.format.kind === 'json') return this.#stream;
    return this.#begin(asked, asked.format);
  }

  #begin({ question }: Asked, format: AnswerFormat): StreamSession {
    if (format.kind === 'multipart') this.framing = multipartFraming;
    else if (format.kind === 'parts') this.framing = format.framing;
    const stream = new StreamSession(this.#context.core, this);
    this.#stream = stream;
    question.respond(toStreamResponse(this.framing.contentType, stream));
    return stream;
  }

  #fail(stream: StreamSession, errors: readonly FormattedError[]): void {
    if (this.framing.failsByCut) stream.cut();
    else this.#finish(stream, this.framing.error(errors));
  }

  #finish(stream: StreamSession, text: string): void {
    stream.finish(this, text);
    stream.end();
  }

  #answer(response: HttpResponse): void {
    this.#asked?.question.respond(response);
    this.#end(1000);
  }

  #end(code: number): void {
    if (!this.#asked && !this.#stream) return;
    this.#forgetQuestion();
    this.#stream = undefined;
    this.#place?.leave();
    this.#context.streams.delete(this);
    this.#run.cancel();
    this.#counted.leave();
    this.#session.end(code);
  }

  #forgetQuestion(): void {
    this.#asked?.forget();
    this.#asked = undefined;
  }
}

const plainJson = { mediaType: 'application/json' } as const;

/** What is needed until the answer has begun. */
class Asked {
  readonly question: Question;
  readonly #onLeft: () => void;
  format: AnswerFormat | undefined;
  /** The one result of an answer that is no stream, until the operation completes. */
  result: HttpResponse | undefined;
  /** The server closes. */
  isCut = false;

  constructor(question: Question, onLeft: () => void) {
    this.question = question;
    this.#onLeft = onLeft;
  }

  /** Hears from now on when the client leaves. */
  listen(): void {
    this.question.signal?.addEventListener('abort', this.#onLeft, { once: true });
  }

  forget(): void {
    this.question.signal?.removeEventListener('abort', this.#onLeft);
  }
}

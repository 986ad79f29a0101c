import type { PreparedOperation } from '../../execution/index.ts';
import type { CallbackEnd } from '../../protocol/index.ts';
import { withoutVerifier } from '../../protocol/index.ts';
import type { FormattedError, OperationRequest } from '../../vocabulary.ts';
import type { NotAdmitted } from '../admission.ts';
import { refusal } from '../admission.ts';
import type { ResultMediaType } from '../answer-format.ts';
import type { Question } from '../http-answer.ts';
import type { HttpContext, SessionEnding } from '../http-context.ts';
import type { HttpOperation } from '../http-request.ts';
import { answerErrors, answerResult, nobodyListens, refuseWhileClosing } from '../http-response.ts';
import type { HttpResponse } from '../http-response.ts';
import type { ResultSink } from '../operation-run.ts';
import { OperationRun } from '../operation-run.ts';
import type { Counted } from '../principals.ts';
import { ResultText } from '../result-text.ts';
import { sessionError } from '../sessions/session-error.ts';
import type { SessionEnd, SessionHolder } from '../sessions/session-lease.ts';
import type { SlowConsumerPolicy } from '../slow-consumer.ts';
import type { OpenAnswer } from '../stream-registry.ts';
import { objectionToFiles } from '../uploads/objection-to-files.ts';
import { CallbackDelivery } from './callback-delivery.ts';
import type { CallbackPlace } from './callbacks.ts';

/**
 * The answer to a request that brought a callback, and the subscription that it began.
 *
 * @remarks
 * The request of a subscription is answered once its subscriber has accepted a check and its source is open; from then on everything goes to the
 * callback. Queries and mutations have no use for one, and are answered as ever.
 */
export class CallbackAnswer implements ResultSink, OpenAnswer, SessionHolder {
  readonly #context: HttpContext;
  readonly #run: OperationRun;
  readonly #session: SessionEnding;
  readonly #counted: Counted;
  /** Until the request is answered. */
  #asked: Question | undefined;
  /** The one result of a query or mutation, until it completes. */
  #result: HttpResponse | undefined;
  #place: CallbackPlace | undefined;
  #delivery: CallbackDelivery | undefined;
  #isSubscription = false;
  #isCut = false;
  /** The credentials of its session have, before it was known what it asks for. */
  #hasExpired = false;
  #hasEnded = false;

  constructor(context: HttpContext, question: Question) {
    const { session, counted, operation } = question;
    const { request } = operation;
    this.#context = context;
    this.#asked = question;
    this.#session = session.ending;
    this.#counted = counted;
    const objection = (prepared: PreparedOperation) => this.#objectionTo(prepared, operation);
    const work = { session: session.event, request: toShown(request), admission: { objection } };
    this.#run = new OperationRun(context.core, work, this);
  }

  start(): void {
    this.#asked?.signal?.addEventListener('abort', this.#leave, { once: true });
    this.#context.streams.add(this);
    this.#asked?.session.lease.hold(this);
    void this.#run.start(); // never rejects
  }

  get isBusy(): boolean {
    return this.#asked !== undefined;
  }

  /** The server closes: a subscription is told, one that has not begun is refused, a single result comes when it is ready. */
  cut(): void {
    this.#isCut = true;
    const delivery = this.#delivery;
    if (!delivery) return;
    if (this.#asked) return this.#answer(refuseWhileClosing(this.#context.core));
    this.#endWith(delivery, goingAway);
  }

  /** A query or mutation was asked for in time; whoever is revoked does not get its result either. */
  endSession(end: SessionEnd): boolean {
    const delivery = this.#delivery;
    if (end === 'CREDENTIALS_EXPIRED' && !this.#isSubscription) {
      this.#hasExpired = true;
      return false;
    }
    if (this.#asked || !delivery) this.#run.fail([sessionError(end)]);
    else this.#endWith(delivery, sessionError(end));
    return true;
  }

  /** @param policy - of its events, unless that of the server applies */
  started(policy: SlowConsumerPolicy = this.#context.core.slowConsumer): void {
    const asked = this.#asked;
    if (!asked || !this.#delivery) return;
    this.#delivery.policy = policy;
    this.#context.streams.delete(this);
    this.#context.callbacks.add(this);
    this.#respond(this.#toAnswer(asked, nothingYet));
  }

  next(result: ResultText): void {
    if (this.#delivery) this.#delivery.deliver(result);
    else if (this.#asked) this.#result = this.#toAnswer(this.#asked, result);
  }

  error(errors: readonly FormattedError[]): void {
    const asked = this.#asked;
    if (!asked) return this.#delivery?.finish(errors);
    const answer = answerErrors(this.#context.core, mediaTypeOf(asked), errors);
    // 2xx would promise results
    const isPromise = this.#isSubscription && answer.status < 400;
    this.#answer(isPromise ? { ...answer, status: 400 } : answer);
  }

  complete(): void {
    if (this.#result) return this.#answer(this.#result);
    this.#delivery?.finish();
  }

  room(): Promise<void> | undefined {
    return this.#delivery?.room();
  }

  #endWith(delivery: CallbackDelivery, error: FormattedError): void {
    this.#run.cancel();
    delivery.finish([error]);
    delivery.hurry();
  }

  /** The client is gone before its answer. */
  readonly #leave = (): void => {
    this.#respond(nobodyListens);
    this.#end(1006);
  };

  #objectionTo(
    prepared: PreparedOperation,
    operation: HttpOperation,
  ): NotAdmitted | undefined | Promise<NotAdmitted | undefined> {
    if (prepared.kind !== 'subscription') return undefined;
    this.#isSubscription = true;
    if (this.#hasExpired) return refusal('CREDENTIALS_EXPIRED', 'Credentials expired');
    const objection = objectionToFiles(operation, prepared);
    if (objection) return objection;
    // its client left, or the server closed, over one of the hooks
    if (this.#isCut || this.#hasEnded) return refusal('GOING_AWAY', 'the server is closing');
    const place = this.#context.callbacks.take(operation.request.extensions);
    if (place.kind === 'refused') return place;
    this.#place = place;
    return this.#check(place);
  }

  async #check({ settings, subscription }: CallbackPlace): Promise<NotAdmitted | undefined> {
    const delivery = new CallbackDelivery(this.#context.core, {
      settings,
      subscription,
      onTooSlow: () => this.#run.cancel(),
      onClosed: (end) => this.#closed(end),
    });
    this.#delivery = delivery;
    const answer = await delivery.check();
    return answer === 'opened' ? undefined : refusal('CALLBACK_CHECK_FAILED', checkFailed);
  }

  #closed(end: CallbackEnd): void {
    // a source may take long to open, and its subscriber leave meanwhile
    if (this.#asked && !this.#hasEnded) {
      return this.#run.fail(refusal('CALLBACK_CHECK_FAILED', checkFailed).errors);
    }
    this.#end(end === 'unreachable' ? 1006 : 1000);
  }

  #toAnswer(asked: Question, { text, result }: ResultText): HttpResponse {
    const answer = { resultText: text, result };
    return answerResult(this.#context.core, mediaTypeOf(asked), answer);
  }

  #answer(response: HttpResponse): void {
    this.#respond(response);
    this.#end(1000);
  }

  #respond(response: HttpResponse): void {
    this.#asked?.signal?.removeEventListener('abort', this.#leave);
    this.#asked?.respond(response);
    this.#asked = undefined;
  }

  #end(code: number): void {
    if (this.#hasEnded) return;
    this.#hasEnded = true;
    this.#run.cancel();
    this.#delivery?.cancel();
    this.#place?.leave();
    this.#context.streams.delete(this);
    this.#context.callbacks.delete(this);
    this.#counted.leave();
    this.#session.end(code);
  }
}

/** The answer to the request of a subscription: what it asked for comes by another way. */
const nothingYet = new ResultText('{"data":null}', { data: null });

const goingAway: FormattedError = { message: 'Going away', extensions: { code: 'GOING_AWAY' } };

/** Not why: that would be a way to look around at whatever may be called. */
const checkFailed = 'the callback has not accepted the check';

function mediaTypeOf({ accepted }: Question): ResultMediaType {
  return accepted.json?.mediaType ?? 'application/json';
}

/** What hooks are shown, without what is none of their business: the verifier, and a wish that nothing here can fulfil. */
function toShown({ extensions, ...request }: OperationRequest): OperationRequest {
  const { resume: _resume, ...others } = withoutVerifier(extensions);
  return { ...request, extensions: others };
}

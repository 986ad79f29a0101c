import type { FormattedError, FormattedResult, OperationRequest } from '../vocabulary.ts';
import type { AdmissionOptions, Admitted } from './admission.ts';
import { admit, toOperationEvent } from './admission.ts';
import type { ServerCore } from './core.ts';
import type { OperationEvent, SessionEvent } from './options.ts';
import { planDelivery } from './parts-delivery.ts';
import type { PartsFormat } from './parts-delivery.ts';
import { noRequest } from './request-head.ts';
import { ResumableSink } from './resume/resumable-sink.ts';
import type { ResumeRequest } from './resume/resume-attempt.ts';
import { gapError, readResumeRequest, toReport } from './resume/resume-attempt.ts';
import type { ResumeMark } from './resume/resume-subject.ts';
import type { ResultText } from './result-text.ts';
import type { Loss, Recipient } from './sharing/recipient.ts';
import type { SlowConsumerPolicy } from './slow-consumer.ts';
import { SubscriptionRun } from './subscription-run.ts';
import { toResultText } from './to-result-text.ts';

/**
 * Where the results of one operation go: its place on a socket, a response stream, a test.
 *
 * @remarks
 * Exactly one of `error` and `complete` is called, once, and nothing after it; neither is called after {@link OperationRun.cancel}.
 */
export interface ResultSink {
  /** Nothing refused the operation, and it is about to be executed; its variables were not read yet. */
  admitted?(): void;
  /**
   * The source of a subscription is open: results follow, and request errors cannot any more.
   *
   * @param policy - of the field; that of the server without it
   */
  started?(policy?: SlowConsumerPolicy): void;
  next(result: ResultText): void;
  /** How its client takes an answer in parts, if it has said so. */
  readonly partsFormat?: PartsFormat;
  /** Whether it says where it stands beside its results: whoever reconnects to it can then resume without having opted in. */
  readonly saysPositions?: boolean;
  /** Everything up to `mark` was read; `report` is what its client has to know about that, if anything. */
  positioned?(mark: ResumeMark | undefined, report: object): void;
  /** Request errors, or the failure of a source; `errors` is never empty. */
  error(errors: readonly FormattedError[]): void;
  complete(): void;
  /** If more would only pile up: a promise that resolves when there is room. */
  room(): Promise<void> | undefined;
}

/** What an {@link OperationRun} runs, and for whom. */
export interface OperationWork {
  readonly session: SessionEvent<object>;
  readonly request: OperationRequest;
  readonly admission?: AdmissionOptions;
  /** See {@link OperationEvent.id}. */
  readonly id?: string | number;
}

/** What has to be stopped when an operation ends. */
export interface Stoppable {
  stop(): void;
}

/**
 * One admitted or refused operation from its request to its last result, whatever carries it.
 *
 * @remarks
 * Owns the promise of its work: whatever a hook, resolver or source does, it ends in the sink or in the server's error reporter. An operation that only
 * waits for the events of its group holds nothing that was needed to start it.
 */
export class OperationRun implements Recipient {
  readonly #core: ServerCore;
  #sink: ResultSink;
  /** The {@link Question}; once no hook will ask for that, only its context. One field, because there are very many of these. */
  #question: unknown;
  #state: OperationState = 'running';

  constructor(core: ServerCore, work: OperationWork, sink: ResultSink) {
    this.#core = core;
    const { id } = work;
    const event = {
      ...toOperationEvent(work.session, work.request),
      ...(id !== undefined && { id }),
    };
    this.#question = new Question(event, work.admission);
    this.#sink = sink;
  }

  /** Of the operation, once it was admitted. */
  get context(): unknown {
    const question = this.#question;
    return question instanceof Question ? question.context : question;
  }

  /** Nothing is delivered any more; what ends it badly may still be on its way through a hook. */
  get hasEnded(): boolean {
    return this.#state === 'ended' || this.#state === 'failing';
  }

  /** Runs the operation; resolves, never rejects, once nothing more will happen for it or the events of its group are all that it waits for. */
  async start(): Promise<void> {
    const question = this.#question;
    if (!(question instanceof Question)) return;
    try {
      const turn = this.#core.newcomers.turn();
      if (turn) await turn;
      if (this.hasEnded) return;
      const admission = await admit(this.#core, question.event, question.admission);
      question.event = admission.event;
      question.admission = undefined;
      if (this.hasEnded) return;
      if (admission.kind === 'refused') return await this.#fail(admission.errors);
      question.context = admission.context;
      this.#sink.admitted?.();
      if (admission.prepared.kind === 'subscription') await this.#subscribe(admission);
      else await this.#runOnce(admission);
    } catch (error) {
      await this.#fail([this.#core.masking.error(error, 'operation')]);
    }
  }

  /** Stops the work; the sink hears nothing any more. Cancelling an operation that has ended does nothing. */
  cancel(): void {
    if (this.#state !== 'ended') this.#end();
  }

  /** What has to be stopped if the operation ends now; the last one counts. */
  stopsWith(work: Stoppable): void {
    if (this.hasEnded) work.stop();
    else this.#state = work;
  }

  /** Its source is open. */
  started(policy?: SlowConsumerPolicy): void {
    this.#sink.started?.(policy);
  }

  /** Nothing is left to be done but to wait for the events of a group. */
  settle(): void {
    const { options } = this.#core;
    if (!options.onError && !options.onComplete) this.#question = this.context;
  }

  get saysPositions(): boolean {
    return this.#sink.saysPositions === true;
  }

  /** Its client asked to be told where it stands, and is from now on. */
  resumes(request: ResumeRequest): void {
    // most operations do not, and shall not carry a word about it
    this.#sink = new ResumableSink(this.#sink, request);
  }

  /** Everything up to `mark` was read; `report` is what a client that asked has to know about that. */
  positioned(mark: ResumeMark | undefined, report: object = {}): void {
    if (!this.hasEnded) this.#sink.positioned?.(mark, report);
  }

  passed(mark: ResumeMark | undefined): void {
    if (mark) this.positioned(mark);
  }

  get hearsOfLosses(): boolean {
    return this.#sink instanceof ResumableSink;
  }

  lost({ mark, errors }: Loss): void {
    const sink = this.#sink;
    if (!mark || !(sink instanceof ResumableSink)) return this.fail(errors);
    if (sink.failsOnGap) return this.fail([gapError('RESUME_GAP')]);
    this.positioned(mark, toReport({ kind: 'gap', code: 'RESUME_GAP' }));
  }

  deliver(result: ResultText): void {
    if (!this.hasEnded) this.#sink.next(result);
  }

  deliverAll(results: readonly ResultText[]): void {
    for (const result of results) this.deliver(result);
  }

  /** Delivers a result of its own, through the hook if there is one: without one it leaves at once. */
  deliverOwn(result: FormattedResult, mark?: ResumeMark): Promise<void> | undefined {
    if (this.#core.options.onNext) return this.#deliverThroughHook(result, mark);
    this.#deliverMarked(result, mark);
    return undefined;
  }

  room(): Promise<void> | undefined {
    return this.#sink.room();
  }

  fail(errors: readonly FormattedError[]): void {
    void this.#fail(errors); // never rejects
  }

  complete(): void {
    if (this.hasEnded) return;
    this.#end();
    this.#sink.complete();
  }

  /** `undefined` once no hook will ask. */
  get #event(): OperationEvent<object> | undefined {
    return this.#question instanceof Question ? this.#question.event : undefined;
  }

  #subscribe(admitted: Admitted): Promise<void> {
    const { request = noRequest, operation } = this.#event ?? {};
    const { variables, extensions } = operation ?? {};
    const resume = readResumeRequest(extensions, this.saysPositions ? request : noRequest);
    return new SubscriptionRun(this.#core, this, { ...admitted, variables, resume }).start();
  }

  async #runOnce({ prepared, context }: Admitted): Promise<void> {
    const controller = new AbortController();
    this.stopsWith({ stop: () => controller.abort() });
    const event = this.#event;
    if (!event) return; // not before it is settled, and this never is
    const { variables } = event.operation;
    const asked = this.#sink.partsFormat;
    const delivery = planDelivery(this.#core.options, prepared, { event, asked });
    const outcome = await this.#core.engine.execute(delivery.prepared, {
      context,
      ...(variables && { variables }),
      signal: controller.signal,
    });
    if (this.hasEnded) return;
    switch (outcome.kind) {
      case 'refused':
        return this.#fail(
          outcome.errors.map((error) => this.#core.masking.error(error, 'variables', outcome.code)),
        );
      case 'result':
        return this.#finish(this.deliverOwn(this.#core.masking.result(outcome.result)));
      case 'parts':
        for await (const part of outcome.parts) {
          if (this.hasEnded) return undefined; // leaving the loop ends the execution
          const payload = delivery.write(this.#core.masking.part(part));
          if (!payload) continue;
          await this.deliverOwn(payload);
          await this.room();
        }
        return this.complete();
    }
  }

  #deliverMarked(result: FormattedResult, mark: ResumeMark | undefined): void {
    const text = toResultText(this.#core, result);
    text.mark = mark;
    this.deliver(text);
  }

  async #deliverThroughHook(result: FormattedResult, mark: ResumeMark | undefined): Promise<void> {
    const event = this.#event;
    const shown = event && (await this.#core.options.onNext?.({ ...event, result }));
    this.#deliverMarked(shown ? withPlaceAmongParts(shown, result) : result, mark);
  }

  async #fail(errors: readonly FormattedError[]): Promise<void> {
    if (this.hasEnded) return;
    this.#stopAs('failing');
    const shown = await this.#replaceErrors(errors);
    if (this.#isCancelled()) return;
    this.#end();
    this.#sink.error(shown);
  }

  async #replaceErrors(errors: readonly FormattedError[]): Promise<readonly FormattedError[]> {
    const event = this.#event;
    if (!event) return errors;
    try {
      const replaced = await this.#core.options.onError?.({ ...event, errors });
      return replaced === undefined || replaced.length === 0 ? errors : replaced;
    } catch (error) {
      return [this.#core.masking.error(error, 'onError')];
    }
  }

  async #finish(delivery: Promise<void> | undefined): Promise<void> {
    if (delivery) await delivery;
    this.complete();
  }

  #stopAs(end: 'failing' | 'ended'): void {
    const state = this.#state;
    this.#state = end;
    if (typeof state === 'object') state.stop();
  }

  /** A method, because the compiler would otherwise believe that the state cannot change during an `await`. */
  #isCancelled(): boolean {
    return this.#state === 'ended';
  }

  #end(): void {
    this.#stopAs('ended');
    if (this.#core.options.onComplete) void this.#notifyCompletion(); // handles its own failure
  }

  async #notifyCompletion(): Promise<void> {
    try {
      const event = this.#event;
      if (event) await this.#core.options.onComplete?.(event);
    } catch (error) {
      this.#core.report(error, 'onComplete');
    }
  }
}

/** Whatever a hook makes of a part, another follows or does not. */
function withPlaceAmongParts(
  shown: FormattedResult,
  { hasNext }: FormattedResult,
): FormattedResult {
  return hasNext === undefined ? shown : { ...shown, hasNext };
}

/** What an operation was asked for, until it is settled. */
class Question {
  event: OperationEvent<object>;
  /** Until it is answered. */
  admission: AdmissionOptions | undefined;
  /** Once it was admitted. */
  context: unknown = undefined;

  constructor(event: OperationEvent<object>, admission: AdmissionOptions | undefined) {
    this.event = event;
    this.admission = admission;
  }
}

/** Running work may have something that has to be stopped. */
type OperationState = 'running' | Stoppable | 'failing' | 'ended';

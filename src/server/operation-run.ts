import type { ExecutionResult } from 'graphql';

import type { StartedSubscription } from '../execution/index.ts';
import type { SourceReader } from '../stream/source.ts';
import type { FormattedError, FormattedResult, OperationRequest } from '../vocabulary.ts';
import type { AdmissionOptions, Admitted } from './admission.ts';
import { admit, toOperationEvent } from './admission.ts';
import type { ServerCore } from './core.ts';
import { eventContextFor } from './event-context.ts';
import type { OperationEvent, SessionEvent } from './options.ts';
import { ResultText } from './result-text.ts';

/**
 * Where the results of one operation go: its place on a socket, a response stream, a test.
 *
 * @remarks
 * Exactly one of `error` and `complete` is called, once, and nothing after it; neither is called after {@link OperationRun.cancel}.
 */
export interface ResultSink {
  /** Nothing refused the operation, and it is about to be executed; its variables were not read yet. */
  admitted?(): void;
  /** The source of a subscription is open: results follow, and request errors cannot any more. */
  started?(): void;
  next(result: ResultText): void;
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
}

/** After so many events in a row the event loop gets a turn, so that a busy source starves nobody. */
const eventsPerTurn = 64;

/**
 * One admitted or refused operation from its request to its last result, whatever carries it.
 *
 * @remarks
 * Owns the promise of its work: whatever a hook, resolver or source does, it ends in the sink or in the server's error reporter.
 */
export class OperationRun {
  readonly #core: ServerCore;
  #event: OperationEvent<object>;
  readonly #sink: ResultSink;
  readonly #admission: AdmissionOptions | undefined;
  #state: 'running' | 'ended' = 'running';
  #cancelWork: (() => void) | undefined;

  constructor(core: ServerCore, work: OperationWork, sink: ResultSink) {
    this.#core = core;
    this.#event = toOperationEvent(work.session, work.request);
    this.#admission = work.admission;
    this.#sink = sink;
  }

  /** Runs the operation; resolves, never rejects, once nothing more will happen for it. */
  async start(): Promise<void> {
    try {
      const admission = await admit(this.#core, this.#event, this.#admission);
      this.#event = admission.event;
      if (this.#hasEnded()) return;
      if (admission.kind === 'refused') return await this.#fail(admission.errors);
      this.#sink.admitted?.();
      if (admission.prepared.kind === 'subscription') await this.#runSubscription(admission);
      else await this.#runOnce(admission);
    } catch (error) {
      await this.#fail([this.#core.masking.error(error, 'operation')]);
    }
  }

  /** Stops the work; the sink hears nothing any more. Cancelling an operation that has ended does nothing. */
  cancel(): void {
    if (this.#hasEnded()) return;
    this.#end();
  }

  async #runOnce({ prepared, context }: Admitted): Promise<void> {
    const controller = new AbortController();
    this.#cancelWork = () => controller.abort();
    const { variables } = this.#event.operation;
    const outcome = await this.#core.engine.execute(prepared, {
      context,
      ...(variables && { variables }),
      signal: controller.signal,
    });
    if (this.#hasEnded()) return;
    switch (outcome.kind) {
      case 'refused':
        return this.#fail(
          outcome.errors.map((error) => this.#core.masking.error(error, 'variables', outcome.code)),
        );
      case 'result':
        return this.#finish(this.#deliver(this.#core.masking.result(outcome.result)));
      case 'parts':
        for await (const part of outcome.parts) {
          if (this.#hasEnded()) return undefined; // leaving the loop ends the execution
          await this.#deliver(this.#core.masking.part(part));
          await this.#sink.room();
        }
        return this.#complete();
    }
  }

  async #runSubscription({ prepared, context }: Admitted): Promise<void> {
    const { variables } = this.#event.operation;
    const controller = new AbortController();
    this.#cancelWork = () => controller.abort();
    const started = await this.#core.engine.subscribe(prepared, {
      context,
      ...(variables && { variables }),
      signal: controller.signal,
    });
    if (started.kind === 'refused') {
      await this.#fail(
        started.errors.map((error) => this.#core.masking.error(error, 'subscribe', started.code)),
      );
      return;
    }
    const { source } = started;
    if (this.#hasEnded()) return source.close();
    this.#cancelWork = () => {
      controller.abort();
      void source.close(); // it never rejects
    };
    this.#sink.started?.();
    try {
      await this.#pump(started, context);
    } finally {
      await source.close();
    }
  }

  async #pump(started: StartedSubscription, context: unknown): Promise<void> {
    const { source } = started;
    for (let events = 1; ; events += 1) {
      const item = await this.#read(source);
      if (this.#hasEnded()) return;
      if (item === undefined) return this.#complete();
      if (item.kind === 'failed') return this.#fail([item.error]);
      const result =
        item.kind === 'event'
          ? await this.#execute(started, item.event, context)
          : started.failEvent(item.error);
      if (this.#hasEnded()) return;
      await this.#deliver(this.#core.masking.result(result));
      if (started.pace === 'pull') await this.#sink.room();
      if (events % eventsPerTurn === 0) await this.#core.clock.turn();
    }
  }

  async #read(source: SourceReader<unknown>) {
    try {
      return await source.read();
    } catch (error) {
      return {
        kind: 'failed',
        error: this.#core.masking.error(error, 'source', 'SOURCE_FAILED'),
      } as const;
    }
  }

  async #execute(
    started: StartedSubscription,
    event: unknown,
    context: unknown,
  ): Promise<ExecutionResult> {
    try {
      return await started.execute(event, await eventContextFor(this.#core, context));
    } catch (error) {
      return started.failEvent(error);
    }
  }

  /** Without a hook the result leaves at once: a query's result and its end go out together. */
  #deliver(result: FormattedResult): Promise<void> | undefined {
    if (this.#core.options.onNext) return this.#deliverThroughHook(result);
    this.#sink.next(this.#toText(result));
    return undefined;
  }

  async #deliverThroughHook(result: FormattedResult): Promise<void> {
    const shown = (await this.#core.options.onNext?.({ ...this.#event, result })) ?? result;
    if (!this.#hasEnded()) this.#sink.next(this.#toText(shown));
  }

  /** A scalar may have serialised to what JSON cannot hold; that concerns this one result. */
  #toText(result: FormattedResult): ResultText {
    try {
      return new ResultText(JSON.stringify(result), result);
    } catch (error) {
      const failure = { data: null, errors: [this.#core.masking.error(error, 'serialisation')] };
      return new ResultText(JSON.stringify(failure), failure);
    }
  }

  async #fail(errors: readonly FormattedError[]): Promise<void> {
    if (this.#hasEnded()) return;
    const shown = await this.#replaceErrors(errors);
    if (this.#hasEnded()) return;
    this.#end();
    this.#sink.error(shown);
  }

  async #replaceErrors(errors: readonly FormattedError[]): Promise<readonly FormattedError[]> {
    try {
      const replaced = await this.#core.options.onError?.({ ...this.#event, errors });
      return replaced === undefined || replaced.length === 0 ? errors : replaced;
    } catch (error) {
      return [this.#core.masking.error(error, 'onError')];
    }
  }

  async #finish(delivery: Promise<void> | undefined): Promise<void> {
    if (delivery) await delivery;
    this.#complete();
  }

  #complete(): void {
    if (this.#hasEnded()) return;
    this.#end();
    this.#sink.complete();
  }

  /** A method, because the compiler would otherwise believe that the state cannot change during an `await`. */
  #hasEnded(): boolean {
    return this.#state === 'ended';
  }

  #end(): void {
    this.#state = 'ended';
    this.#cancelWork?.();
    this.#cancelWork = undefined;
    if (this.#core.options.onComplete) void this.#notifyCompletion(); // handles its own failure
  }

  async #notifyCompletion(): Promise<void> {
    try {
      await this.#core.options.onComplete?.(this.#event);
    } catch (error) {
      this.#core.report(error, 'onComplete');
    }
  }
}

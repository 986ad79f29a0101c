import type { ExecutionResult } from 'graphql';

import type { EventExecutor, StartedSubscription } from '../execution/index.ts';
import type { SourceItem, SourceReader } from '../stream/source.ts';
import type { ServerCore } from './core.ts';
import { eventContextFor } from './event-context.ts';
import type { OperationRun } from './operation-run.ts';
import type { ResumeMark } from './resume/resume-subject.ts';

/** After so many events in a row the event loop gets a turn, so that a busy source starves nobody. */
const eventsPerTurn = 64;

/** Executes events for one operation alone, and delivers what they become. */
export class OwnDelivery {
  readonly #core: ServerCore;
  readonly #run: OperationRun;
  readonly #context: unknown;

  constructor(core: ServerCore, run: OperationRun, context: unknown) {
    this.#core = core;
    this.#run = run;
    this.#context = context;
  }

  /** Delivers everything until the source or the operation ends, and says which. A source that fails ends the operation. */
  async pump(
    source: SourceReader<unknown>,
    executor: EventExecutor,
    pace: StartedSubscription['pace'] = 'live',
  ): Promise<'source' | 'operation'> {
    for (let events = 1; ; events += 1) {
      const item = await this.#read(source);
      if (this.#run.hasEnded || item === 'failed') return 'operation';
      if (item === undefined) return 'source';
      await this.deliver(item, executor);
      if (pace === 'pull' && !this.#run.hasEnded) await this.#run.room();
      if (events % eventsPerTurn === 0) await this.#core.clock.turn();
    }
  }

  async deliver(
    item: SourceItem<unknown>,
    executor: EventExecutor,
    mark?: ResumeMark,
  ): Promise<void> {
    const result =
      item.kind === 'event'
        ? await this.#execute(item.event, executor)
        : executor.failEvent(item.error);
    if (this.#run.hasEnded) return;
    await this.#run.deliverOwn(this.#core.masking.result(result), mark);
  }

  async #read(source: SourceReader<unknown>): Promise<SourceItem<unknown> | undefined | 'failed'> {
    try {
      return await source.read();
    } catch (error) {
      if (!this.#run.hasEnded)
        this.#run.fail([this.#core.masking.error(error, 'source', 'SOURCE_FAILED')]);
      return 'failed';
    }
  }

  async #execute(event: unknown, executor: EventExecutor): Promise<ExecutionResult> {
    try {
      return await executor.execute(event, await eventContextFor(this.#core, this.#context));
    } catch (error) {
      return executor.failEvent(error);
    }
  }
}

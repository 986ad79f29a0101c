import type { ExecutionResult } from 'graphql';

import type { EventExecutor, GuardContext, ResolvedSubscription } from '../../execution/index.ts';
import { createGuardContext } from '../../execution/index.ts';
import type { FormattedError } from '../../vocabulary.ts';
import type { ServerCore } from '../core.ts';
import { eventContextFor } from '../event-context.ts';
import type { ResultText } from '../result-text.ts';
import { toResultText } from '../to-result-text.ts';
import type { Audience } from './share-plan.ts';

/** What one event became for a group. */
export type EventOutcome =
  | SharedOutcome
  /** It would see the context of whoever asked, so it has to be executed for each subscriber. */
  | { readonly kind: 'personal'; readonly value: unknown };

/** The same for all. */
export interface SharedOutcome {
  readonly kind: 'shared';
  readonly result: ResultText;
}

/** What a group's events are executed with, and what is counted of it. */
export interface GroupWork {
  readonly core: ServerCore;
  readonly resolved: ResolvedSubscription;
  readonly audience: Audience;
}

/**
 * Executes the events of one group: once for all, in a context that is nobody's.
 *
 * @remarks
 * A pure plan gets a guard for a context, and what reaches for it is executed for each subscriber instead. Any other plan gets the context of its
 * audience. Events that wait for the filters of single members are executed when those have answered, so several may be under way: whoever reached for
 * the guard, all of these are executed for each subscriber then.
 */
export class GroupExecutor {
  readonly #core: ServerCore;
  /** Whose context it is, where it is not nobody's. */
  readonly #audience: string;
  readonly #guard: GuardContext | undefined;
  readonly #shared: EventExecutor;
  readonly #personal: EventExecutor;
  /** Executions for all that are under way. */
  #running = 0;

  constructor({ core, resolved, audience }: GroupWork) {
    this.#core = core;
    this.#audience = audience.kind === 'named' ? audience.name : '';
    this.#guard = audience.kind === 'everybody' ? createGuardContext() : undefined;
    // both at once, because `resolved` belongs to the subscriber with whom the group begins, and is not kept
    this.#shared = resolved.detach(this.#guard?.fieldResolver);
    this.#personal = this.#guard ? resolved.detach() : this.#shared;
  }

  /** Executes an event for all; never rejects. */
  execute(value: unknown): EventOutcome | Promise<EventOutcome> {
    // whatever it gives depends on the context it is called with
    if (typeof value === 'function') return { kind: 'personal', value };
    this.#core.sharing.counts.executions += 1;
    if (this.#running === 0) this.#guard?.reset();
    try {
      const result = this.#start(value);
      return result instanceof Promise ? this.#finish(result, value) : this.#judge(result, value);
    } catch (error) {
      return { kind: 'shared', result: this.fail(error) };
    }
  }

  /** Executes an event for one subscriber, in a context made from that of its operation; never rejects. */
  executeFor(context: unknown, value: unknown): Promise<ResultText> {
    this.#core.sharing.counts.personalExecutions += 1;
    return this.executeAlone(context, value);
  }

  /** The same for one who is not level with its group, and for whom nothing is remembered; never rejects. */
  async executeAlone(context: unknown, value: unknown): Promise<ResultText> {
    try {
      const eventContext = await eventContextFor(this.#core, context);
      return this.#toText(await this.#personal.execute(value, eventContext));
    } catch (error) {
      return this.fail(error);
    }
  }

  /** The result that says that an event could not be executed. */
  fail(error: unknown): ResultText {
    return this.#toText(this.#shared.failEvent(error));
  }

  /** What members are told when the source has failed. */
  failSource(error: unknown): readonly FormattedError[] {
    return [this.#core.masking.error(error, 'source', 'SOURCE_FAILED')];
  }

  #start(value: unknown): ExecutionResult | Promise<ExecutionResult> {
    if (this.#guard) return this.#shared.execute(value, this.#guard.context);
    const context = this.#audienceContext();
    return context instanceof Promise
      ? context.then((made) => this.#shared.execute(value, made))
      : this.#shared.execute(value, context);
  }

  #audienceContext(): unknown {
    const { audienceContext } = this.#core.options;
    const audience = this.#audience;
    return audienceContext ? audienceContext(audience) : { audience };
  }

  async #finish(pending: Promise<ExecutionResult>, value: unknown): Promise<EventOutcome> {
    this.#running += 1;
    try {
      return this.#judge(await pending, value);
    } catch (error) {
      return { kind: 'shared', result: this.fail(error) };
    } finally {
      this.#running -= 1;
    }
  }

  #judge(result: ExecutionResult, value: unknown): EventOutcome {
    if (this.#guard?.wasTouched === true) return { kind: 'personal', value };
    return { kind: 'shared', result: this.#toText(result) };
  }

  #toText(result: ExecutionResult): ResultText {
    return toResultText(this.#core, this.#core.masking.result(result));
  }
}

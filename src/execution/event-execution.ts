import { defaultFieldResolver } from 'graphql';
import type { ExecutionResult } from 'graphql';

import { abortError, isAborted, isPromiseLike, waitUnlessAborted } from './abort.ts';
import type { BoundSubscription } from './bound-subscription.ts';
import { atRootField, failedRootData } from './root-field.ts';
import type { RootField } from './root-field.ts';
import type { ExecutionInput, StartedSubscription } from './types.ts';

/** What the events of a subscription are executed with. */
export interface EventExecutionOptions {
  readonly root: RootField;
  readonly bound: BoundSubscription;
  readonly input: ExecutionInput;
  /** Whether every event is the value of the field, also an object: those of Millrace's own sources, unless they say otherwise. */
  readonly givesFieldValues: boolean;
}

/**
 * Executes the selection of a subscription for one event after the other.
 *
 * @remarks
 * How an event becomes the root value:
 *
 * - The field has a `resolve` function: the event is the root value, which `resolve` gets as its first argument. An event
 *   that is a function is called with the event's context before, and what it returns or resolves with is the root value.
 * - The field has none, and the event comes from a Millrace source, or is a primitive, a list or a function: the event
 *   is the value of the field, so the root value is `{ [field]: event }`. The default resolver calls a function.
 * - The field has none, and the event is another object, of a foreign stream or a source of root values: the event is the root value, as in
 *   graphql-js, and the default resolver looks for the field in it.
 */
export class EventExecution implements Pick<StartedSubscription, 'execute' | 'failEvent'> {
  readonly #root: RootField;
  readonly #bound: BoundSubscription;
  readonly #input: ExecutionInput;
  readonly #givesFieldValues: boolean;
  readonly #hasResolver: boolean;

  constructor(options: EventExecutionOptions) {
    this.#root = options.root;
    this.#bound = options.bound;
    this.#input = options.input;
    this.#givesFieldValues = options.givesFieldValues;
    const { resolve } = options.root.definition;
    this.#hasResolver = resolve !== undefined && resolve !== defaultFieldResolver;
  }

  execute(event: unknown, eventContext?: unknown): ExecutionResult | Promise<ExecutionResult> {
    const context = eventContext === undefined ? this.#input.context : eventContext;
    try {
      const result = this.#start(event, context);
      return isPromiseLike(result) ? this.#finish(result) : result;
    } catch (error) {
      return this.#fail(error);
    }
  }

  failEvent(error: unknown): ExecutionResult {
    return { errors: [atRootField(this.#root, error)], data: failedRootData(this.#root) };
  }

  #start(event: unknown, context: unknown): ExecutionResult | PromiseLike<ExecutionResult> {
    if (!this.#hasResolver || !isEventFunction(event)) {
      return this.#bound.executeEvent(this.#toRootValue(event), context);
    }
    const value = event(context);
    if (!isPromiseLike(value)) return this.#bound.executeEvent(value, context);
    return value.then((awaited) => this.#bound.executeEvent(awaited, context));
  }

  #toRootValue(event: unknown): unknown {
    if (this.#hasResolver) return event;
    const field = this.#root.definition.name;
    if (isEventFunction(event))
      return { [field]: (_: unknown, context: unknown) => event(context) };
    const isRootValue =
      !this.#givesFieldValues &&
      typeof event === 'object' &&
      event !== null &&
      !Array.isArray(event);
    return isRootValue ? event : { [field]: event };
  }

  async #finish(pending: PromiseLike<ExecutionResult>): Promise<ExecutionResult> {
    try {
      const outcome = await waitUnlessAborted(pending, this.#input.signal);
      return outcome.kind === 'aborted' ? this.failEvent(abortError()) : outcome.value;
    } catch (error) {
      return this.#fail(error);
    }
  }

  #fail(error: unknown): ExecutionResult {
    return this.failEvent(isAborted(this.#input.signal) ? abortError() : error);
  }
}

function isEventFunction(event: unknown): event is (context: unknown) => unknown {
  return typeof event === 'function';
}

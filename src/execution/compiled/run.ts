import { GraphQLError, locatedError } from 'graphql';
import type { ExecutionResult, GraphQLResolveInfo } from 'graphql';

import { ignoreRejections } from './async-items.ts';
import type { Binding } from './binding.ts';
import { ErrorList } from './error-list.ts';
import type { PendingKind } from './pending.ts';
import type { Completer, Container, FieldPlan, Place, SelectionPlan } from './plan.ts';
import { keyOf, keysOf, pathOf } from './response-path.ts';
import type { Semantics } from './semantics.ts';
import { afterTicks } from './ticks.ts';
import { isObjectLike, isPlain, put } from './values.ts';
import { postponed, Waiting } from './waiting.ts';

/** What is executed with. */
export interface RunInput {
  readonly rootValue: unknown;
  readonly context: unknown;
  readonly signal?: AbortSignal | undefined;
}

/** How far fields that are executed one after the other have come. */
interface Series {
  readonly fields: SelectionPlan;
  index: number;
  /** How many of them were awaited. */
  awaited: number;
}

/** One execution of a plan. */
export class Run {
  readonly binding: Binding;
  readonly semantics: Semantics;
  readonly context: unknown;
  /** The containers around what is completed now. */
  readonly objects: Container[] = [];
  /** The indices of the lists around it. */
  readonly indices: number[] = [];
  readonly #input: RunInput;
  #errors: ErrorList | undefined;
  #waiting: Waiting | undefined;
  #series: Series | undefined;
  #data: Container | null = null;
  #isFinished = false;
  #resolve: ((result: ExecutionResult) => void) | undefined;
  #controller: AbortController | undefined;
  #onAbort: (() => void) | undefined;

  constructor(binding: Binding, semantics: Semantics, input: RunInput) {
    this.binding = binding;
    this.semantics = semantics;
    this.context = input.context;
    this.#input = input;
  }

  /** Whether nobody hears what is still awaited. */
  get isOver(): boolean {
    return this.semantics.endsEarly && (this.#isFinished || this.#input.signal?.aborted === true);
  }

  /** Executes all fields of an operation side by side. */
  execute(fields: SelectionPlan): ExecutionResult | Promise<ExecutionResult> {
    const data = this.#begin();
    try {
      this.executeFields(fields, this.#input.rootValue, data);
    } catch (error) {
      if (error !== postponed) this.failRoot(error);
    }
    return this.#conclude();
  }

  /** Writes the fields of `source` into `target`. */
  executeFields(fields: SelectionPlan, source: unknown, target: Container): void {
    const hasProperties = isObjectLike(source);
    for (const field of fields) {
      const { property } = field;
      if (property === undefined || !hasProperties) {
        field.execute(this, source, target);
        continue;
      }
      let value: unknown;
      try {
        value = source[property];
      } catch (error) {
        this.failAt(field.place, error, target);
        continue;
      }
      if (isPlain(field.plain, value)) target[field.responseName] = value;
      else field.take(this, value, source, target);
    }
  }

  /** Executes the fields of an operation one after the other. */
  executeSerially(fields: SelectionPlan): ExecutionResult | Promise<ExecutionResult> {
    this.#begin();
    this.#series = { fields, index: 0, awaited: 0 };
    this.#executeNext(this.#series);
    return this.#conclude();
  }

  /** What a resolver is told about a field. */
  infoOf({ definition, nodes, type, parentType, place }: FieldPlan): GraphQLResolveInfo {
    const { schema, fragments, operation, variableValues } = this.binding.parts;
    const path = pathOf(place, this.indices);
    const { rootValue } = this.#input;
    // graphql 16 has no more
    if (this.semantics.writer === 'serialize') {
      return {
        fieldName: definition.name,
        fieldNodes: nodes,
        returnType: type,
        parentType,
        path,
        schema,
        fragments,
        rootValue,
        operation,
        variableValues,
      } as unknown as GraphQLResolveInfo; // of that version
    }
    // not made of the one above: spreading it takes longer than everything else here
    return {
      fieldName: definition.name,
      fieldNodes: nodes,
      returnType: type,
      parentType,
      path,
      schema,
      fragments,
      rootValue,
      operation,
      variableValues,
      getAbortSignal: () => this.#askAbortSignal(),
      getAsyncHelpers,
    };
  }

  /** Has the value of `place` written when `promise` has settled; `complete` makes it of what that brings. */
  await(
    promise: PromiseLike<unknown>,
    place: Place,
    complete: Completer = place.complete,
    kind: PendingKind = 'value',
  ): void {
    this.#wait().await(promise, place, complete, kind);
  }

  /** Reads an asynchronous list; its items are written as they come. */
  awaitList(
    place: Place,
    items: AsyncIterable<unknown>,
    take: (list: unknown[], item: unknown) => void,
  ): void {
    this.#wait().awaitList(items, place, take);
  }

  /**
   * Treats what went wrong with the value of `place`, in `container`: null is written, or the error goes on.
   *
   * @throws what is wrong with the container then
   */
  failAt(place: Place, thrown: unknown, container: Container): void {
    if (thrown === postponed) return put(container, keyOf(place, this.indices), null);
    const keys = keysOf(place, this.indices);
    const error = locatedError(thrown, place.field.nodes, keys);
    if (place.isNullable) {
      this.record(error, keys);
      return put(container, keyOf(place, this.indices), null);
    }
    const isLate =
      this.semantics.failsLate &&
      place.key !== undefined &&
      this.#waiting?.failLate(place, error, container) === true;
    // oxlint-disable-next-line typescript/only-throw-error -- no error: it is caught by whoever would have caught that
    if (isLate) throw postponed;
    this.leaveContainer(container, place.depth);
    throw error;
  }

  /** Nobody waits for what is in a container that failed. */
  leaveContainer(container: Container, depth: number): void {
    this.#waiting?.kill(container, depth);
  }

  /** Adds an error, unless what it is about has become null already. */
  record(error: GraphQLError, keys: readonly (string | number)[]): void {
    this.#errors ??= new ErrorList();
    this.#errors.add(error, keys);
  }

  /** An error that nothing around it could take: there is no data. */
  failRoot(error: unknown): void {
    if (this.#isFinished) return;
    this.record(error instanceof GraphQLError ? error : locatedError(error, [], []), []);
    this.#data = null;
    this.#series = undefined;
    this.#waiting?.leave();
    this.#finish();
  }

  /** Microtasks between the failure of a field of the operation and that of the operation; `sideBySide` if all fields are executed at once. */
  ticksToRoot(sideBySide: number): number {
    const series = this.#series;
    if (!series) return sideBySide;
    const { fields, index, awaited } = series;
    return fields.length - index + (awaited > 1 ? 2 : 1);
  }

  #begin(): Container {
    const data: Container = {};
    this.#data = data;
    this.objects[0] = data;
    return data;
  }

  #executeNext(series: Series): void {
    const { fields } = series;
    const { rootValue } = this.#input;
    const [data = {}] = this.objects;
    try {
      for (; series.index < fields.length; series.index += 1) {
        fields[series.index]?.execute(this, rootValue, data);
        if (this.#waiting?.isDone === false) {
          series.awaited += 1;
          return;
        }
      }
    } catch (error) {
      // once something was awaited, each field that is left takes a microtask to pass it on
      const ticks = series.awaited > 0 ? fields.length - series.index : 0;
      afterTicks(ticks, () => this.failRoot(error));
      return;
    }
    this.#series = undefined;
    this.#finish();
  }

  #wait(): Waiting {
    this.#waiting ??= new Waiting(this, () => this.#goOn());
    return this.#waiting;
  }

  /** Nothing is awaited any more. */
  #goOn(): void {
    const series = this.#series;
    if (!series) return this.#finish();
    if (!this.#resolve) return; // it is told of that when it looks itself
    series.index += 1;
    this.#executeNext(series);
  }

  #conclude(): ExecutionResult | Promise<ExecutionResult> {
    const isDone = !this.#waiting || this.#waiting.isDone;
    if (this.#isFinished || (isDone && !this.#series)) {
      this.#finish();
      return this.#toResult();
    }
    return new Promise((resolve) => {
      this.#resolve = resolve;
    });
  }

  #toResult(): ExecutionResult {
    const data = this.#data;
    const errors = this.#errors?.errors;
    return errors ? { errors, data } : { data };
  }

  #finish(): void {
    if (this.#isFinished) return;
    this.#isFinished = true;
    if (this.#controller) this.#endController(this.#controller);
    this.#resolve?.(this.#toResult());
  }

  /** Made when somebody asks: most resolvers do not. */
  #askAbortSignal(): AbortSignal {
    if (!this.#controller) {
      const controller = new AbortController();
      this.#controller = controller;
      const { signal } = this.#input;
      if (this.#isFinished || signal?.aborted) controller.abort(signal?.reason);
      else if (signal) {
        this.#onAbort = () => controller.abort(signal.reason);
        signal.addEventListener('abort', this.#onAbort);
      }
    }
    return this.#controller.signal;
  }

  #endController(controller: AbortController): void {
    if (this.#onAbort) this.#input.signal?.removeEventListener('abort', this.#onAbort);
    controller.abort();
  }
}

const getAsyncHelpers: GraphQLResolveInfo['getAsyncHelpers'] = () => ({
  promiseAll: (values) => {
    const all = Promise.all(values);
    all.catch(() => ignoreRejections(values));
    return all;
  },
  track: (values) => ignoreRejections(values),
});

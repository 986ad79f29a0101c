import { GraphQLError, locatedError } from 'graphql';
import type { ExecutionResult, GraphQLResolveInfo } from 'graphql';

import { getAsyncHelpers } from '../async-helpers.ts';
import type { Binding } from './binding.ts';
import { ErrorList } from './error-list.ts';
import type { PendingKind } from './pending.ts';
import type { Completer, Container, FieldPlan, Place, SelectionPlan } from './plan.ts';
import { PlanRoom } from './plan-room.ts';
import { keyOf, keysOf, pathOf } from './response-path.ts';
import type { Selection } from './selection.ts';
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
  /** The containers around what is completed now. It begins with places for the few that most selections have, because growing takes more. */
  readonly objects: (Container | undefined)[] = [undefined, undefined, undefined, undefined];
  /** The indices of the lists around it. */
  readonly indices: number[] = [];
  readonly #input: RunInput;
  #errors: ErrorList | undefined;
  #ownPlans: PlanRoom | undefined;
  #waiting: Waiting | undefined;
  #series: Series | undefined;
  #data: Container | null = null;
  #isExecuting = false;
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

  /** Whether `objects` and `indices` are those of what is executed at this moment: what is awaited has to wait until that is done. */
  get isExecuting(): boolean {
    return this.#isExecuting;
  }

  /** Plans that are kept no longer than this execution. */
  get ownPlans(): PlanRoom {
    this.#ownPlans ??= new PlanRoom();
    return this.#ownPlans;
  }

  /** Whether nobody hears what is still awaited. */
  get isOver(): boolean {
    return this.semantics.endsEarly && (this.#isFinished || this.#input.signal?.aborted === true);
  }

  /** Executes all fields of an operation side by side. Throws what aborted it, where graphql-js does (17). */
  execute(selection: Selection): ExecutionResult | Promise<ExecutionResult> {
    this.#throwIfAborted();
    this.#isExecuting = true;
    try {
      this.#data = selection.complete(this, this.#input.rootValue) as Container; // of an object
    } catch (error) {
      if (error === postponed) this.#data = this.objects[0] ?? null;
      else this.failRoot(error);
    } finally {
      this.#isExecuting = false;
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

  /** Executes the fields of an operation one after the other. Throws as {@link Run.execute} does. */
  executeSerially({ fields }: Selection): ExecutionResult | Promise<ExecutionResult> {
    this.#begin();
    this.#series = { fields, index: 0, awaited: 0 };
    this.#executeNext(this.#series);
    return this.#conclude();
  }

  /** Makes something of what was awaited, or has `complete` write it. */
  resume(complete: Completer, value: unknown): unknown {
    this.#isExecuting = true;
    try {
      return complete(this, value);
    } finally {
      this.#isExecuting = false;
    }
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
    this.leaveContainer(container);
    throw error;
  }

  /** Nobody waits for what is in a container that failed. */
  leaveContainer(container: Container): void {
    this.#waiting?.kill(container);
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
    this.#throwIfAborted();
    const data: Container = {};
    this.#data = data;
    this.objects[0] = data;
    return data;
  }

  #executeNext(series: Series): void {
    const { fields } = series;
    const { rootValue } = this.#input;
    const [data = {}] = this.objects;
    this.#isExecuting = true;
    try {
      for (; series.index < fields.length; series.index += 1) {
        if (this.isOver) throw new Error('Aborted by a field before this one.');
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
    } finally {
      this.#isExecuting = false;
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
    series.index += 1;
    this.#executeNext(series);
  }

  #conclude(): ExecutionResult | Promise<ExecutionResult> {
    const isDone = !this.#waiting || this.#waiting.isDone;
    if (this.#isFinished || (isDone && !this.#series)) {
      this.#finish();
      this.#throwIfAborted();
      return this.#toResult();
    }
    return new Promise((resolve) => {
      this.#resolve = resolve;
    });
  }

  #throwIfAborted(): void {
    if (this.semantics.endsEarly) this.#input.signal?.throwIfAborted();
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

import { GraphQLError, locatedError } from 'graphql';
import type { ExecutionResult, GraphQLResolveInfo } from 'graphql';

import type { Binding } from './binding.ts';
import { hole } from './plan.ts';
import type { Completer, Container, FieldPlan, Place, SelectionPlan } from './plan.ts';
import { keyOf, keysOf, pathOf } from './response-path.ts';
import type { Semantics } from './semantics.ts';
import { put } from './values.ts';

/** What is executed with. */
export interface RunInput {
  readonly rootValue: unknown;
  readonly context: unknown;
  readonly signal?: AbortSignal | undefined;
}

/** The containers and indices around a value, as they were when a promise for it was met. */
interface Surroundings {
  readonly objects: readonly Container[];
  readonly indices: readonly number[];
  /** The promise behind which the innermost of them came to be. */
  readonly within: Pending | undefined;
}

/** What is awaited of a value: itself, or something that has to be known before it can be completed. */
type AwaitedKind = 'value' | 'step';

/** A value that is awaited. */
interface Pending {
  readonly kind: AwaitedKind;
  readonly place: Place;
  readonly around: Surroundings;
  /** Whether the response waits for it: not where something around it became null. */
  isAwaited: boolean;
}

/** An object of which one field has failed, and which waits for the others before it fails. */
interface LateFailure {
  readonly container: Container;
  readonly place: Place;
  readonly pending: Pending;
  readonly error: GraphQLError;
}

/** Thrown in place of an error that comes later: what was to be completed is a hole for now. */
const postponed: unique symbol = Symbol('postponed');

/** One execution of a plan. */
export class Run {
  readonly binding: Binding;
  readonly context: unknown;
  /** The containers around what is completed now. */
  readonly objects: Container[] = [];
  /** The indices of the lists around it. */
  readonly indices: number[] = [];
  readonly #rootValue: unknown;
  readonly #semantics: Semantics;
  readonly #signal: AbortSignal | undefined;
  #around: Surroundings | undefined;
  #within: Pending | undefined;
  #pending: Pending[] = [];
  #awaited = 0;
  #errors: GraphQLError[] | undefined;
  /** Paths of errors: what stands there, and below, is null already. */
  #nulled: Set<string> | undefined;
  /** Containers that are not part of the response any more. */
  #dead: Set<Container> | undefined;
  #late: LateFailure[] | undefined;
  /** Lists that are still being read. */
  #reading: Map<Container, Promise<void>> | undefined;
  #data: Container | null = {};
  #isOver = false;
  #next: (() => void) | undefined;
  #resolve: ((result: ExecutionResult) => void) | undefined;
  #controller: AbortController | undefined;

  constructor(binding: Binding, semantics: Semantics, { rootValue, context, signal }: RunInput) {
    this.binding = binding;
    this.context = context;
    this.#semantics = semantics;
    this.#rootValue = rootValue;
    this.#signal = signal;
  }

  /** Whether nobody waits for what still runs. */
  get isOver(): boolean {
    return this.#isOver || this.#signal?.aborted === true;
  }

  /** Executes all fields of an operation side by side. */
  execute(fields: SelectionPlan): ExecutionResult | Promise<ExecutionResult> {
    const data = this.#begin();
    try {
      for (const field of fields) field.execute(this, this.#rootValue, data);
    } catch (error) {
      this.#failRoot(error);
    }
    return this.#conclude();
  }

  /** Executes the fields of an operation one after the other. */
  executeSerially(fields: SelectionPlan): ExecutionResult | Promise<ExecutionResult> {
    this.#begin();
    this.#executeFrom(fields, 0);
    return this.#conclude();
  }

  /** What a resolver is told about a field. */
  infoOf({ definition, nodes, type, parentType, place }: FieldPlan): GraphQLResolveInfo {
    const { schema, fragments, operation, variableValues } = this.binding.parts;
    return {
      fieldName: definition.name,
      fieldNodes: nodes,
      returnType: type,
      parentType,
      path: pathOf(place, this.indices),
      schema,
      fragments,
      rootValue: this.#rootValue,
      operation,
      variableValues,
      getAbortSignal: this.#getAbortSignal,
      getAsyncHelpers: this.#getAsyncHelpers,
    };
  }

  /** Has the value of `place` written when `promise` has settled; `complete` makes it of what that brings. */
  await(
    promise: PromiseLike<unknown>,
    place: Place,
    complete: Completer = place.complete,
    kind: AwaitedKind = 'value',
  ): void {
    const pending = this.#expect(place, kind);
    // by ours, so that a thenable never calls back at once
    Promise.resolve(promise).then(
      (value) => this.#resume(pending, complete, value),
      (error: unknown) => this.#fail(pending, error),
    );
  }

  /** Reads an asynchronous list; its items are written as they come. */
  awaitList(
    place: Place,
    items: AsyncIterator<unknown>,
    take: (list: unknown[], item: unknown) => void,
    itemDepth: number,
  ): void {
    const pending = this.#expect(place, 'value');
    const list: unknown[] = [];
    const container = list as unknown as Container; // by index
    const reading = this.#read(pending, items, (item) => {
      this.#restore(pending);
      this.objects[itemDepth] = container;
      take(list, item);
    }).then(
      () => {
        this.#write(pending.place, pending.around, list);
        this.#reading?.delete(container);
        this.#settle(pending);
      },
      (error: unknown) => {
        this.#reading?.delete(container);
        this.#fail(pending, error);
      },
    );
    this.#reading ??= new Map();
    this.#reading.set(container, reading);
  }

  /**
   * Treats what went wrong with the value of `place`, in `container`: null is written, or the error goes on.
   *
   * @throws what is wrong with the container then
   */
  failAt(place: Place, thrown: unknown, container: Container): void {
    if (thrown === postponed) return put(container, keyOf(place, this.indices), null);
    const error = this.locate(thrown, place);
    if (place.isNullable) {
      this.#record(error, keysOf(place, this.indices));
      return put(container, keyOf(place, this.indices), null);
    }
    if (
      this.#semantics.failsLate &&
      place.key !== undefined &&
      this.#failLate(place, error, container)
    ) {
      // oxlint-disable-next-line typescript/only-throw-error -- no error: it is caught by whoever would have caught that
      throw postponed;
    }
    this.#kill(container, place.depth);
    throw error;
  }

  locate(thrown: unknown, place: Place): GraphQLError {
    return locatedError(thrown, place.field.nodes, keysOf(place, this.indices));
  }

  #begin(): Container {
    const data: Container = {};
    this.#data = data;
    this.objects[0] = data;
    return data;
  }

  #executeFrom(fields: SelectionPlan, first: number): void {
    const data = this.objects[0];
    try {
      for (let i = first; i < fields.length && data; i += 1) {
        fields[i]?.execute(this, this.#rootValue, data);
        if (this.#awaited > 0) {
          this.#next = () => this.#executeFrom(fields, i + 1);
          return;
        }
      }
    } catch (error) {
      this.#failRoot(error);
    }
    if (this.#awaited === 0) this.#finish();
  }

  #conclude(): ExecutionResult | Promise<ExecutionResult> {
    if (this.#awaited === 0 || this.#isOver) {
      this.#finish();
      return this.#toResult();
    }
    return new Promise((resolve) => {
      this.#resolve = resolve;
    });
  }

  #toResult(): ExecutionResult {
    const data = this.#data as ExecutionResult['data']; // filled with what resolvers gave
    const errors = this.#errors;
    return errors ? { errors, data: data ?? null } : { data: data ?? null };
  }

  #finish(): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#controller?.abort();
    this.#resolve?.(this.#toResult());
  }

  #expect(place: Place, kind: AwaitedKind): Pending {
    const pending: Pending = { kind, place, around: this.#surround(place), isAwaited: true };
    this.#pending.push(pending);
    this.#awaited += 1;
    return pending;
  }

  /** The same for all fields of an object. */
  #surround({ depth, level, key }: Place): Surroundings {
    const known = this.#around;
    const isKnown =
      key !== undefined &&
      known?.objects.length === depth + 1 &&
      known.objects[depth] === this.objects[depth] &&
      known.indices.length === level;
    if (isKnown) return known;
    this.#around = {
      objects: this.objects.slice(0, depth + 1),
      indices: this.indices.slice(0, level),
      within: this.#within,
    };
    return this.#around;
  }

  #restore(pending: Pending): void {
    const { objects, indices } = pending.around;
    for (let i = 0; i < objects.length; i += 1) this.objects[i] = objects[i] as Container; // there are so many
    for (let i = 0; i < indices.length; i += 1) this.indices[i] = indices[i] as number;
    this.#within = pending;
    this.#around = undefined;
  }

  #resume(pending: Pending, complete: Completer, value: unknown): void {
    if (this.isOver) return;
    this.#restore(pending);
    try {
      const completed = complete(this, value);
      if (completed !== hole) this.#write(pending.place, pending.around, completed);
    } catch (error) {
      if (error !== postponed) return this.#fail(pending, error);
    }
    this.#settle(pending);
  }

  #write(place: Place, { objects, indices }: Surroundings, value: unknown): void {
    const container = objects[place.depth];
    if (container) put(container, keyOf(place, indices), value);
  }

  #settle(pending: Pending): void {
    if (!pending.isAwaited) return;
    pending.isAwaited = false;
    this.#awaited -= 1;
    if (this.#late) this.#failLatest();
    if (this.#awaited > 0 || this.#isOver) return;
    const next = this.#next;
    this.#next = undefined;
    if (next) next();
    else this.#finish();
  }

  /** The awaited value failed, or what it became. */
  #fail(pending: Pending, thrown: unknown): void {
    if (this.isOver) return;
    const { place, around, kind } = pending;
    const error = locatedError(thrown, place.field.nodes, keysOf(place, around.indices));
    const { failureTicks } = this.#semantics;
    const own = kind === 'step' ? 1 : failureTicks;
    afterTicks(own + this.#adoptionTicks(around, place).ticks, () =>
      this.#treat(pending, place, error),
    );
  }

  /** Null for a place that may be null; otherwise its container fails, some microtasks later. */
  #treat(pending: Pending, place: Place, error: GraphQLError): void {
    if (this.isOver) return;
    const { around } = pending;
    if (place.isNullable) {
      this.#record(error, keysOf(place, around.indices));
      this.#write(place, around, null);
      return this.#settle(pending);
    }
    const container = around.objects[place.depth];
    if (!container || this.#dead?.has(container)) return this.#settle(pending);
    const late = this.#late?.find((each) => each.container === container);
    if (late) {
      this.#failNow(late);
      return this.#settle(pending);
    }
    const reading = this.#reading?.get(container);
    if (reading) void reading.then(() => this.#treat(pending, place, error));
    else this.#failContainer(pending, place, error);
  }

  /** The container of `place` cannot be. */
  #failContainer(pending: Pending, place: Place, error: GraphQLError): void {
    const container = pending.around.objects[place.depth];
    const { above } = place;
    if (container) this.#kill(container, place.depth, pending);
    const ownTicks = place.key === undefined ? 1 : 2;
    if (!above) {
      afterTicks(ownTicks + 1, () => {
        if (this.isOver) return;
        this.#failRoot(error);
        this.#finish();
      });
      return;
    }
    const { ticks, within } = this.#adoptionTicks(pending.around, above);
    const { objects, indices } = pending.around;
    const outer: Pending = { ...pending, around: { objects, indices, within } };
    pending.isAwaited = false;
    this.#pending.push(outer);
    afterTicks(ownTicks + 1 + ticks, () => this.#treat(outer, above, error));
  }

  /** How long promises that were adopted on the way to `place` hold its failure up, and behind which promise that is. */
  #adoptionTicks(
    { within: first }: Surroundings,
    place: Place,
  ): { readonly ticks: number; readonly within: Pending | undefined } {
    let ticks = 0;
    let within = first;
    while (within?.place === place) {
      ticks += within.kind === 'step' ? 1 : this.#semantics.adoptionTicks;
      ({ within } = within.around);
    }
    return { ticks, within };
  }

  #failRoot(error: unknown): void {
    if (error === postponed) return;
    this.#record(error instanceof GraphQLError ? error : new GraphQLError(String(error)), []);
    this.#data = null;
    this.#awaited = 0;
    this.#next = undefined;
  }

  /** Nobody waits any more for what is in `container`, except for `survivor`. */
  #kill(container: Container, depth: number, survivor?: Pending): void {
    this.#dead ??= new Set();
    this.#dead.add(container);
    for (const pending of this.#pending) {
      if (pending === survivor || !pending.isAwaited) continue;
      if (pending.around.objects[depth] !== container) continue;
      pending.isAwaited = false;
      this.#awaited -= 1;
    }
  }

  /** Whether something in `container` is pending, which then fails when that has settled. */
  #failLate(place: Place, error: GraphQLError, container: Container): boolean {
    if (!this.#isPending(container, place.depth)) return false;
    const pending = this.#expect(place, 'value');
    this.#late ??= [];
    this.#late.push({ container, place, pending, error });
    return true;
  }

  #isPending(container: Container, depth: number, except?: Pending): boolean {
    return this.#pending.some(
      (pending) =>
        pending !== except && pending.isAwaited && pending.around.objects[depth] === container,
    );
  }

  #failLatest(): void {
    for (const late of this.#late ?? []) {
      if (!this.#isPending(late.container, late.place.depth, late.pending)) this.#failNow(late);
    }
  }

  #failNow(late: LateFailure): void {
    this.#late = this.#late?.filter((each) => each !== late);
    afterTicks(1, () => this.#failContainer(late.pending, late.place, late.error));
  }

  /** Adds an error, unless what it is about has become null already. */
  #record(error: GraphQLError, keys: readonly (string | number)[]): void {
    this.#nulled ??= new Set();
    for (let length = keys.length; length >= 0; length -= 1) {
      if (this.#nulled.has(keys.slice(0, length).join('.'))) return;
    }
    this.#nulled.add(keys.join('.'));
    this.#errors ??= [];
    this.#errors.push(error);
  }

  async #read(
    pending: Pending,
    items: AsyncIterator<unknown>,
    take: (item: unknown) => void,
  ): Promise<void> {
    try {
      for (;;) {
        const { done, value } = await this.#readNext(pending, items);
        if (done) return;
        if (this.isOver) break;
        take(value);
      }
    } catch (error) {
      leave(items);
      throw error;
    }
    leave(items);
  }

  async #readNext(
    { place, around }: Pending,
    items: AsyncIterator<unknown>,
  ): Promise<IteratorResult<unknown>> {
    try {
      return await items.next();
    } catch (error) {
      throw locatedError(error, place.field.nodes, keysOf(place, around.indices));
    }
  }

  readonly #getAbortSignal = (): AbortSignal => {
    if (!this.#controller) {
      const controller = new AbortController();
      this.#controller = controller;
      if (this.#isOver) controller.abort();
      this.#signal?.addEventListener('abort', () => controller.abort(this.#signal?.reason), {
        once: true,
      });
    }
    return this.#controller.signal;
  };

  readonly #getAsyncHelpers = (): ReturnType<GraphQLResolveInfo['getAsyncHelpers']> => ({
    promiseAll: (values) => {
      const all = Promise.all(values);
      all.catch(() => ignoreRejections(values));
      return all;
    },
    track: (values) => ignoreRejections(values),
  });
}

function ignoreRejections(values: Iterable<unknown>): void {
  void Promise.allSettled(values);
}

function leave(items: AsyncIterator<unknown>): void {
  try {
    items.return?.().then(undefined, () => {});
  } catch {
    // nobody reads it any more
  }
}

/** At once for none. */
function afterTicks(ticks: number, act: () => void): void {
  if (ticks === 0) act();
  else void Promise.resolve().then(() => afterTicks(ticks - 1, act));
}

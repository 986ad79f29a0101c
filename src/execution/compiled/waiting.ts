import { locatedError } from 'graphql';
import type { GraphQLError } from 'graphql';

import { ignoreRejections, readItems } from './async-items.ts';
import { PendingSet } from './pending.ts';
import type { Pending, PendingKind, Surroundings } from './pending.ts';
import { hole } from './plan.ts';
import type { Completer, Container, Place } from './plan.ts';
import { keyOf, keysOf } from './response-path.ts';
import type { Run } from './run.ts';
import { afterTicks, delayAbove, delayOf } from './ticks.ts';
import type { Delay } from './ticks.ts';
import { isPlain, put } from './values.ts';

/** Thrown in place of an error that comes later: what was to be completed is a hole for now. */
export const postponed: unique symbol = Symbol('postponed');

/** What is wrong with a place, and where it was found. */
interface Failure {
  readonly pending: Pending;
  readonly error: GraphQLError;
}

/** A list that is still being read. */
interface Reading {
  /** Of the items that failed meanwhile the first one in the list; nobody looks before the end. */
  failed: Failure | undefined;
}

/**
 * The part of an execution that waits for promises.
 *
 * @remarks
 * Values that are awaited are holes in the response, which are filled when they come. graphql-js builds promises of objects and lists instead; which of several errors is found first depends on how many microtasks those
 * take, so a failure takes as many here on its way up. Successes need not: nothing can be told from them, but by an object that has failed and waits for its other fields (graphql 16).
 */
export class Waiting {
  readonly #run: Run;
  readonly #pending = new PendingSet();
  readonly #onSettled: () => void;
  #around: Surroundings | undefined;
  #within: Pending | undefined;
  /** Objects of which a field has failed at once, and which wait for the others. */
  readonly #late = new Map<Container, Failure>();
  readonly #readings = new Map<Container, Reading>();

  /** @param onSettled - called whenever nothing is awaited any more */
  constructor(run: Run, onSettled: () => void) {
    this.#run = run;
    this.#onSettled = onSettled;
  }

  get isDone(): boolean {
    return this.#pending.isDone;
  }

  /** Has the value of `place` written when `promise` has settled; `complete` makes it of what that brings. */
  await(promise: PromiseLike<unknown>, place: Place, complete: Completer, kind: PendingKind): void {
    const { semantics } = this.#run;
    let pending: Pending | undefined;
    // those who call back while something else is executed are heard afterwards: no promise does that
    const onValue = (value: unknown): void => {
      if (pending && !this.#run.isExecuting) this.#resume(pending, complete, value);
      else afterTicks(1, () => onValue(value));
    };
    const onError = (error: unknown): void => {
      if (pending && !this.#run.isExecuting) this.#fail(pending, error);
      else afterTicks(1, () => onError(error));
    };
    // graphql 17 awaits values; what else there is it asks itself, and that may call back at once
    const isAsked = kind === 'step' || semantics.asksPromises;
    const ask = (): void => {
      void (isAsked ? promise : Promise.resolve(promise)).then(onValue, onError);
    };
    // a promise that settles by another one asks it a microtask later
    const isAdopted =
      kind === 'leaf' && semantics.adoptionTicks > 0 && this.#within?.place === place;
    if (isAdopted) Promise.resolve().then(ask).catch(onError);
    else ask();
    pending = this.#pending.add(kind, place, this.#surround(place));
  }

  /** Reads an asynchronous list; its items are written as they come. */
  awaitList(
    items: AsyncIterable<unknown>,
    place: Place,
    take: (list: unknown[], item: unknown) => void,
  ): void {
    const pending = this.#pending.add('list', place, this.#surround(place));
    const list: unknown[] = [];
    const container = list as unknown as Container; // by index
    const reading: Reading = { failed: undefined };
    const takeItem: Completer = (_run, item) => take(list, item);
    this.#readings.set(container, reading);
    const taking = {
      isLeft: () => this.#run.isOver,
      locate: (error: unknown) => this.#locate(pending, error),
      take: (item: unknown) => {
        this.#restore(pending);
        this.#run.objects[place.depth + 1] = container;
        this.#run.resume(takeItem, item);
      },
      onEnd: () => {
        this.#readings.delete(container);
        this.#write(pending, list);
        this.#endReading(reading);
        this.#settle(pending);
      },
      onError: (error: unknown) => {
        this.#readings.delete(container);
        this.kill(container);
        this.#fail(pending, error);
      },
    };
    void readItems(items, taking);
  }

  /** Nobody waits any more for what is in a container that failed. */
  kill(container: Container): void {
    this.#pending.kill(container);
  }

  /** Nobody waits for anything. */
  leave(): void {
    this.#pending.leaveAll();
  }

  /** Whether something in the container of `place` is pending, which then fails when that has settled. */
  failLate(place: Place, error: GraphQLError, container: Container): boolean {
    if (!this.#pending.isPending(container, [])) return false;
    const pending = this.#pending.add('moment', place, this.#surround(place));
    this.#late.set(container, { pending, error });
    return true;
  }

  /** The same for all fields of an object. */
  #surround({ depth, level, key }: Place): Surroundings {
    const { objects, indices } = this.#run;
    const known = this.#around;
    const isKnown =
      key !== undefined &&
      known?.objects.length === depth + 1 &&
      known.objects[depth] === objects[depth] &&
      known.within === this.#within;
    if (isKnown) return known;
    this.#around = {
      objects: firstOf(objects, depth + 1),
      indices: firstOf(indices, level),
      within: this.#within,
    };
    return this.#around;
  }

  #restore(pending: Pending): void {
    const { objects, indices } = pending.around;
    const run = this.#run;
    for (let i = 0; i < objects.length; i += 1) run.objects[i] = objects[i] as Container; // there are so many
    for (let i = 0; i < indices.length; i += 1) run.indices[i] = indices[i] as number; // as above
    this.#within = pending;
    this.#around = undefined;
  }

  #resume(pending: Pending, complete: Completer, value: unknown): void {
    if (this.#run.isOver) return ignoreItems(value);
    if (this.#writePlain(pending, value)) return this.#settle(pending);
    this.#restore(pending);
    try {
      const completed = this.#run.resume(complete, value);
      // otherwise something else is awaited in its place
      if (completed === hole) return this.#pending.remove(pending);
      this.#write(pending, completed);
    } catch (error) {
      return error === postponed ? this.#pending.remove(pending) : this.#fail(pending, error);
    }
    this.#settle(pending);
  }

  /** A value that is written as it is concerns nothing around it. */
  #writePlain({ kind, place, around }: Pending, value: unknown): boolean {
    const { key, field, depth } = place;
    if (kind !== 'value' || key === undefined || !isPlain(field.plain, value)) return false;
    const container = around.objects[depth];
    // not by `put`: where all write, nothing is known of whom they write to
    if (container && key !== '__proto__') container[key] = value;
    else if (container) put(container, key, value);
    return true;
  }

  #write({ place, around: { objects, indices } }: Pending, value: unknown): void {
    const container = objects[place.depth];
    if (container) put(container, keyOf(place, indices), value);
  }

  #locate({ place, around }: Pending, error: unknown): GraphQLError {
    return locatedError(error, place.field.nodes, keysOf(place, around.indices));
  }

  /** Its value is there. */
  #settle(pending: Pending): void {
    if (this.#late.size > 0) this.#arriveLater(pending);
    else this.#drop(pending);
  }

  /** When graphql-js would know it. */
  #arriveLater(pending: Pending): void {
    const delay = delayOf(pending, this.#run.semantics);
    this.#moveOn(pending, pending.place, delay, (moved) => this.#arrive(moved));
  }

  /** The value of a place is known: perhaps the last one in its container. */
  #arrive(pending: Pending): void {
    const { place, around } = pending;
    const { above, depth } = place;
    const container = this.#late.size > 0 ? around.objects[depth] : undefined;
    if (!container || this.#pending.isDead(container)) return this.#drop(pending);
    const late = this.#late.get(container);
    const isLast = !this.#pending.isPending(container, [pending, late?.pending]);
    if (isLast && !late && above) {
      const delay = delayAbove(place, around.within, this.#run.semantics);
      return this.#moveOn(pending, above, delay, (moved) => this.#arrive(moved));
    }
    this.#drop(pending);
    if (isLast && late) this.#failNow(container, late);
  }

  /** What was awaited failed, or what it became. */
  #fail(pending: Pending, thrown: unknown): void {
    if (this.#run.isOver) return;
    const error = this.#locate(pending, thrown);
    const delay = delayOf(pending, this.#run.semantics);
    this.#moveOn(pending, pending.place, delay, (moved) => this.#treat({ pending: moved, error }));
  }

  /** Waits for `place` in the place of `pending`. */
  #moveOn(
    pending: Pending,
    place: Place,
    { ticks, within }: Delay,
    act: (moved: Pending) => void,
  ): void {
    const moved = this.#pending.replace(pending, place, within);
    afterTicks(ticks, () => act(moved));
  }

  /** Null for a place that may be null; otherwise its container fails. */
  #treat(failure: Failure): void {
    const run = this.#run;
    if (run.isOver) return;
    const { pending, error } = failure;
    const { place, around } = pending;
    if (place.isNullable) {
      run.record(error, keysOf(place, around.indices));
      this.#write(pending, null);
      return this.#arrive(pending);
    }
    const container = around.objects[place.depth];
    if (!container || this.#pending.isDead(container)) return this.#drop(pending);
    const late = this.#late.get(container);
    if (late) {
      this.#drop(pending);
      return this.#failNow(container, late);
    }
    const reading = this.#readings.get(container);
    if (!reading || place.key !== undefined) this.#failContainer(failure, container);
    else if (!reading.failed || indexOf(failure) < indexOf(reading.failed))
      reading.failed = failure;
  }

  #drop(pending: Pending): void {
    const { isAwaited } = pending;
    this.#pending.remove(pending);
    if (isAwaited && this.#pending.isDone) this.#onSettled();
  }

  #endReading({ failed }: Reading): void {
    const container = failed?.pending.around.objects[failed.pending.place.depth];
    if (failed && container) this.#failContainer(failed, container);
  }

  /** All others have settled: one more handler throws what was wrong at once. */
  #failNow(container: Container, failure: Failure): void {
    this.#late.delete(container);
    this.#failContainer(failure, container, 1);
  }

  /** A container cannot be, so neither can what it is the value of, which graphql-js finds out some microtasks later. */
  #failContainer({ pending, error }: Failure, container: Container, more = 0): void {
    const { place, around } = pending;
    const { above } = place;
    const run = this.#run;
    this.#pending.kill(container, pending);
    const { ticks, within } = delayAbove(place, around.within, run.semantics);
    if (above) {
      const delay = { ticks: ticks + more, within };
      this.#moveOn(pending, above, delay, (moved) => this.#treat({ pending: moved, error }));
      return;
    }
    afterTicks(run.ticksToRoot(ticks) + more, () => run.failRoot(error));
  }
}

/** Of an item. */
function indexOf({ pending: { place, around } }: Failure): number {
  return around.indices[place.level - 1] ?? 0;
}

/** A copy of the first of them: `slice` takes as long as everything else about a promise. */
function firstOf<Item>(items: readonly (Item | undefined)[], count: number): readonly Item[] {
  // so many there are
  switch (count) {
    case 0:
      return [];
    case 1:
      return [items[0] as Item];
    case 2:
      return [items[0] as Item, items[1] as Item];
    case 3:
      return [items[0] as Item, items[1] as Item, items[2] as Item];
    default:
      return items.slice(0, count) as Item[];
  }
}

/** Nobody will look at promises among them. */
function ignoreItems(value: unknown): void {
  if (!Array.isArray(value)) return;
  ignoreRejections(value);
  for (const item of value) ignoreItems(item);
}

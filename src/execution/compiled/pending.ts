import type { Container, Place } from './plan.ts';

/** The containers and indices around a value, as they were when a promise for it was met. */
export interface Surroundings {
  readonly objects: readonly Container[];
  readonly indices: readonly number[];
  /** The promise behind which the innermost of them came to be. */
  readonly within: Pending | undefined;
}

/**
 * What is awaited: the value itself, something that has to be known before it can be completed, the items of a list, or nothing but the moment at which graphql-js would have gone on.
 */
export type PendingKind = 'value' | 'step' | 'list' | 'moment';

/** A value that is awaited. */
export interface Pending {
  readonly kind: PendingKind;
  readonly place: Place;
  readonly around: Surroundings;
  /** Whether the response waits for it: not where something around it became null. */
  isAwaited: boolean;
  /** Where it stands among those that are. */
  slot: number;
}

/** Those that are awaited. */
export class PendingSet {
  readonly #all: Pending[] = [];

  get isEmpty(): boolean {
    return this.#all.length === 0;
  }

  add(kind: PendingKind, place: Place, around: Surroundings): Pending {
    const pending = { kind, place, around, isAwaited: true, slot: this.#all.length };
    this.#all.push(pending);
    return pending;
  }

  remove(pending: Pending): void {
    if (!pending.isAwaited) return;
    pending.isAwaited = false;
    const last = this.#all.pop();
    if (!last || last === pending) return;
    last.slot = pending.slot;
    this.#all[pending.slot] = last;
  }

  /** Removes what is in `container`, but for `survivor`. */
  removeIn(container: Container, depth: number, survivor?: Pending): void {
    for (const pending of this.#all.filter(isIn(container, depth))) {
      if (pending !== survivor) this.remove(pending);
    }
  }

  clear(): void {
    for (const pending of this.#all) pending.isAwaited = false;
    this.#all.length = 0;
  }

  hasIn(container: Container, depth: number, except: readonly unknown[]): boolean {
    const isInside = isIn(container, depth);
    return this.#all.some((pending) => isInside(pending) && !except.includes(pending));
  }
}

function isIn(container: Container, depth: number): (pending: Pending) => boolean {
  return ({ around }) => around.objects[depth] === container;
}

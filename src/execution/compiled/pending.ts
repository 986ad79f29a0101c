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
  /** Where it stands among those that have not settled. */
  slot: number;
}

/** Those that have not settled. */
export class PendingSet {
  readonly #all: Pending[] = [];
  #awaited = 0;

  /** Whether the response waits for none of them. */
  get isDone(): boolean {
    return this.#awaited === 0;
  }

  add({ kind, place, around, isAwaited }: Omit<Pending, 'slot'>): Pending {
    const pending = { kind, place, around, isAwaited, slot: this.#all.length };
    this.#all.push(pending);
    if (isAwaited) this.#awaited += 1;
    return pending;
  }

  remove(pending: Pending): void {
    this.leave(pending);
    if (this.#all[pending.slot] !== pending) return;
    const last = this.#all.pop();
    if (!last || last === pending) return;
    last.slot = pending.slot;
    this.#all[pending.slot] = last;
  }

  /** The response does not wait for it any more. */
  leave(pending: Pending): void {
    if (!pending.isAwaited) return;
    pending.isAwaited = false;
    this.#awaited -= 1;
  }

  leaveAll(): void {
    for (const pending of this.#all) this.leave(pending);
  }

  /** Those in `container`. */
  in(container: Container, depth: number): readonly Pending[] {
    return this.#all.filter(({ around }) => around.objects[depth] === container);
  }
}

import type { Container, Place } from './plan.ts';

/** The containers and indices around a value, as they were when a promise for it was met. */
export interface Surroundings {
  readonly objects: readonly Container[];
  readonly indices: readonly number[];
  /** The promise behind which the innermost of them came to be. */
  readonly within: Pending | undefined;
}

/**
 * What is awaited: the value itself, something that has to be known before it can be completed, what a leaf type writes, the items of a list, or nothing but the moment at which graphql-js would have gone on.
 */
export type PendingKind = 'value' | 'step' | 'leaf' | 'list' | 'moment';

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

/**
 * Those that have not settled, and the containers that nobody waits for any more.
 *
 * @remarks
 * Most executions never ask what is in a container. The first question has it written down; then each value is looked at once per container around it, however many containers fail.
 */
export class PendingSet {
  readonly #all: Pending[] = [];
  /** Containers that are not part of the response any more. */
  readonly #dead = new Set<Container>();
  /** What each container waits for: not for what is in a dead one inside of it. */
  #inside: Map<Container, Set<Pending>> | undefined;
  #awaited = 0;

  /** Whether the response waits for none of them. */
  get isDone(): boolean {
    return this.#awaited === 0;
  }

  /** Adds a value that was met in `around`; nobody waits for it if one of those containers is dead. */
  add(kind: PendingKind, place: Place, around: Surroundings): Pending {
    const isInVain = this.#dead.size > 0 && around.objects.some((object) => this.#dead.has(object));
    return this.#add({ kind, place, around, isAwaited: !isInVain, slot: this.#all.length });
  }

  /** Puts the moment at which `place` is known in the place of `pending`, behind `within`. */
  replace(pending: Pending, place: Place, within: Pending | undefined): Pending {
    const { isAwaited } = pending;
    const { objects, indices } = pending.around;
    const around = { objects: objects.slice(0, place.depth + 1), indices, within };
    this.remove(pending);
    return this.#add({ kind: 'moment', place, around, isAwaited, slot: this.#all.length });
  }

  remove(pending: Pending): void {
    this.#leave(pending);
    if (this.#all[pending.slot] !== pending) return;
    const last = this.#all.pop();
    if (last && last !== pending) {
      last.slot = pending.slot;
      this.#all[pending.slot] = last;
    }
    if (!this.#inside) return;
    for (const object of pending.around.objects) this.#inside.get(object)?.delete(pending);
  }

  isDead(container: Container): boolean {
    return this.#dead.has(container);
  }

  /** Nobody waits any more for what is in `container`, but for `survivor`. */
  kill(container: Container, survivor?: Pending): void {
    if (this.#dead.has(container)) return;
    const inside = this.#index();
    const left = inside.get(container) ?? [];
    this.#dead.add(container);
    inside.delete(container);
    for (const pending of left) {
      if (pending === survivor) continue;
      this.#leave(pending);
      // so that what is around it need not look at it again
      for (const object of pending.around.objects) inside.get(object)?.delete(pending);
    }
  }

  /** Whether `container` waits for others than `except`. */
  isPending(container: Container, except: readonly unknown[]): boolean {
    for (const pending of this.#index().get(container) ?? []) {
      if (!except.includes(pending)) return true;
    }
    return false;
  }

  leaveAll(): void {
    for (const pending of this.#all) this.#leave(pending);
  }

  #add(pending: Pending): Pending {
    this.#all.push(pending);
    if (pending.isAwaited) this.#awaited += 1;
    if (this.#inside) this.#enter(pending, this.#inside);
    return pending;
  }

  /** The response does not wait for it any more. */
  #leave(pending: Pending): void {
    if (!pending.isAwaited) return;
    pending.isAwaited = false;
    this.#awaited -= 1;
  }

  #index(): Map<Container, Set<Pending>> {
    if (!this.#inside) {
      this.#inside = new Map();
      for (const pending of this.#all) this.#enter(pending, this.#inside);
    }
    return this.#inside;
  }

  #enter(pending: Pending, inside: Map<Container, Set<Pending>>): void {
    const { objects } = pending.around;
    for (let i = objects.length - 1; i >= 0; i -= 1) {
      const object = objects[i] as Container; // there are so many
      if (this.#dead.has(object)) return;
      const known = inside.get(object);
      if (known) known.add(pending);
      else inside.set(object, new Set([pending]));
    }
  }
}

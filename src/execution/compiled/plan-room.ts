import type { Selection } from './selection.ts';

/** Plans of fields that an engine keeps over all of its operations, or one execution for itself: some 130 MB. */
const mostFields = 100_000;

/** Stands for an operation with one set of the values that its directives look at, and one field resolver, or for objects in one place of it. */
export type PlanOwner = WeakKey;

/**
 * Keeps the plans of an engine, or for one execution those that its operation has beyond its share.
 *
 * @remarks
 * A short document may ask for thousands of fields, so the bound of kept documents is none of plans. When there are too many all of them go, and what
 * is executed again is compiled again.
 */
export class PlanRoom {
  readonly #mostFields: number;
  #plans = new WeakMap<PlanOwner, Selection>();
  #fields = 0;

  constructor(most = mostFields) {
    this.#mostFields = most;
  }

  get(owner: PlanOwner): Selection | undefined {
    return this.#plans.get(owner);
  }

  set(owner: PlanOwner, plan: Selection): void {
    this.#plans.set(owner, plan);
  }

  /** So many more fields belong to plans that are kept. */
  grow(fields: number): void {
    this.#fields += fields;
    if (this.#fields <= this.#mostFields) return;
    this.#plans = new WeakMap();
    this.#fields = 0;
  }
}

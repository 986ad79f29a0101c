import type { GroupPlan } from './share-plan.ts';
import { isSamePlan } from './share-plan.ts';

/** What belongs to plans, at most one for each. */
export class PlanMap<Value> {
  readonly #planOf: (value: Value) => GroupPlan;
  /** By the key of their plans, which is the same for few. */
  readonly #values = new Map<string, readonly Value[]>();

  constructor(planOf: (value: Value) => GroupPlan) {
    this.#planOf = planOf;
  }

  find(plan: GroupPlan): Value | undefined {
    return this.#values.get(plan.key)?.find((value) => isSamePlan(this.#planOf(value), plan));
  }

  add(value: Value): void {
    const { key } = this.#planOf(value);
    this.#values.set(key, [...(this.#values.get(key) ?? []), value]);
  }

  remove(value: Value): void {
    const { key } = this.#planOf(value);
    const left = this.#values.get(key)?.filter((other) => other !== value) ?? [];
    if (left.length === 0) this.#values.delete(key);
    else this.#values.set(key, left);
  }

  *values(): IterableIterator<Value> {
    for (const values of this.#values.values()) yield* values;
  }
}

import { planAt } from './defer-plan.ts';
import type { DeferPlan, Selection } from './defer-plan.ts';
import type { ResponsePath } from './payloads.ts';

type Fields = Record<string, unknown>;

/**
 * What was delivered of the fields that deferred fragments select, whichever part brought it.
 *
 * @remarks
 * Nothing else is kept: a list that is streamed without an end costs nothing unless its items have deferred fragments.
 */
export class DeliveredFields {
  readonly #plan: DeferPlan;
  #root: unknown = undefined;

  constructor(plan: DeferPlan) {
    this.#plan = plan;
  }

  start(data: unknown): void {
    this.#root = keep(data, this.#plan);
  }

  /** Fields of the object at `path`. */
  merge(path: ResponsePath, data: unknown): void {
    const plan = planAt(this.#plan, path);
    const object = this.#at(path);
    if (plan && isFields(object) && isFields(data)) mergeFields(object, data, plan);
  }

  /** Items for the end of the list at `path`. */
  append(path: ResponsePath, items: readonly unknown[]): void {
    const plan = planAt(this.#plan, path);
    const list = this.#at(path);
    if (!plan || !Array.isArray(list)) return;
    for (const item of items) list.push(keep(item, plan));
  }

  /** All that was delivered of the fragments at `path` that have `label`. */
  select(path: ResponsePath, label: string | undefined): Fields {
    const selected = createFields();
    const fragments = planAt(this.#plan, path)?.fragments ?? [];
    for (const fragment of fragments) {
      if (fragment.label === label) selectInto(selected, this.#at(path), fragment.selection);
    }
    return selected;
  }

  #at(path: ResponsePath): unknown {
    let at = this.#root;
    for (const step of path) {
      // the objects have no prototype, so that a name finds what was delivered and nothing else
      at = isFields(at) || Array.isArray(at) ? (at as Fields)[step] : undefined;
    }
    return at;
  }
}

function createFields(): Fields {
  return Object.create(null) as Fields; // an object without members is one of any
}

/** A leaf is kept as it is: custom scalars may be objects. */
function keep(value: unknown, plan: DeferPlan): unknown {
  if (Array.isArray(value)) return value.map((item) => keep(item, plan));
  if (plan.below.size === 0 || !isFields(value)) return value;
  const kept = createFields();
  mergeFields(kept, value, plan);
  return kept;
}

function mergeFields(target: Fields, data: Fields, plan: DeferPlan): void {
  for (const [name, value] of Object.entries(data)) {
    const below = plan.below.get(name);
    if (below) target[name] = mergeValue(target[name], value, below);
  }
}

function mergeValue(known: unknown, value: unknown, plan: DeferPlan): unknown {
  if (plan.below.size > 0 && isFields(known) && isFields(value)) {
    mergeFields(known, value, plan);
    return known;
  }
  if (!Array.isArray(known) || !Array.isArray(value)) return keep(value, plan);
  value.forEach((item, index) => {
    known[index] = mergeValue(known[index], item, plan);
  });
  return known;
}

function selectInto(target: Fields, value: unknown, selection: Selection): void {
  if (!isFields(value)) return;
  for (const [name, below] of selection) {
    if (name in value) target[name] = selectValue(target[name], value[name], below);
  }
}

function selectValue(known: unknown, value: unknown, selection: Selection | 'leaf'): unknown {
  if (Array.isArray(value)) {
    const items: readonly unknown[] = Array.isArray(known) ? known : [];
    return value.map((item, index) => selectValue(items[index], item, selection));
  }
  if (selection === 'leaf' || !isFields(value)) return value;
  const selected = isFields(known) ? known : createFields();
  selectInto(selected, value, selection);
  return selected;
}

function isFields(value: unknown): value is Fields {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

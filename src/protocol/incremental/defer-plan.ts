import type { ResponsePath } from './payloads.ts';

/**
 * What a document says of its deferred fragments, for one place of the response; indices of lists count for nothing.
 *
 * @remarks
 * Places at which nothing is deferred, nor anywhere below, and that no deferred fragment selects, are left out.
 */
export interface DeferPlan {
  /** By response name. */
  readonly below: ReadonlyMap<string, DeferPlan>;
  /** Those that begin here. */
  readonly fragments: readonly DeferredFragment[];
}

export interface DeferredFragment {
  readonly label: string | undefined;
  readonly selection: Selection;
}

/** What is selected, by response name; `leaf` for a field without a selection. */
export interface Selection extends ReadonlyMap<string, Selection | 'leaf'> {}

/** The plan for the place of `path`. */
export function planAt(plan: DeferPlan, path: ResponsePath): DeferPlan | undefined {
  let at: DeferPlan | undefined = plan;
  for (const step of path) {
    if (typeof step === 'string') at = at?.below.get(step);
  }
  return at;
}

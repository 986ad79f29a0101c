import type { SourceStep } from '../../broker/source-steps.ts';
import { applyStep, isThenable } from '../../broker/source-steps.ts';
import type { MappedValue, SharedEvent, SharedMap } from './shared-event.ts';

/** A filter of one subscriber, and how many of the shared maps come before it. */
export interface MemberFilter {
  readonly afterMaps: number;
  readonly step: Extract<SourceStep, { readonly kind: 'filter' }>;
}

/** Whether a subscriber gets an event. */
export type Verdict =
  | { readonly kind: 'passed' | 'dropped' }
  /** A filter threw, which fails this event for this subscriber. */
  | { readonly kind: 'failed'; readonly error: unknown };

const passed: Verdict = { kind: 'passed' };
const dropped: Verdict = { kind: 'dropped' };

/** The maps that subscribers to one source share, in order. */
export function mapsOf(steps: readonly SourceStep[]): readonly SharedMap[] {
  return steps.filter((step) => step.kind === 'map');
}

/** The filters that are one subscriber's own, in order. */
export function filtersOf(steps: readonly SourceStep[]): readonly MemberFilter[] {
  const filters: MemberFilter[] = [];
  let afterMaps = 0;
  for (const step of steps) {
    if (step.kind === 'map') afterMaps += 1;
    if (step.kind === 'filter') filters.push({ afterMaps, step });
  }
  return filters.length === 0 ? noFilters : filters;
}

/** One for all who have none. */
const noFilters: readonly MemberFilter[] = [];

/** Sends an event through the filters of one subscriber, from the one at `start` on; a promise only if a filter or map gives one. Never rejects. */
export function judge(
  filters: readonly MemberFilter[],
  event: SharedEvent,
  start = 0,
): Verdict | Promise<Verdict> {
  for (let i = start; i < filters.length; i++) {
    const filter = filters[i];
    if (filter === undefined) break;
    const verdict = ask(filter, event);
    if (verdict instanceof Promise) {
      return verdict.then((settled) =>
        settled.kind === 'passed' ? judge(filters, event, i + 1) : settled,
      );
    }
    if (verdict.kind !== 'passed') return verdict;
  }
  return passed;
}

function ask(filter: MemberFilter, event: SharedEvent): Verdict | Promise<Verdict> {
  const value = event.valueAfter(filter.afterMaps);
  return value instanceof Promise
    ? value.then((settled) => askAbout(filter, settled))
    : askAbout(filter, value);
}

function askAbout({ step }: MemberFilter, value: MappedValue): Verdict | Promise<Verdict> {
  // the event fails for everybody who gets as far as the map: its outcome says so once for all
  if (value.kind === 'failed') return passed;
  try {
    const answer = applyStep(step, value.value);
    if (isThenable(answer)) return settle(answer);
    return answer ? passed : dropped;
  } catch (error) {
    return { kind: 'failed', error };
  }
}

async function settle(answer: PromiseLike<unknown>): Promise<Verdict> {
  try {
    return (await answer) ? passed : dropped;
  } catch (error) {
    return { kind: 'failed', error };
  }
}

import type { Pending } from './pending.ts';
import type { Place } from './plan.ts';
import type { Semantics } from './semantics.ts';

/** Microtasks, and the promise behind which comes what follows them. */
export interface Delay {
  readonly ticks: number;
  readonly within: Pending | undefined;
}

/** Between the settlement of what was awaited and the moment at which graphql-js knows the value of its place, or what is wrong with it. */
export function delayOf({ kind, around, place }: Pending, semantics: Semantics): Delay {
  const own = kind === 'value' ? semantics.valueTicks : ownTicks[kind];
  const { ticks, within } = adoptions(around.within, place, semantics);
  return { ticks: own + ticks, within };
}

const ownTicks = { step: 1, list: 1, leaf: 0, moment: 0 } as const;

/** Between the settlement of the last value in a container, or its first failure, and the same for the place above. */
export function delayAbove(place: Place, within: Pending | undefined, semantics: Semantics): Delay {
  const { above } = place;
  // `Promise.all`, and for an object one more to give the values their names; then a handler
  const own = place.key === undefined ? 2 : 3;
  if (!above) return { ticks: own, within };
  const adopted = adoptions(within, above, semantics);
  return { ticks: own + adopted.ticks, within: adopted.within };
}

/** A promise that is the answer to another one settles later: for each on the way to `place`. */
function adoptions(first: Pending | undefined, place: Place, semantics: Semantics): Delay {
  let ticks = 0;
  let within = first;
  while (within?.place === place) {
    ticks += within.kind === 'value' ? semantics.adoptionTicks : 1;
    ({ within } = within.around);
  }
  return { ticks, within };
}

/** At once for none. */
export function afterTicks(ticks: number, act: () => void): void {
  if (ticks === 0) act();
  else void Promise.resolve().then(() => afterTicks(ticks - 1, act));
}

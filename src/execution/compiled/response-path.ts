import type { GraphQLResolveInfo } from 'graphql';

import type { Place } from './plan.ts';

type Path = GraphQLResolveInfo['path'];

/** The keys from the root of the response to a place, with the indices that the lists around it have now. */
export function keysOf(place: Place, indices: readonly number[]): (string | number)[] {
  const keys: (string | number)[] = [];
  for (let at: Place | undefined = place; at; at = at.above) keys.push(keyOf(at, indices));
  return keys.toReversed();
}

/** The same as resolvers get it. */
export function pathOf(place: Place, indices: readonly number[]): Path {
  const { above, key, field } = place;
  return {
    prev: above && pathOf(above, indices),
    key: keyOf(place, indices),
    typename: key === undefined ? undefined : field.parentType.name,
  };
}

/** The name, or the index, of the value at a place in its container. */
export function keyOf({ key, level }: Place, indices: readonly number[]): string | number {
  return key ?? indices[level - 1] ?? 0;
}

import { GraphQLError } from 'graphql';

import { hole } from './plan.ts';
import type { Completer, Container, Place } from './plan.ts';
import type { Run } from './run.ts';
import type { Semantics } from './semantics.ts';
import { isAsyncIterable, isIterable, isOrdinaryArray, isThenable } from './values.ts';

/** Makes a list of the response of what can be iterated over; `item` is the place of its items. */
export function compileReading(place: Place, item: Place, semantics: Semantics): Completer {
  const { field } = place;
  const { depth } = item;
  const take = (run: Run, list: unknown[], value: unknown): void =>
    takeItem(run, item, list, value);
  const message = `Expected Iterable, but did not find one for field "${field.parentType.name}.${field.definition.name}".`;
  return (run, value) => {
    if (semantics.hasAsyncLists && isAsyncIterable(value)) {
      run.awaitList(place, value, (list, each) => take(run, list, each));
      return hole;
    }
    if (!isIterable(value)) throw new GraphQLError(message);
    const list: unknown[] = [];
    run.objects[depth] = list as unknown as Container; // by index
    try {
      if (isOrdinaryArray(value)) {
        // as its iterator does: it may grow
        for (let i = 0; i < value.length; i += 1) takeItem(run, item, list, value[i]);
      } else if (semantics.drainsFailedLists) readToItsEnd(value, (each) => take(run, list, each));
      else for (const each of value) take(run, list, each);
    } catch (error) {
      run.leaveContainer(list as unknown as Container); // by index
      throw error;
    }
    return list;
  };
}

function takeItem(run: Run, item: Place, list: unknown[], value: unknown): void {
  const index = list.length;
  run.indices[item.level - 1] = index;
  try {
    if (isThenable(value)) {
      list.push(null);
      run.await(value, item);
      return;
    }
    const completed = item.complete(run, value);
    list[index] = completed === hole ? null : completed;
  } catch (error) {
    run.failAt(item, error, list as unknown as Container); // by index
  }
}

/** Whatever `take` throws: promises among the rest shall not be rejected unheard. */
function readToItsEnd(values: Iterable<unknown>, take: (value: unknown) => void): void {
  const iterator = values[Symbol.iterator]();
  let isLeft = false;
  try {
    for (let step = iterator.next(); !step.done; step = iterator.next()) take(step.value);
  } catch (error) {
    isLeft = true;
    throw error;
  } finally {
    if (isLeft) ignoreRest(iterator);
  }
}

function ignoreRest(iterator: Iterator<unknown>): void {
  try {
    for (let step = iterator.next(); !step.done; step = iterator.next()) {
      if (isThenable(step.value)) step.value.then(undefined, () => {});
    }
  } catch {
    // nobody reads it any more
  }
}

import type { GraphQLError } from 'graphql';

/** Who reads an asynchronous list. */
export interface ItemTaker {
  isLeft(): boolean;
  locate(error: unknown): GraphQLError;
  take(item: unknown): void;
  onEnd(): void;
  onError(error: unknown): void;
}

/** Gives the items to `taker` as they come; an iterator that is not read to its end is closed. Takes as many microtasks as graphql 17 does. */
export async function readItems(items: AsyncIterable<unknown>, taker: ItemTaker): Promise<void> {
  let iterator: AsyncIterator<unknown> | undefined;
  try {
    iterator = items[Symbol.asyncIterator]();
    for (;;) {
      let step: IteratorResult<unknown>;
      try {
        step = await iterator.next();
      } catch (error) {
        throw taker.locate(error);
      }
      if (step.done) break;
      if (taker.isLeft()) return leave(iterator);
      taker.take(step.value);
    }
  } catch (error) {
    if (iterator) leave(iterator);
    taker.onError(error);
    return;
  }
  taker.onEnd();
}

function leave(iterator: AsyncIterator<unknown>): void {
  try {
    void iterator.return?.().then(undefined, () => {});
  } catch {
    // nobody reads it any more
  }
}

/** Their failures concern nobody. */
export function ignoreRejections(values: Iterable<unknown>): void {
  void Promise.allSettled(values);
}

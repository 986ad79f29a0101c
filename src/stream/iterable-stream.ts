import { createSourceReader } from './source-reader.ts';
import type { SourceReader, SourceStream } from './source.ts';

/** Reads an async iterable at the consumer's pace. */
export function iterableStream<Event>(iterable: AsyncIterable<Event>): SourceStream<Event> {
  return {
    pace: 'pull',
    open: async () => readIterable(iterable),
  };
}

/**
 * Opens an async iterable; throws what its `Symbol.asyncIterator` method throws.
 *
 * @remarks
 * Closing calls `return` at once, also while a `next` is pending, and does not wait for either: a generator that is stuck in an `await`
 * cannot hold up whoever leaves.
 */
export function readIterable<Event>(iterable: AsyncIterable<Event>): SourceReader<Event> {
  const iterator = iterable[Symbol.asyncIterator]();
  // An iterator that threw or is done has let go of everything; `return` is for those that have not.
  let isFinished = false;
  return createSourceReader<Event>({
    next: async () => {
      try {
        const result: unknown = await iterator.next();
        assertIteratorResult<Event>(result);
        isFinished = result.done === true;
        return result.done === true ? undefined : { kind: 'event', event: result.value };
      } catch (error) {
        isFinished = true;
        throw error;
      }
    },
    release: () => {
      if (!isFinished) ignoreRejection(iterator.return?.());
    },
  });
}

/** Hand-written iterators may answer with anything; a loop over undefined events would never end. */
function assertIteratorResult<Event>(
  result: unknown,
): asserts result is IteratorResult<Event, unknown> {
  if (typeof result === 'object' && result !== null) return;
  throw new TypeError(`an iterator must answer with an object, not with ${typeof result}`);
}

/** For the clean-up of a source that its consumer has left: nobody is there to hear of a failure. */
export function ignoreRejection(promise: PromiseLike<unknown> | undefined): void {
  promise?.then(undefined, () => undefined);
}

import { UnsupportedOptionError } from '../unsupported-option.ts';
import type { Loose } from '../loose.ts';

/** What a subclass may replace. */
interface Replaceable {
  readonly subscribe: Loose;
  readonly asyncIterableIterator: Loose;
  readonly asyncIterator: Loose;
}

/**
 * Iterators read the broker and not by `subscribe`: a subclass that has its own, to change names perhaps, would not be heard in them.
 *
 * @param base - has the methods that the subclass may replace
 * @throws UnsupportedOptionError for one that replaces `subscribe` and nothing that makes iterators
 */
export function assertIteratesAsItSubscribes(made: Replaceable, base: Replaceable): void {
  if (made.subscribe === base.subscribe) return;
  if (made.asyncIterableIterator !== base.asyncIterableIterator) return;
  if (made.asyncIterator !== base.asyncIterator) return;
  throw new UnsupportedOptionError(
    'subscribe() of a subclass',
    'iterators do not call it, so replace asyncIterableIterator() as well',
  );
}

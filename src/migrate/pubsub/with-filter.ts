import { isSource } from '../../stream/source.ts';
import type { PayloadSource } from './payload-source.ts';
import type { Loose } from '../loose.ts';

/** A `subscribe` function of a resolver map that gives an iterator, or a promise of one. */
export type ResolverFn<Root = Loose, Args = Loose, Context = Loose> = (
  rootValue?: Root,
  args?: Args,
  context?: Context,
  info?: Loose,
) => AsyncIterator<Loose> | Promise<AsyncIterator<Loose>>;

/** Says of a payload whether a subscriber gets it. */
export type FilterFn<Root = Loose, Args = Loose, Context = Loose> = (
  payload?: Root,
  args?: Args,
  context?: Context,
  info?: Loose,
) => boolean | Promise<boolean>;

/** A `subscribe` function of a resolver map. */
export type IterableResolverFn<Root = Loose, Args = Loose, Context = Loose> = (
  rootValue?: Root,
  args?: Args,
  context?: Context,
  info?: Loose,
) => Promise<AsyncIterableIterator<Loose>>;

/**
 * A `subscribe` function that gives only the payloads for which `filterFn` returns, or resolves with, `true`.
 *
 * @remarks
 * One that throws leaves its payload out. Over a {@link PayloadSource} what it gives is one again: it is shared and resumed from.
 */
export function withFilter<Root = Loose, Args = Loose, Context = Loose>(
  asyncIteratorFn: ResolverFn<Root, Args, Context>,
  filterFn: FilterFn<Root, Args, Context>,
): IterableResolverFn<Root, Args, Context> {
  return async (root, args, context, info) => {
    const iterator = await asyncIteratorFn(root, args, context, info);
    const passes = (payload: Root) => judge(() => filterFn(payload, args, context, info));
    return isPayloadSource<Root>(iterator) ? iterator.filter(passes) : filtered(iterator, passes);
  };
}

function isPayloadSource<Payload>(value: unknown): value is PayloadSource<Payload> {
  return isSource(value) && value.eventIs === 'root-value';
}

/** Not by `await`: a filter that answers at once keeps nobody waiting. */
function judge(ask: () => boolean | Promise<boolean>): boolean | Promise<boolean> {
  try {
    const verdict: unknown = ask();
    // promises of other libraries are none of ours
    if (typeof verdict !== 'object' || verdict === null || !('then' in verdict))
      return verdict === true;
    return Promise.resolve(verdict as PromiseLike<unknown>).then(
      (answer) => answer === true,
      () => false,
    );
  } catch {
    return false;
  }
}

/** Of an iterator that is not ours. Unlike a generator's, its `return` does not wait for a pending `next`. */
function filtered<Payload>(
  iterator: AsyncIterator<Payload>,
  passes: (payload: Payload) => boolean | Promise<boolean>,
): AsyncIterableIterator<Payload> {
  return {
    async next() {
      for (;;) {
        const result = await iterator.next();
        if (result.done === true || (await passes(result.value))) return result;
      }
    },
    async return(value?: unknown) {
      return (await iterator.return?.(value)) ?? { done: true, value };
    },
    async throw(error: unknown) {
      if (iterator.throw) return iterator.throw(error);
      await iterator.return?.();
      // oxlint-disable-next-line typescript/only-throw-error -- it is whatever the consumer throws
      throw error;
    },
    [Symbol.asyncIterator]() {
      return this;
    },
  };
}

import { iterableStream } from './iterable-stream.ts';
import { observableStream } from './observable-stream.ts';
import type { ObservableLike } from './observable-stream.ts';
import { readableStream } from './readable-stream.ts';
import type { ReadableStreamLike } from './readable-stream.ts';
import { isSource } from './source.ts';
import type { SourceStream } from './source.ts';

/**
 * Recognises everything that can be subscribed to; `undefined` for anything else.
 *
 * @remarks
 * In this order: Millrace's own sources, `ReadableStream`, `Symbol.asyncIterator`, `Symbol.observable`, an object with a `subscribe` method. A
 * `ReadableStream` is also an async iterable on some runtimes, but its iterator cannot be left while it waits for a chunk, so it goes first.
 * What the user's getters throw is thrown.
 */
export function toSourceStream(value: unknown): SourceStream<unknown> | undefined {
  if (typeof value !== 'object' || value === null) return undefined;
  if (isSource(value)) return value;
  if (isReadableStream(value)) return readableStream(value);
  if (isAsyncIterable(value)) return iterableStream(value);
  const observable = toObservable(value);
  return observable === undefined ? undefined : observableStream(observable);
}

/** Libraries look for `Symbol.observable` when they are loaded, and each falls back to a name of its own. */
function observableKeys(): readonly PropertyKey[] {
  const wellKnown: unknown = Reflect.get(Symbol, 'observable');
  const fallbacks = ['@@observable', Symbol.for('observable')];
  return typeof wellKnown === 'symbol' ? [wellKnown, ...fallbacks] : fallbacks;
}

function toObservable(value: object): ObservableLike | undefined {
  for (const key of observableKeys()) {
    const method: unknown = Reflect.get(value, key);
    if (typeof method !== 'function') continue;
    const observable: unknown = Reflect.apply(method, value, []);
    if (isObservable(observable)) return observable;
  }
  return isObservable(value) ? value : undefined;
}

function isObservable(value: unknown): value is ObservableLike {
  return typeof value === 'object' && value !== null && hasMethod(value, 'subscribe');
}

function isReadableStream(value: object): value is ReadableStreamLike {
  return hasMethod(value, 'getReader') && hasMethod(value, 'cancel');
}

function isAsyncIterable(value: object): value is AsyncIterable<unknown> {
  return hasMethod(value, Symbol.asyncIterator);
}

function hasMethod(value: object, name: PropertyKey): boolean {
  return typeof Reflect.get(value, name) === 'function';
}

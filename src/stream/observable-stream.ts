import { BoundedQueue } from './bounded-queue.ts';
import { createSourceReader } from './source-reader.ts';
import type { SourceItem, SourceReader, SourceStream } from './source.ts';

/** The members of an Observable that are called here. */
export interface ObservableLike {
  subscribe(observer: ObserverLike): unknown;
}

/** What an Observable is given. */
export interface ObserverLike {
  next(event: unknown): void;
  error(error: unknown): void;
  complete(): void;
}

/**
 * Subscribes to an Observable when opened; what it emits before it is read waits in a bounded queue.
 *
 * @remarks
 * Unsubscribes exactly once: when the reader is closed, the Observable ends, or the queue is full (see {@link BoundedQueue}).
 */
export function observableStream(observable: ObservableLike): SourceStream<unknown> {
  return {
    pace: 'live',
    open: async () => subscribe(observable),
  };
}

function subscribe(observable: ObservableLike): SourceReader<unknown> {
  const queue = new BoundedQueue<SourceItem<unknown>>();
  const subscription = new Subscription();
  const reader = createSourceReader<unknown>({
    next: () => queue.take(),
    release: () => {
      queue.clear();
      subscription.end();
    },
  });
  subscription.started(
    observable.subscribe({
      next: (event) => {
        queue.push({ kind: 'event', event });
        if (!queue.isOpen) subscription.end();
      },
      error: (error) => {
        queue.fail(error);
        subscription.end();
      },
      complete: () => {
        queue.end();
        subscription.end();
      },
    }),
  );
  return reader;
}

/** What `subscribe` returned, which may come after the Observable has ended. */
class Subscription {
  #state:
    | { readonly kind: 'starting' | 'ended' }
    | { readonly kind: 'running'; readonly teardown: unknown } = {
    kind: 'starting',
  };

  started(teardown: unknown): void {
    if (this.#state.kind === 'ended') unsubscribe(teardown);
    else this.#state = { kind: 'running', teardown };
  }

  end(): void {
    const state = this.#state;
    this.#state = { kind: 'ended' };
    if (state.kind === 'running') unsubscribe(state.teardown);
  }
}

function unsubscribe(teardown: unknown): void {
  try {
    if (typeof teardown === 'function') teardown();
    else if (hasUnsubscribe(teardown)) teardown.unsubscribe();
  } catch {
    // The events are not wanted any more; that the user's clean-up failed must not reach whoever emits or closes.
  }
}

function hasUnsubscribe(value: unknown): value is { unsubscribe(): void } {
  return (
    typeof value === 'object' &&
    value !== null &&
    'unsubscribe' in value &&
    typeof value.unsubscribe === 'function'
  );
}

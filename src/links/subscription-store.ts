import type { Operations } from '../client/client.ts';
import type { OperationOptions, OperationResult } from '../client/operation-handle.ts';
import type { TransportError } from '../client/transport-error.ts';
import { createStore } from './store.ts';
import type { Store, StoreState } from './store.ts';

/** What is known of a subscription. */
export interface SubscriptionStoreState<Data, Accumulated> extends StoreState {
  /** The newest one. */
  readonly result: OperationResult<Data> | undefined;
  readonly error: TransportError | undefined;
  readonly accumulated: Accumulated;
}

/** What is done with what comes. */
export interface SubscriptionHooks<Data, Accumulated> {
  readonly reduce:
    | ((accumulated: Accumulated, result: OperationResult<Data>) => Accumulated)
    | undefined;
  readonly onResult: ((result: OperationResult<Data>) => void) | undefined;
  readonly onError: ((error: TransportError) => void) | undefined;
}

/** Runs a subscription while somebody listens; every result is reduced, however seldom the state is looked at. */
export function createSubscriptionStore<Data, Variables, Accumulated>(
  client: Operations,
  options: OperationOptions<Data, Variables>,
  initial: Accumulated,
  hooks: { readonly current: SubscriptionHooks<Data, Accumulated> },
): Store<SubscriptionStoreState<Data, Accumulated>> {
  const state: SubscriptionStoreState<Data, Accumulated> = {
    status: 'idle',
    result: undefined,
    error: undefined,
    accumulated: initial,
  };
  return createStore(state, ({ update }) => {
    const handle = client.subscribe<Data, Variables>(options);
    const updateStatus = (): boolean => update(() => ({ status: handle.status.current }));
    update(() => ({ error: undefined }));
    const subscription = handle.subscribe({
      next(result) {
        const { reduce, onResult } = hooks.current;
        const isWatched = update(({ accumulated }) => ({
          result,
          status: handle.status.current,
          accumulated: reduce ? reduce(accumulated, result) : accumulated,
        }));
        if (isWatched) onResult?.(result);
      },
      error(error) {
        if (update(() => ({ error, status: 'ended' }))) hooks.current.onError?.(error);
      },
      complete: updateStatus,
    });
    updateStatus();
    const watch = async (): Promise<void> => {
      // each one, as `gap` may be over before anybody looks
      for await (const status of handle.status) update(() => ({ status }));
    };
    void watch();
    return () => subscription.unsubscribe();
  });
}

'use client';

import {
  createContext,
  createElement,
  useContext,
  useInsertionEffect,
  useMemo,
  useRef,
  useState,
  useSyncExternalStore,
} from 'react';
import type { ReactElement, ReactNode } from 'react';

import type { Operations } from '../client/client.ts';
import type { OperationOptions } from '../client/operation-handle.ts';
import { UsageError } from '../errors.ts';
import { isSame } from './is-same.ts';
import { createLiveStore } from './live-store.ts';
import type {
  LiveOptions,
  LiveState,
  ReducerOptions,
  SubscriptionOptions,
  SubscriptionState,
} from './react-options.ts';
import type { Store, StoreState } from './store.ts';
import { createSubscriptionStore } from './subscription-store.ts';
import type { SubscriptionHooks } from './subscription-store.ts';

export type {
  HookOptions,
  LiveOptions,
  LiveState,
  ReducerOptions,
  Request,
  SubscriptionOptions,
  SubscriptionState,
} from './react-options.ts';

const ClientContext = createContext<Operations | undefined>(undefined);

/** Gives the components in it a client, or a connection of one. Whoever made that closes it. */
export function ClientProvider(props: {
  readonly client: Operations;
  readonly children?: ReactNode;
}): ReactElement {
  return createElement(ClientContext.Provider, { value: props.client }, props.children);
}

/**
 * The client of the nearest {@link ClientProvider}, for queries and mutations for example.
 *
 * @throws UsageError if there is none
 */
export function useClient(): Operations {
  return useGivenClient(undefined);
}

/**
 * Runs a subscription while the component is there, and shows its newest result; with `reduce` also what came of all of them.
 *
 * @throws UsageError if there is no client
 */
export function useSubscription<
  Data = Readonly<Record<string, unknown>>,
  Variables = Readonly<Record<string, unknown>>,
  Accumulated = undefined,
>(
  options: SubscriptionOptions<Data, Variables> &
    (ReducerOptions<Data, Accumulated> | { readonly reduce?: never; readonly initial?: never }),
): SubscriptionState<Data, Accumulated> {
  const { client: given, pause, onResult, onError, reduce, initial, ...rest } = options;
  const client = useGivenClient(given);
  const request = useSame(rest as OperationOptions<Data, Variables>); // it is what those are among the options
  const hooks = useLatest<SubscriptionHooks<Data, Accumulated>>({ onResult, onError, reduce });
  const store = useMemo(
    // it is absent where its type is that of what is absent
    () => createSubscriptionStore(client, request, initial as Accumulated, hooks),
    [client, request, hooks],
  );
  const { result, error, status, accumulated } = useStore(store, pause);
  const { data, errors, extensions } = result ?? {};
  return { data, errors, extensions, error, status, accumulated, restart: store.restart };
}

/**
 * Asks a query and keeps its answer current with the events of a subscription, while the component is there.
 *
 * @remarks
 * The query is sent once the subscription is ready, and again after each loss of events; no event falls in between. It takes a server that shows a change to queries before it
 * publishes the event.
 * @throws UsageError if there is no client
 */
export function useLive<
  Data = Readonly<Record<string, unknown>>,
  Variables = Readonly<Record<string, unknown>>,
  Event = Readonly<Record<string, unknown>>,
  EventVariables = Readonly<Record<string, unknown>>,
>(options: LiveOptions<Data, Variables, Event, EventVariables>): LiveState<Data> {
  const client = useGivenClient(options.client);
  const query = useSame<OperationOptions<Data, Variables>>(options.query);
  const subscription = useSame<OperationOptions<Event, EventVariables>>(options.subscription);
  const merge = useLatest(options.merge);
  const store = useMemo(
    () => createLiveStore(client, { query, subscription, merge }),
    [client, query, subscription, merge],
  );
  const { data, errors, error, status } = useStore(store, options.pause);
  return { data, errors, error, status, restart: store.restart };
}

function useGivenClient(given: Operations | undefined): Operations {
  const provided = useContext(ClientContext);
  const client = given ?? provided;
  if (client) return client;
  throw new UsageError('Hooks need a ClientProvider around the component, or the option `client`');
}

/** The state of a store that runs unless it is paused. */
function useStore<State extends StoreState>(store: Store<State>, pause = false): State {
  const subscribe = pause ? listenToNothing : store.subscribe;
  const state = useSyncExternalStore(subscribe, store.current, () => store.initial);
  // eslint-disable-next-line typescript/only-throw-error -- what a function of the caller threw
  if (state.broken) throw state.broken.cause;
  return pause ? { ...state, status: 'idle' } : state;
}

const listenToNothing = () => (): void => {};

/** The first of the values that say the same. */
function useSame<Value>(value: Value): Value {
  const [kept, keep] = useState(value);
  if (isSame(kept, value)) return kept;
  keep(value);
  return value;
}

/** The value of the rendering that is on the screen. */
function useLatest<Value>(value: Value): { readonly current: Value } {
  const latest = useRef(value);
  useInsertionEffect(() => {
    latest.current = value;
  });
  return latest;
}

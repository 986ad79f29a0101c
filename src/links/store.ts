import type { OperationState } from '../client/operation-handle.ts';

/** What a component shows of something that it needs as long as it is there. */
export interface Store<State> {
  /** Its state before anything began. */
  readonly initial: State;
  readonly current: () => State;
  /** Begins with the first listener, and ends when the last one has left. */
  readonly subscribe: (listener: () => void) => () => void;
  /** Ends what runs and begins anew; does nothing while nobody listens. */
  readonly restart: () => void;
}

/** What every state has. */
export interface StoreState {
  readonly status: OperationState;
  /** A function of the caller threw, which the component shall throw. */
  readonly broken?: { readonly cause: unknown };
}

/** What a run of a store may do; after its end nothing comes of it. */
export interface Run<State> {
  readonly current: () => State;
  /**
   * Changes a part of the state; if `change` throws, the state is broken.
   *
   * @returns whether anybody is there
   */
  readonly update: (change: (state: State) => Partial<State>) => boolean;
}

/**
 * Makes a store; `begin` starts what it shows, and returns what ends that.
 *
 * @remarks
 * A listener that leaves and is back at once, as in React's strict mode, neither ends nor begins anything. What was received stays over an end.
 */
export function createStore<State extends StoreState>(
  initial: State,
  begin: (run: Run<State>) => () => void,
): Store<State> {
  const listeners = new Set<() => void>();
  const current = (): State => state;
  let state = initial;
  let end: (() => void) | undefined;

  const start = (): void => {
    let isOver = false;
    const update: Run<State>['update'] = (change) => {
      // they left a moment ago
      if (listeners.size === 0) end?.();
      if (isOver) return false;
      const next = { ...state, ...attempt(change, state) };
      if (isSameState(state, next)) return true;
      state = next;
      for (const listener of listeners) listener();
      return true;
    };
    const stop = begin({ current, update });
    end = () => {
      isOver = true;
      end = undefined;
      state = { ...state, status: 'idle' };
      stop();
    };
  };

  return {
    initial,
    current,
    subscribe(listener) {
      listeners.add(listener);
      if (!end) start();
      return () => {
        listeners.delete(listener);
        queueMicrotask(() => {
          if (listeners.size === 0) end?.();
        });
      };
    },
    restart() {
      if (listeners.size === 0) return;
      end?.();
      start();
    },
  };
}

function attempt<State extends StoreState>(
  change: (state: State) => Partial<State>,
  state: State,
): Partial<State> | Pick<StoreState, 'broken'> {
  try {
    return change(state);
  } catch (cause) {
    return { broken: { cause } };
  }
}

function isSameState<State extends StoreState>(state: State, next: State): boolean {
  return Object.entries(next).every(([name, value]) =>
    Object.is(value, (state as Readonly<Record<string, unknown>>)[name]),
  ); // a state is an object of values, whatever they are called
}

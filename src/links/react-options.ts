import type { Operations } from '../client/client.ts';
import type {
  OperationOptions,
  OperationResult,
  OperationState,
} from '../client/operation-handle.ts';
import type { TransportError } from '../client/transport-error.ts';

/** What a hook runs. Variables that say the same in JSON are the same, so they may be written where the hook is called. */
export type Request<Data, Variables> = OperationOptions<Data, Variables> & {
  /** The life of the component is what cancels it. */
  readonly signal?: never;
  /** Results are taken at once. */
  readonly buffer?: never;
};

/** Options of every hook. */
export interface HookOptions {
  /** @defaultValue that of the nearest `ClientProvider` */
  readonly client?: Operations;
  /** Nothing runs; what was received stays. @defaultValue false */
  readonly pause?: boolean;
}

/** Options of `useSubscription`. */
export type SubscriptionOptions<Data, Variables> = Request<Data, Variables> &
  HookOptions & {
    /** Called with each result, also where several come between two renderings. */
    readonly onResult?: (result: OperationResult<Data>) => void;
    /** Called once if the transport fails and the operation is not tried again. */
    readonly onError?: (error: TransportError) => void;
  };

/** What `useSubscription` makes of all results together. */
export interface ReducerOptions<Data, Accumulated> {
  /** Called with each result, in order. What it throws is thrown by the component. */
  readonly reduce: (
    accumulated: NoInfer<Accumulated>,
    result: OperationResult<NoInfer<Data>>,
  ) => NoInfer<Accumulated>;
  /** What it begins with, and begins again with for another operation or other variables. */
  readonly initial: Accumulated;
}

/** What `useSubscription` knows. */
export interface SubscriptionState<Data, Accumulated = undefined> {
  /** Of the newest result, as are `errors` and `extensions`. */
  readonly data: OperationResult<Data>['data'];
  readonly errors: OperationResult['errors'];
  readonly extensions: OperationResult['extensions'];
  /** What the transport failed at, if that is why it has ended. */
  readonly error: TransportError | undefined;
  /** Where the operation is; `idle` where nothing runs. */
  readonly status: OperationState;
  /** What `reduce` made of all results. */
  readonly accumulated: Accumulated;
  /** Ends the operation and runs it again; what was received stays. Does nothing while it is paused. */
  readonly restart: () => void;
}

/** Options of `useLive`. */
export interface LiveOptions<Data, Variables, Event, EventVariables> extends HookOptions {
  /** Asks for everything. */
  readonly query: Request<Data, Variables>;
  /** Brings what changes from then on. */
  readonly subscription: Request<Event, EventVariables>;
  /**
   * What the data is after an event.
   *
   * @remarks
   * An event may be in the data already, for a query is asked while events arrive: an item that is there is to be replaced, not to be added once more. What it throws is thrown by
   * the component.
   */
  readonly merge: (data: Data, event: Event) => NoInfer<Data>;
}

/** What `useLive` knows. */
export interface LiveState<Data> {
  /** The answer, with all events since; the last one while it is asked for again. */
  readonly data: Data | undefined;
  /** GraphQL errors of the answer, or of an event since. */
  readonly errors: OperationResult['errors'];
  /** What the transport failed at, until there is another answer. */
  readonly error: TransportError | undefined;
  /**
   * Whether the data is current: it is where this is `live` or `recovered`.
   *
   * @remarks
   * `connecting`: there is no data yet; `reconnecting`: the connection was lost; `gap`: the subscription runs, and the query is asked again, or has failed; `ended`: nothing changes any
   * more.
   */
  readonly status: OperationState;
  /** Ends both and runs them again; the data stays until the answer. Does nothing while it is paused. */
  readonly restart: () => void;
}

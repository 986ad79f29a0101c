import type { FormattedError } from '../vocabulary.ts';
import type { BufferOptions } from './result-iterator.ts';
import type { TransportError } from './transport-error.ts';
import type { Document } from './document.ts';

/** A result: GraphQL errors are values, and partial data stands beside them. */
export interface OperationResult<Data = Readonly<Record<string, unknown>>> {
  readonly data?: Data | null;
  readonly errors?: readonly FormattedError[];
  readonly extensions?: Readonly<Record<string, unknown>>;
  readonly hasNext?: boolean;
}

type VariablesOption<Variables> =
  Record<string, never> extends Variables
    ? { readonly variables?: NoInfer<Variables> }
    : { readonly variables: NoInfer<Variables> };

/** What is asked for. */
export type OperationOptions<Data, Variables> = VariablesOption<Variables> & {
  readonly query: Document<Data, Variables>;
  /** Which operation of the document, if it has several. */
  readonly operationName?: string;
  readonly extensions?: Readonly<Record<string, unknown>>;
  /** Cancels the operation. A stream then ends without an error; a `query` or `mutate` rejects with the signal's reason. */
  readonly signal?: AbortSignal;
  /** Whether it is sent again on another connection. @defaultValue true for `subscribe` of a document that does not begin with a mutation, otherwise false */
  readonly retry?: boolean;
  /** What waits for a slow iterator; observers need no buffer. */
  readonly buffer?: BufferOptions;
};

/** Where an operation is: `recovered` and `gap` are `live`, too, and say what a resumption after a lost connection came to. */
export type OperationState =
  /** Nothing was asked for yet. */
  | 'idle'
  | 'connecting'
  | 'live'
  | 'reconnecting'
  /** Live again, and no event is missing. */
  | 'recovered'
  /** Live again; events are missing. */
  | 'gap'
  | 'ended';

/** Where an operation is, now and from now on. An iteration begins with the current state. */
export interface OperationStatus extends AsyncIterable<OperationState> {
  readonly current: OperationState;
}

/** Takes what an operation brings. What throws here is reported to `onInternalError` of the client, and the operation goes on. */
export interface Observer<Result> {
  next?(result: Result): void;
  /** The last call, if the transport failed and the operation is not tried again. */
  error?(failure: TransportError): void;
  /** The last call otherwise. */
  complete?(): void;
}

/** What ends a subscription. */
export interface Unsubscribable {
  unsubscribe(): void;
}

/** What `ready` resolves with. */
export interface Readiness {
  /** Whether the server said that the operation runs; otherwise it was only sent. */
  readonly confirmed: boolean;
}

/**
 * One operation with one consumer.
 *
 * @remarks
 * Nothing is sent before somebody iterates, subscribes or reads {@link OperationHandle.ready}. A second consumer is a usage error; only `Symbol.observable` gives a view that starts an
 * operation of its own for each subscription. The server is told to stop exactly if it does not know yet that the operation is over.
 */
export interface OperationHandle<Result> extends AsyncIterable<Result>, AsyncDisposable {
  [Symbol.asyncIterator](): AsyncIterableIterator<Result>;
  /** Hands results over without a buffer and without a step of an iterator. */
  subscribe(observer: Observer<Result> | ((result: Result) => void)): Unsubscribable;
  /**
   * Starts the operation; resolves once it was sent on an acknowledged connection, and with `resume` once the server says that it listens, or two seconds passed without that.
   * Rejects if it ends before.
   */
  readonly ready: Promise<Readiness>;
  readonly status: OperationStatus;
  /** Ends the operation; a pending `next()` resolves. */
  return(): void;
}

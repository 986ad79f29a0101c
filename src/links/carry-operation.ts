import type { Operations } from '../client/client.ts';
import type { Observer, OperationOptions, OperationResult } from '../client/operation-handle.ts';
import type { OperationKind } from '../client/transport.ts';
import { watchStream } from './watch-stream.ts';
import type { StreamWatcher } from './watch-stream.ts';

/** An operation of another library, on its way to the server. */
export interface CarriedOperation {
  readonly kind: OperationKind;
  readonly options: OperationOptions<
    Readonly<Record<string, unknown>>,
    Readonly<Record<string, unknown>>
  > & {
    readonly query: string;
  };
  /** Told of a subscription. */
  readonly watcher: StreamWatcher;
  /**
   * Has something for each query whose answer is under way that makes it ask again after that: what was missed meanwhile may be missing in there, too, and libraries that wait for that
   * answer ask for no other one. Answers that come in parts are not among them.
   */
  readonly underWay?: Set<() => void>;
  /** Told what nobody else can be told. */
  readonly report: (error: unknown) => void;
}

/** Where its results go; exactly one of `error` and `complete` is the last call, unless it was cancelled. */
export interface CarriedObserver extends Required<Observer<OperationResult>> {
  error(failure: Error): void;
}

/** The results of such a document come in parts. A string value that looks like it makes a stream of one result, no more. */
const comesInParts = /@(?:defer|stream)\b/;

/**
 * Runs an operation: queries and mutations the way that the client has for these, subscriptions and everything that comes in parts as streams.
 *
 * @returns cancels it
 */
export function carryOperation(
  client: Operations,
  operation: CarriedOperation,
  observer: CarriedObserver,
): () => void {
  const isSubscription = operation.kind === 'subscription';
  return isSubscription || comesInParts.test(operation.options.query)
    ? carryStream(client, operation, observer)
    : carrySingle(client, operation, observer);
}

function carryStream(
  client: Operations,
  { kind, options, watcher, report }: CarriedOperation,
  observer: CarriedObserver,
): () => void {
  const isSubscription = kind === 'subscription';
  try {
    const stream = client.subscribe({ ...options, ...(!isSubscription && { retry: false }) });
    const subscription = stream.subscribe(observer);
    if (isSubscription) watchStream(stream, watcher).catch(report);
    return () => subscription.unsubscribe();
  } catch (error) {
    // a client that was closed
    observer.error(toError(error));
    return () => {};
  }
}

function carrySingle(
  client: Operations,
  { kind, options, report, underWay }: CarriedOperation,
  observer: CarriedObserver,
): () => void {
  const cancelling = new AbortController();
  const { signal } = cancelling;
  let isOutdated = false;
  const outdate = (): void => {
    isOutdated = true;
  };
  /** Whether it is over. */
  const ask = async (): Promise<boolean> => {
    isOutdated = false;
    const asked = { ...options, signal };
    let result: OperationResult;
    try {
      result = await (kind === 'query' ? client.query(asked) : client.mutate(asked));
    } catch (failure) {
      if (!signal.aborted) observer.error(toError(failure));
      return true;
    }
    if (signal.aborted) return true;
    observer.next(result);
    // an outdated answer is better than none, however often that happens
    if (isOutdated) return signal.aborted;
    observer.complete();
    return true;
  };
  const run = async (): Promise<void> => {
    if (kind === 'query') underWay?.add(outdate);
    try {
      let isOver = false;
      while (!isOver) isOver = await ask();
    } finally {
      underWay?.delete(outdate);
    }
  };
  run().catch(report);
  return () => cancelling.abort();
}

/** What was thrown may be anything. */
export function toError(failure: unknown): Error {
  return failure instanceof Error ? failure : new Error(String(failure), { cause: failure });
}

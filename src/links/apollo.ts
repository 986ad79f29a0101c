import { ApolloLink, Observable } from '@apollo/client';
import type { ApolloClient } from '@apollo/client';
import { print } from '@apollo/client/utilities';

import type { Operations } from '../client/client.ts';
import { carryOperation, toError } from './carry-operation.ts';
import type { CarriedOperation } from './carry-operation.ts';
import { createWatchers, reporterOf } from './watch-stream.ts';
import type { WatchOptions } from './watch-stream.ts';

declare module '@apollo/client' {
  /** Events that make Apollo Client ask again for queries. */
  interface RefetchEvents {
    /** Subscriptions that missed events, or may have; for `new RefetchEventManager({ sources: { subscriptionGap: true } })`. */
    subscriptionGap: readonly ApolloLink.Operation[];
  }
}

/** Options of {@link createApolloLink}; a function in there gets the subscription, which has its client. */
export type ApolloLinkOptions = WatchOptions<readonly [operation: ApolloLink.Operation]>;

/**
 * The end of a chain of Apollo's links: carries subscriptions, queries and mutations over `client`.
 *
 * @remarks
 * GraphQL errors are in the results, as Apollo wants them; what the transport fails at is a {@link TransportError}, for Apollo an error of the network. `fetchOptions.signal` of
 * the context cancels an operation. Parts of `@defer` and `@stream` are handed on as they come.
 */
export function createApolloLink(client: Operations, options: ApolloLinkOptions = {}): ApolloLink {
  const underWay = new Set<() => void>();
  const toWatcher = createWatchers<readonly [ApolloLink.Operation]>(options, (subscriptions) => {
    for (const outdate of underWay) outdate();
    refetch(subscriptions);
  });
  const report = reporterOf(options);
  return new ApolloLink(
    (operation) =>
      new Observable((observer) => {
        const release = followSignal(operation, observer);
        if (observer.closed) return release;
        const cancel = carryOperation(
          client,
          { ...toCarried(operation), watcher: toWatcher(operation), underWay, report },
          {
            // a part of a result is one that the handler of incremental results knows
            next: (result) => observer.next(result as ApolloLink.Result),
            error: (failure) => observer.error(failure),
            complete: () => observer.complete(),
          },
        );
        return () => {
          release();
          cancel();
        };
      }),
  );
}

function toCarried(operation: ApolloLink.Operation): Pick<CarriedOperation, 'kind' | 'options'> {
  const { query, variables, operationName, operationType, extensions } = operation;
  return {
    kind: operationType,
    options: {
      query: print(query),
      variables,
      ...(operationName !== undefined && { operationName }),
      ...(Object.keys(extensions).length > 0 && { extensions }),
    },
  };
}

/** Lets an operation fail, as `HttpLink` does, when the signal of its context says so; gives what ends that. */
function followSignal(
  operation: ApolloLink.Operation,
  observer: { error(failure: Error): void },
): () => void {
  const signal: unknown = operation.getContext()['fetchOptions']?.signal;
  if (!(signal instanceof AbortSignal)) return () => {};
  const fail = (): void => observer.error(toError(signal.reason));
  if (signal.aborted) fail();
  signal.addEventListener('abort', fail);
  return () => signal.removeEventListener('abort', fail);
}

/** Where the event has a source the queries themselves say whether they want it; elsewhere all that are in use are asked again. */
function refetch(subscriptions: readonly (readonly [ApolloLink.Operation])[]): void {
  const operations = subscriptions.map(([operation]) => operation);
  for (const apollo of new Set<ApolloClient>(operations.map(({ client }) => client))) {
    const manager = apollo.refetchEventManager;
    const own = operations.filter(({ client }) => client === apollo);
    if (manager?.hasSource('subscriptionGap')) manager.emit('subscriptionGap', own);
    // a query that fails tells its observers
    else void apollo.refetchQueries({ include: 'active' });
  }
}

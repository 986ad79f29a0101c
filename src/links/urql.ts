import { getOperationName, makeErrorResult, makeOperation, stringifyDocument } from '@urql/core';
import type { Client, Exchange, Operation, OperationResult } from '@urql/core';
import { filter, make, merge, mergeMap, pipe, share, subscribe, takeUntil } from 'wonka';
import type { Source } from 'wonka';

import type { Operations } from '../client/client.ts';
import type { OperationKind } from '../client/transport.ts';
import { carryOperation } from './carry-operation.ts';
import type { CarriedObserver, CarriedOperation } from './carry-operation.ts';
import { UrqlResults } from './urql-results.ts';
import { createWatchers, reporterOf } from './watch-stream.ts';
import type { WatchOptions } from './watch-stream.ts';

/** Options of {@link createUrqlExchange}; a function in there gets the subscription, and the client that it belongs to. */
export interface UrqlExchangeOptions extends WatchOptions<
  readonly [operation: Operation, client: Client]
> {
  /** What it carries; the rest goes to the next exchange. @defaultValue all three */
  readonly kinds?: readonly OperationKind[];
}

/**
 * Carries subscriptions, queries and mutations of urql over `client`: the last exchange, or the one before `fetchExchange`.
 *
 * @remarks
 * What the transport fails at is the `networkError` of a result, a {@link TransportError}; GraphQL errors are its `graphQLErrors`. Each event of a subscription is a result of its
 * own, in which nothing is left of the one before. Parts of `@defer` and `@stream` are merged as urql does it.
 */
export function createUrqlExchange(
  client: Operations,
  options: UrqlExchangeOptions = {},
): Exchange {
  const { kinds = ['query', 'mutation', 'subscription'], onGap = 'refetch' } = options;
  const isOurs = (operation: Operation): operation is OurOperation =>
    operation.kind !== 'teardown' && kinds.includes(operation.kind);
  return ({ client: urql, forward }) => {
    const refetch = onGap === 'refetch' ? trackQueries(urql) : () => {};
    const underWay = new Set<() => void>();
    const toWatcher = createWatchers<readonly [Operation, Client]>(options, () => {
      for (const outdate of underWay) outdate();
      refetch();
    });
    const report = reporterOf(options);
    const execute = (operation: OurOperation): Source<OperationResult> =>
      toSource(urql, operation, (observer) =>
        carryOperation(
          client,
          { ...toCarried(operation), watcher: toWatcher(operation, urql), underWay, report },
          observer,
        ),
      );
    return (incoming) => {
      const operations = share(incoming);
      const endOf = ({ key }: Operation): Source<Operation> =>
        pipe(
          operations,
          filter((other) => other.kind === 'teardown' && other.key === key),
        );
      return merge([
        pipe(
          operations,
          filter(isOurs),
          mergeMap((operation) => pipe(execute(operation), takeUntil(endOf(operation)))),
        ),
        pipe(
          operations,
          filter((operation) => !isOurs(operation)),
          forward,
        ),
      ]);
    };
  };
}

type OurOperation = Operation & { readonly kind: OperationKind };

/** Begins a moment later: whoever leaves at once, as React in its strict mode does, has asked for nothing. */
function toSource(
  urql: Client,
  operation: OurOperation,
  carry: (observer: CarriedObserver) => () => void,
): Source<OperationResult> {
  return make<OperationResult>((sink) => {
    const results = new UrqlResults(operation);
    let cancel: (() => void) | undefined;
    let isWanted = true;
    const observer: CarriedObserver = {
      next: (result) => sink.next(results.take(result)),
      error: (failure) => {
        sink.next(makeErrorResult(operation, failure));
        sink.complete();
      },
      complete: () => {
        const last = results.close();
        if (last) sink.next(last);
        // what ends a subscription for those who follow it, without a result that comes twice
        if (operation.kind === 'subscription')
          urql.reexecuteOperation(makeOperation('teardown', operation, operation.context));
        sink.complete();
      },
    };
    queueMicrotask(() => {
      if (isWanted) cancel = carry(observer);
    });
    return () => {
      isWanted = false;
      cancel?.();
    };
  });
}

/** Keeps the queries that are in use, those that a cache answers included; gives what asks for them again. */
function trackQueries(urql: Client): () => void {
  const queries = new Map<number, Operation>();
  pipe(
    urql.operations$,
    subscribe((operation) => {
      if (operation.kind === 'query') queries.set(operation.key, operation);
      if (operation.kind === 'teardown') queries.delete(operation.key);
    }),
  );
  return () => {
    for (const query of queries.values()) {
      const { context } = query;
      if (context.requestPolicy === 'cache-only') continue;
      const fresh = { ...context, requestPolicy: 'network-only' } as const;
      urql.reexecuteOperation(makeOperation('query', query, fresh));
    }
  };
}

function toCarried(operation: OurOperation): Pick<CarriedOperation, 'kind' | 'options'> {
  const operationName = getOperationName(operation.query);
  const { kind, variables, extensions } = operation;
  return {
    kind,
    options: {
      query: stringifyDocument(operation.query),
      variables: { ...variables },
      ...(operationName !== undefined && { operationName }),
      ...(extensions && { extensions: { ...extensions } }),
    },
  };
}

import { Client, fetchExchange, subscriptionExchange } from '@urql/core';
import type { Exchange, OperationResult, OperationResultSource } from '@urql/core';
import { onEnd, pipe, subscribe } from 'wonka';

import { recordSeen, toSeen } from '../client-under-test.ts';
import type {
  ClientUnderTest,
  ConnectedClient,
  LibraryResult,
  Trial,
} from '../client-under-test.ts';
import type { FixtureServer } from '../../../support/fixture-server.ts';
import { createPatientClient } from '../graphql-ws-client.ts';
import { completed, next } from '../recorded-operation.ts';

const repeats = 'Its last result is repeated to say that none follows.';
const keeps = 'An error that it showed stays beside later results.';
const waits = 'The result says it; the operation does not end.';

const errorInEvent = {
  outcome: 'yes',
  note: `${keeps} ${repeats}`,
  observed: [
    next({ data: { flaky: 1 } }),
    next({ data: { flaky: null }, errors: ['flaky'] }),
    next({ data: { flaky: 3 }, errors: ['flaky'] }),
    next({ data: { flaky: 3 }, errors: ['flaky'] }),
    completed,
  ],
};

const events = {
  outcome: 'yes',
  note: repeats,
  observed: [
    next({ data: { countdown: 3 } }),
    next({ data: { countdown: 2 } }),
    next({ data: { countdown: 1 } }),
    next({ data: { countdown: 1 } }),
    completed,
  ],
};

const refused = next({ errors: ['Cannot query field "nope" on type "Subscription".'] });
const broken = next({ data: { breaks: 1 }, errors: ['Internal server error'] });

/** The first reports about a subscription that does not end. */
function firstOf(query: string, count: number) {
  return ({ client }: Trial) => client.subscribe(query).reports.take(count);
}

export const urqlFetch: ClientUnderTest = {
  packageName: '@urql/core',
  part: '`fetchExchange` with `fetchSubscriptions`',
  transport: 'SSE',
  resumes: false,
  peculiarities: {
    'Events, then end': events,
    'Error in an event': errorInEvent,
    'Request error': {
      outcome: 'as a result',
      note: repeats,
      observed: [refused, refused, completed],
    },
    'Failing source': {
      outcome: 'as a result',
      note: repeats,
      observed: [next({ data: { breaks: 1 } }), broken, broken, completed],
    },
    'No access': {
      outcome: 'as a result',
      note: waits,
      observed: [next({ errors: ['no entry'] })],
      observe: firstOf('subscription { flaky }', 1),
    },
  },
  connect: (server) => drive(server, { fetchSubscriptions: true, exchanges: [fetchExchange] }),
};

export const urqlWebSocket: ClientUnderTest = {
  packageName: '@urql/core',
  part: '`subscriptionExchange` over `graphql-ws`',
  transport: '`graphql-transport-ws`',
  resumes: true,
  peculiarities: {
    'Events, then end': events,
    'Error in an event': errorInEvent,
    'Request error': {
      outcome: 'as a result',
      note: waits,
      observed: [refused],
      observe: firstOf('subscription { nope }', 1),
    },
    'Failing source': {
      outcome: 'as a result',
      note: waits,
      observed: [next({ data: { breaks: 1 } }), broken],
      observe: firstOf('subscription { breaks }', 2),
    },
  },
  connect: (server) =>
    drive(server, {
      fetchSubscriptions: false,
      exchanges: [subscriptionsOverSocket(server), fetchExchange],
    }),
};

function subscriptionsOverSocket(server: FixtureServer): Exchange {
  const client = createPatientClient(server);
  return subscriptionExchange({
    forwardSubscription: ({ query = '', variables }) => ({
      subscribe: ({ next: deliver, error, complete }) => {
        // what both libraries mean by a result differs in `undefined` members alone
        const sink = { next: (result: object) => deliver(result), error, complete };
        return { unsubscribe: client.subscribe({ query, variables: { ...variables } }, sink) };
      },
    }),
  });
}

interface UrqlOptions {
  readonly fetchSubscriptions: boolean;
  readonly exchanges: Exchange[];
}

function drive({ httpUrl }: FixtureServer, options: UrqlOptions): ConnectedClient {
  const client = new Client({ url: httpUrl, ...options });
  return {
    subscribe(query, variables) {
      const operation = recordSeen();
      const subscription = pipe(
        client.subscription(query, { ...variables }),
        onEnd(operation.complete),
        subscribe((result) => operation.next(toLibraryResult(result))),
      );
      return { reports: operation.reports, unsubscribe: () => subscription.unsubscribe() };
    },
    execute: (query, variables) =>
      query.startsWith('mutation')
        ? single(client.mutation(query, { ...variables }))
        : single(client.query(query, { ...variables })),
  };
}

function toLibraryResult({ data, error }: OperationResult): LibraryResult {
  if (error === undefined) return { data: data as unknown };
  const { networkError, graphQLErrors } = error;
  return { data: data as unknown, errors: networkError ? [networkError] : graphQLErrors };
}

async function single(results: OperationResultSource<OperationResult>) {
  return [next(toSeen(toLibraryResult(await results.toPromise())))];
}

import { createFetchMultipartSubscription } from '@apollo/client/utilities/subscriptions/relay';
import { createClient } from 'graphql-sse';
import { Network, Observable } from 'relay-runtime';
import type {
  FetchFunction,
  GraphQLResponse,
  RequestParameters,
  SubscribeFunction,
} from 'relay-runtime';
import { onTestFinished } from 'vitest';

import { executeBySubscribing, recordSeen } from '../client-under-test.ts';
import type { ClientUnderTest, ConnectedClient, LibraryResult } from '../client-under-test.ts';
import { completed, failed, next } from '../recorded-operation.ts';

export const relaySse: ClientUnderTest = {
  packageName: 'relay-runtime',
  part: '`Network` over `graphql-sse`',
  transport: 'SSE',
  resumes: true,
  connect({ httpUrl, reachable }) {
    const client = createClient({ url: httpUrl, retry: reachable });
    onTestFinished(() => client.dispose());
    return drive(httpUrl, ({ text, name }, variables) =>
      Observable.create((sink) =>
        client.subscribe(
          { query: text ?? '', operationName: name, variables },
          {
            // the same response in the types of the two libraries
            next: (result) => sink.next(result as GraphQLResponse),
            error: (error) => sink.error(toError(error)),
            complete: () => sink.complete(),
          },
        ),
      ),
    );
  },
};

export const relayMultipart: ClientUnderTest = {
  packageName: 'relay-runtime',
  part: '`Network` over `createFetchMultipartSubscription` of `@apollo/client`',
  transport: 'multipart',
  resumes: false,
  peculiarities: {
    'Request error': {
      outcome: 'as a failure',
      note: 'The function expects a multipart answer and says so; what the answer says is not shown.',
      observed: [failed(['Expected multipart response'])],
    },
    'Failing source': {
      outcome: 'as an empty result',
      note: 'The function hands errors of the transport over where programs do not look.',
      observed: [next({ data: { breaks: 1 } }), next({}), completed],
    },
  },
  connect: ({ httpUrl }) => drive(httpUrl, createFetchMultipartSubscription(httpUrl)),
};

function drive(httpUrl: string, subscribeByNetwork: SubscribeFunction): ConnectedClient {
  const network = Network.create(fetchBy(httpUrl), subscribeByNetwork);
  const subscribe: ConnectedClient['subscribe'] = (query, variables) => {
    const operation = recordSeen();
    const subscription = network.execute(toParameters(query), { ...variables }, {}).subscribe({
      // a response is one result where nothing is batched
      next: (response) => operation.next(response as LibraryResult),
      error: operation.error,
      complete: operation.complete,
    });
    return { reports: operation.reports, unsubscribe: () => subscription.unsubscribe() };
  };
  return { subscribe, execute: executeBySubscribing(subscribe) };
}

/** The fetch function of the library's guide. */
function fetchBy(url: string): FetchFunction {
  return async ({ text }, variables) => {
    const response = await fetch(url, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ query: text, variables }),
    });
    return (await response.json()) as GraphQLResponse; // what a GraphQL server answers with
  };
}

/** What the compiler of the library makes of an operation. */
function toParameters(query: string): RequestParameters {
  const operationKind = query.startsWith('subscription')
    ? 'subscription'
    : query.startsWith('mutation')
      ? 'mutation'
      : 'query';
  const name = 'Compiled';
  const text = query.replace(/^\w*/, `${operationKind} ${name}`);
  return { id: null, cacheID: text, text, name, operationKind, metadata: {} };
}

function toError(error: unknown): Error {
  return error instanceof Error ? error : new Error(String(error));
}

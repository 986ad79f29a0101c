import { ApolloClient, ApolloLink, HttpLink, InMemoryCache, gql } from '@apollo/client';
import { CombinedGraphQLErrors } from '@apollo/client/errors';
import { GraphQLWsLink } from '@apollo/client/link/subscriptions';
import { OperationTypeNode } from 'graphql';
import { onTestFinished, vi } from 'vitest';
import { WebSocket } from 'ws';

import { recordSeen, toMessages, toSeen } from '../client-under-test.ts';
import type { ClientUnderTest, ConnectedClient, LibraryResult } from '../client-under-test.ts';
import { createPatientClient } from '../graphql-ws-client.ts';
import { completed, failed, next } from '../recorded-operation.ts';

/** As it comes, with the error policy `none`. */
export const withoutPartialData = {
  'Partial data': {
    outcome: 'as a failure',
    note: 'Data beside errors is shown where `errorPolicy` is `all`; it is `none` by default.',
    observed: [failed(['lookup failed'])],
  },
  'Error in an event': {
    outcome: 'yes',
    note: 'Data beside errors is shown where `errorPolicy` is `all`; it is `none` by default.',
    observed: [
      next({ data: { flaky: 1 } }),
      next({ errors: ['flaky'] }),
      next({ data: { flaky: 3 } }),
      completed,
    ],
  },
} satisfies ClientUnderTest['peculiarities'];

/** Without any configuration: the link asks for multipart by itself. */
export const apolloMultipart: ClientUnderTest = {
  packageName: '@apollo/client',
  part: '`HttpLink`',
  transport: 'multipart',
  resumes: false,
  peculiarities: withoutPartialData,
  connect: ({ httpUrl }) => driveApollo(new HttpLink({ uri: httpUrl })),
};

export const apolloWebSocket: ClientUnderTest = {
  packageName: '@apollo/client',
  part: '`GraphQLWsLink`, `HttpLink`',
  transport: '`graphql-transport-ws`',
  resumes: true,
  peculiarities: withoutPartialData,
  connect(server) {
    // the link compares with a constant of the browsers' class, which Node has from version 22 on
    vi.stubGlobal('WebSocket', WebSocket);
    onTestFinished(() => void vi.unstubAllGlobals());
    const client = createPatientClient(server);
    return driveApollo(
      ApolloLink.split(
        ({ operationType }) => operationType === OperationTypeNode.SUBSCRIPTION,
        new GraphQLWsLink(client),
        new HttpLink({ uri: server.httpUrl }),
      ),
    );
  },
};

/** Has an Apollo client with `link` do what is asked of it. */
export function driveApollo(link: ApolloLink): ConnectedClient {
  const client = new ApolloClient({ cache: new InMemoryCache(), link });
  onTestFinished(() => client.stop());
  return {
    subscribe(query, variables) {
      const operation = recordSeen();
      const subscription = client
        .subscribe({ query: gql(query), variables: { ...variables } })
        .subscribe({ ...operation, next: (result) => operation.next(toLibraryResult(result)) });
      return { reports: operation.reports, unsubscribe: () => subscription.unsubscribe() };
    },
    async execute(query, variables) {
      const options = { variables: { ...variables } };
      const document = gql(query);
      try {
        const result = query.startsWith('mutation')
          ? await client.mutate({ ...options, mutation: document })
          : await client.query({ ...options, query: document });
        return [next(toSeen(toLibraryResult(result)))];
      } catch (error) {
        return [
          failed(CombinedGraphQLErrors.is(error) ? toMessages(error.errors) : toMessages(error)),
        ];
      }
    },
  };
}

interface ApolloResult {
  readonly data?: unknown;
  readonly error?: { readonly message: string } | undefined;
}

function toLibraryResult({ data, error }: ApolloResult): LibraryResult {
  if (error === undefined) return { data };
  return { data, errors: CombinedGraphQLErrors.is(error) ? error.errors : [error] };
}

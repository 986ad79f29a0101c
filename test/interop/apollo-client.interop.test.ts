import { ApolloClient, ApolloLink, HttpLink, InMemoryCache, gql } from '@apollo/client';
import { GraphQLWsLink } from '@apollo/client/link/subscriptions';
import { OperationTypeNode } from 'graphql';
import { afterEach, beforeEach, expect, it, onTestFinished, vi } from 'vitest';
import { WebSocket } from 'ws';

import { serveFixture } from '../support/fixture-server.ts';
import type { FixtureServer } from '../support/fixture-server.ts';
import { createGraphqlWsClient } from './support/graphql-ws-client.ts';
import { completed, next, recordOperation } from './support/recorded-operation.ts';
import { Inbox } from '../support/waiting.ts';

// The link compares with a constant of the browsers' class, which Node has from version 22 on.
beforeEach(() => void vi.stubGlobal('WebSocket', WebSocket));
afterEach(() => void vi.unstubAllGlobals());

/** Queries and mutations over HTTP, subscriptions over a WebSocket. */
function connect(server: FixtureServer): ApolloClient {
  return createApolloClient(
    ApolloLink.split(
      ({ operationType }) => operationType === OperationTypeNode.SUBSCRIPTION,
      new GraphQLWsLink(createGraphqlWsClient(server)),
      new HttpLink({ uri: server.httpUrl }),
    ),
  );
}

/** Everything over a WebSocket. */
function connectSocketOnly(server: FixtureServer): ApolloClient {
  return createApolloClient(new GraphQLWsLink(createGraphqlWsClient(server)));
}

function createApolloClient(link: ApolloLink): ApolloClient {
  const client = new ApolloClient({ cache: new InMemoryCache(), link });
  onTestFinished(() => client.stop());
  return client;
}

/** What a program sees of a result. */
function outcomeOf({ data, error }: ApolloLike): unknown {
  return { data, error: error?.message };
}

interface ApolloLike {
  readonly data?: unknown;
  readonly error?: { readonly message: string } | undefined;
}

function subscribe(client: ApolloClient, query: string, variables: Record<string, unknown> = {}) {
  const operation = recordOperation();
  const subscription = client.subscribe({ query: gql(query), variables }).subscribe({
    ...operation,
    next: (result) => operation.next(outcomeOf(result)),
  });
  return { reports: operation.reports, unsubscribe: () => subscription.unsubscribe() };
}

const roomSubscription = 'subscription ($room: ID!) { message(room: $room) { text } }';

/** The client asks for the name of each type that it does not know to be a root. */
function messageOf(text: string): unknown {
  return { data: { message: { __typename: 'Message', text } } };
}

it('delivers the events of a subscription in order, then completes', async () => {
  const server = await serveFixture();
  const countdown = subscribe(connect(server), 'subscription { countdown(from: 3) }');
  expect(await countdown.reports.take(4)).toEqual([
    next({ data: { countdown: 3 } }),
    next({ data: { countdown: 2 } }),
    next({ data: { countdown: 1 } }),
    completed,
  ]);
  await server.sources(0);
});

it('delivers what is published while the subscription runs', async () => {
  const server = await serveFixture();
  const room = subscribe(connect(server), roomSubscription, { room: 'a' });
  await server.sources(1);
  for (const text of ['one', 'two', 'Straße ✓ 🚰']) await server.app.publish('a', text);
  expect(await room.reports.take(3)).toEqual([
    next(messageOf('one')),
    next(messageOf('two')),
    next(messageOf('Straße ✓ 🚰')),
  ]);
});

it('runs several subscriptions on one socket without mixing them', async () => {
  const server = await serveFixture();
  const client = connect(server);
  const inA = subscribe(client, roomSubscription, { room: 'a' });
  const inB = subscribe(client, roomSubscription, { room: 'b' });
  await server.sources(2);
  expect(server.gauges()).toMatchObject({ connections: 1, operations: 2 });
  await server.app.publish('a', 'for a');
  await server.app.publish('b', 'for b');
  expect(await inA.reports.next()).toEqual(next(messageOf('for a')));
  expect(await inB.reports.next()).toEqual(next(messageOf('for b')));
  expect([inA.reports.rest, inB.reports.rest]).toEqual([[], []]);
});

it('goes on with a subscription after an error in one event', async () => {
  const server = await serveFixture();
  const flaky = subscribe(connect(server), 'subscription { flaky }');
  expect(await flaky.reports.take(4)).toEqual([
    next({ data: { flaky: 1 } }),
    next({ error: 'flaky' }), // its default policy hides the data beside an error
    next({ data: { flaky: 3 } }),
    completed,
  ]);
});

it('reports the errors of a subscription that is refused, and completes', async () => {
  const server = await serveFixture();
  const refused = subscribe(connect(server), 'subscription { nope }');
  expect(await refused.reports.take(2)).toEqual([
    next({ error: 'Cannot query field "nope" on type "Subscription".' }),
    completed,
  ]);
});

it('reports that a source failed, and no more than that', async () => {
  const server = await serveFixture();
  const breaking = subscribe(connect(server), 'subscription { breaks }');
  expect(await breaking.reports.take(3)).toEqual([
    next({ data: { breaks: 1 } }),
    next({ error: 'Internal server error' }),
    completed,
  ]);
  await server.sources(0);
});

it('stops the source of an operation that is unsubscribed, and no other', async () => {
  const server = await serveFixture();
  const client = connect(server);
  const left = subscribe(client, roomSubscription, { room: 'a' });
  const kept = subscribe(client, roomSubscription, { room: 'b' });
  await server.sources(2);
  left.unsubscribe();
  await server.sources(1);
  expect(server.gauges()).toMatchObject({ connections: 1, operations: 1 });
  await server.app.publish('b', 'still here');
  expect(await kept.reports.next()).toEqual(next(messageOf('still here')));
});

it('says why a connection was refused', async () => {
  const server = await serveFixture({
    onConnect: () => {
      throw new Error('database password is hunter2');
    },
  });
  const refused = subscribe(connectSocketOnly(server), 'subscription { flaky }');
  expect(await refused.reports.take(2)).toEqual([
    next({ error: 'Socket closed with event 4500 Internal server error' }),
    completed,
  ]);
});

it('answers a query over HTTP', async () => {
  const operations = new Inbox<string>('an operation');
  const server = await serveFixture({ onSubscribe: ({ protocol }) => operations.push(protocol) });
  const result = await connect(server).query({
    query: gql('query ($text: String!) { echo(text: $text) }'),
    variables: { text: 'Straße ✓ 🚰' },
  });
  expect(outcomeOf(result)).toEqual({ data: { echo: 'Straße ✓ 🚰' } });
  expect(await operations.next()).toBe('http');
});

it('answers a mutation over HTTP whose event a subscription receives', async () => {
  const server = await serveFixture();
  const client = connect(server);
  const room = subscribe(client, roomSubscription, { room: 'a' });
  await server.sources(1);
  const mutation = gql('mutation { post(room: "a", text: "posted") }');
  expect(outcomeOf(await client.mutate({ mutation }))).toEqual({ data: { post: true } });
  expect(await room.reports.next()).toEqual(next(messageOf('posted')));
});

it.each([
  ['HTTP', connect],
  ['the socket', connectSocketOnly],
])('reports a validation error over %s', async (_, connectBy) => {
  const client = connectBy(await serveFixture());
  await expect(client.query({ query: gql('{ nope }') })).rejects.toMatchObject({
    name: 'CombinedGraphQLErrors',
    message: 'Cannot query field "nope" on type "Query".',
  });
});

it.each([
  ['HTTP', connect],
  ['the socket', connectSocketOnly],
])('delivers an execution error over %s together with the data', async (_, connectBy) => {
  const client = connectBy(await serveFixture());
  const result = await client.query({ query: gql('{ hello fails }'), errorPolicy: 'all' });
  expect(outcomeOf(result)).toEqual({
    data: { hello: 'world', fails: null },
    error: 'lookup failed',
  });
});

it('answers queries and mutations over the socket', async () => {
  const operations = new Inbox<string>('an operation');
  const server = await serveFixture({ onSubscribe: ({ protocol }) => operations.push(protocol) });
  const client = connectSocketOnly(server);
  const query = gql('{ hello }');
  const mutation = gql('mutation { post(room: "a", text: "x") }');
  expect(outcomeOf(await client.query({ query }))).toEqual({ data: { hello: 'world' } });
  expect(outcomeOf(await client.mutate({ mutation }))).toEqual({ data: { post: true } });
  expect(await operations.take(2)).toEqual(['graphql-transport-ws', 'graphql-transport-ws']);
});

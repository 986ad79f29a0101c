import { Client, fetchExchange, subscriptionExchange } from '@urql/core';
import type { ClientOptions, OperationResult, OperationResultSource } from '@urql/core';
import { expect, it } from 'vitest';
import { onEnd, pipe, subscribe } from 'wonka';

import { serveFixture } from '../support/fixture-server.ts';
import type { FixtureServer } from '../support/fixture-server.ts';
import { createGraphqlWsClient } from './support/graphql-ws-client.ts';
import { completed, next, recordOperation } from './support/recorded-operation.ts';
import { Inbox } from '../support/waiting.ts';

const roomSubscription = 'subscription ($room: ID!) { message(room: $room) { text } }';

/** Queries and mutations over HTTP, subscriptions over a WebSocket. */
function connect(server: FixtureServer, options: Partial<ClientOptions> = {}): Client {
  return new Client({
    url: server.httpUrl,
    exchanges: [subscriptions(server), fetchExchange],
    ...options,
  });
}

function subscriptions(
  server: FixtureServer,
  options: { readonly enableAllOperations?: boolean } = {},
) {
  const client = createGraphqlWsClient(server);
  return subscriptionExchange({
    ...options,
    forwardSubscription: ({ query = '', variables }) => ({
      subscribe: ({ next: deliver, error, complete }) => {
        // what both libraries mean by a result differs in `undefined` members alone
        const sink = { next: (result: object) => deliver(result), error, complete };
        return { unsubscribe: client.subscribe({ query, variables: { ...variables } }, sink) };
      },
    }),
  });
}

/** What a program sees of a result. */
function outcomeOf({ data, error }: OperationResult): unknown {
  return { data, error: error?.message };
}

function record(results: OperationResultSource<OperationResult>) {
  const operation = recordOperation();
  const subscription = pipe(
    results,
    onEnd(operation.complete),
    subscribe((result) => operation.next(outcomeOf(result))),
  );
  return { reports: operation.reports, unsubscribe: () => subscription.unsubscribe() };
}

it('delivers the events of a subscription in order, then completes', async () => {
  const server = await serveFixture();
  const countdown = record(connect(server).subscription('subscription { countdown(from: 2) }', {}));
  expect(await countdown.reports.take(4)).toEqual([
    next({ data: { countdown: 2 } }),
    next({ data: { countdown: 1 } }),
    next({ data: { countdown: 1 } }), // the client tells by its last result that none will follow
    completed,
  ]);
  await server.sources(0);
});

it('delivers what is published while the subscription runs', async () => {
  const server = await serveFixture();
  const room = record(connect(server).subscription(roomSubscription, { room: 'a' }));
  await server.sources(1);
  for (const text of ['one', 'two']) await server.app.publish('a', text);
  expect(await room.reports.take(2)).toEqual([
    next({ data: { message: { text: 'one' } } }),
    next({ data: { message: { text: 'two' } } }),
  ]);
});

it('runs several subscriptions on one socket without mixing them', async () => {
  const server = await serveFixture();
  const client = connect(server);
  const inA = record(client.subscription(roomSubscription, { room: 'a' }));
  const inB = record(client.subscription(roomSubscription, { room: 'b' }));
  await server.sources(2);
  expect(server.gauges()).toMatchObject({ connections: 1, operations: 2 });
  await server.app.publish('a', 'for a');
  await server.app.publish('b', 'for b');
  expect(await inA.reports.next()).toEqual(next({ data: { message: { text: 'for a' } } }));
  expect(await inB.reports.next()).toEqual(next({ data: { message: { text: 'for b' } } }));
  expect([inA.reports.rest, inB.reports.rest]).toEqual([[], []]);
});

it('goes on with a subscription after an error in one event', async () => {
  const server = await serveFixture();
  const flaky = record(connect(server).subscription('subscription { flaky }', {}));
  expect(await flaky.reports.take(3)).toEqual([
    next({ data: { flaky: 1 } }),
    next({ data: { flaky: null }, error: '[GraphQL] flaky' }),
    next({ data: { flaky: 3 }, error: '[GraphQL] flaky' }), // the client keeps what it once showed
  ]);
});

it('reports the errors of a subscription that is refused', async () => {
  const server = await serveFixture();
  const refused = record(connect(server).subscription('subscription { nope }', {}));
  expect(await refused.reports.next()).toEqual(
    next({ error: '[GraphQL] Cannot query field "nope" on type "Subscription".' }),
  );
});

it('reports that a source failed, and no more than that', async () => {
  const server = await serveFixture();
  const breaking = record(connect(server).subscription('subscription { breaks }', {}));
  expect(await breaking.reports.take(2)).toEqual([
    next({ data: { breaks: 1 } }),
    next({ data: { breaks: 1 }, error: '[GraphQL] Internal server error' }),
  ]);
  await server.sources(0);
});

it('stops the source of an operation that is unsubscribed, and no other', async () => {
  const server = await serveFixture();
  const client = connect(server);
  const left = record(client.subscription(roomSubscription, { room: 'a' }));
  const kept = record(client.subscription(roomSubscription, { room: 'b' }));
  await server.sources(2);
  left.unsubscribe();
  await server.sources(1);
  expect(server.gauges()).toMatchObject({ connections: 1, operations: 1 });
  await server.app.publish('b', 'still here');
  expect(await kept.reports.next()).toEqual(next({ data: { message: { text: 'still here' } } }));
});

it.each([
  ['GET', { preferGetMethod: true }],
  ['POST', { preferGetMethod: false }],
])('answers a query over HTTP by %s', async (method, options) => {
  const operations = new Inbox<unknown>('an operation');
  const server = await serveFixture({
    onSubscribe: ({ protocol, request }) => operations.push([protocol, request.method]),
  });
  const query = 'query ($text: String!) { echo(text: $text) }';
  const result = await connect(server, options).query(query, { text: 'Straße ✓ 🚰' });
  expect(outcomeOf(result)).toEqual({ data: { echo: 'Straße ✓ 🚰' } });
  expect(await operations.next()).toEqual(['http', method]);
});

it('answers a mutation over HTTP whose event a subscription receives', async () => {
  const server = await serveFixture();
  const client = connect(server);
  const room = record(client.subscription(roomSubscription, { room: 'a' }));
  await server.sources(1);
  const result = await client.mutation('mutation { post(room: "a", text: "posted") }', {});
  expect(outcomeOf(result)).toEqual({ data: { post: true } });
  expect(await room.reports.next()).toEqual(next({ data: { message: { text: 'posted' } } }));
});

it.each([
  [
    'a validation error',
    { query: '{ nope }', message: 'Cannot query field "nope" on type "Query".' },
  ],
  [
    'a variable that is missing',
    {
      query: 'query ($n: Int!) { double(n: $n) }',
      message:
        'Variable "$n" has invalid value: Expected a value of non-null type "Int!" to be provided.',
    },
  ],
])('reports %s over HTTP', async (_, { query, message }) => {
  const server = await serveFixture();
  const result = await connect(server).query(query, {});
  expect(outcomeOf(result)).toEqual({ error: `[GraphQL] ${message}` });
});

it('delivers an execution error over HTTP together with the data', async () => {
  const server = await serveFixture();
  const result = await connect(server).query('{ hello fails }', {});
  expect(outcomeOf(result)).toEqual({
    data: { hello: 'world', fails: null },
    error: '[GraphQL] lookup failed',
  });
});

it('answers queries and mutations over the socket', async () => {
  const operations = new Inbox<string>('an operation');
  const server = await serveFixture({ onSubscribe: ({ protocol }) => operations.push(protocol) });
  const client = connect(server, {
    exchanges: [subscriptions(server, { enableAllOperations: true })],
  });
  expect(outcomeOf(await client.query('{ hello }', {}))).toEqual({ data: { hello: 'world' } });
  const mutation = 'mutation { post(room: "a", text: "x") }';
  expect(outcomeOf(await client.mutation(mutation, {}))).toEqual({ data: { post: true } });
  expect(await operations.take(2)).toEqual(['graphql-transport-ws', 'graphql-transport-ws']);
});

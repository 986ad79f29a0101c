import { EventEmitter, once } from 'node:events';

import { parse } from 'graphql';
import { refuse } from 'millrace/server';
import { SubscriptionClient } from 'subscriptions-transport-ws';
import type { ClientOptions, OperationOptions } from 'subscriptions-transport-ws';
import { expect, it, onTestFinished } from 'vitest';
import { WebSocket } from 'ws';

import { serveFixture } from '../support/fixture-server.ts';
import type { FixtureServer } from '../support/fixture-server.ts';
import { completed, failed, next, recordOperation } from './support/recorded-operation.ts';
import type { RecordedOperation } from './support/recorded-operation.ts';
import { recordingWebSocket } from './support/recording-web-socket.ts';
import type { RecordedFrame } from './support/recording-web-socket.ts';
import { Inbox } from '../support/waiting.ts';

const roomSubscription = 'subscription ($room: ID!) { message(room: $room) { text } }';

function connect(
  { webSocketUrl }: Pick<FixtureServer, 'webSocketUrl'>,
  options: ClientOptions = {},
  webSocketImpl: unknown = WebSocket,
): SubscriptionClient {
  const client = new SubscriptionClient(webSocketUrl, options, webSocketImpl);
  onTestFinished(() => client.close());
  return client;
}

function run(
  client: SubscriptionClient,
  query: OperationOptions['query'],
  more: OperationOptions = {},
): RecordedOperation<unknown> & { readonly unsubscribe: () => void } {
  const operation = recordOperation();
  const { unsubscribe } = client
    .request({ ...(query !== undefined && { query }), ...more })
    .subscribe(operation);
  return { ...operation, unsubscribe };
}

/** An operation without an end, to show that the connection still works. */
async function holdOpen(client: SubscriptionClient, server: FixtureServer) {
  const operation = run(client, roomSubscription, { variables: { room: 'held' } });
  await server.sources(1);
  return operation;
}

async function expectStillServed(server: FixtureServer, held: RecordedOperation<unknown>) {
  await server.app.publish('held', 'still here');
  expect(await held.reports.next()).toEqual(next({ data: { message: { text: 'still here' } } }));
}

it('delivers the events of a subscription in order, then completes', async () => {
  const server = await serveFixture();
  const countdown = run(connect(server), 'subscription { countdown(from: 3) }');
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
  const room = run(connect(server), roomSubscription, { variables: { room: 'a' } });
  await server.sources(1);
  for (const text of ['one', 'two', 'Straße ✓ 🚰']) await server.app.publish('a', text);
  expect(await room.reports.take(3)).toEqual([
    next({ data: { message: { text: 'one' } } }),
    next({ data: { message: { text: 'two' } } }),
    next({ data: { message: { text: 'Straße ✓ 🚰' } } }),
  ]);
});

it('takes a document that the client prints itself', async () => {
  const server = await serveFixture();
  const countdown = run(connect(server), parse('subscription { countdown(from: 1) }'));
  expect(await countdown.reports.take(2)).toEqual([next({ data: { countdown: 1 } }), completed]);
});

it('starts what was pipelined behind the init once the connect hook has accepted', async () => {
  const gate = new EventEmitter();
  const accepted = once(gate, 'accept');
  const connecting = new Inbox<unknown>('the connect hook');
  const server = await serveFixture({
    onConnect: async ({ connectionParams }) => {
      connecting.push(connectionParams);
      await accepted;
    },
  });
  const frames = new Inbox<RecordedFrame>('a frame');
  const client = connect(server, { lazy: true }, recordingWebSocket(frames.push));
  const first = run(client, '{ hello }');
  const second = run(client, 'subscription { countdown(from: 1) }');
  await connecting.next();
  expect(await frames.take(3)).toEqual([
    { sent: '{"type":"connection_init","payload":{}}' },
    { sent: '{"id":"1","type":"start","payload":{"query":"{ hello }"}}' },
    {
      sent: '{"id":"2","type":"start","payload":{"query":"subscription { countdown(from: 1) }"}}',
    },
  ]);
  expect(server.gauges().operations).toBe(0);
  gate.emit('accept');
  expect(await first.reports.take(2)).toEqual([next({ data: { hello: 'world' } }), completed]);
  expect(await second.reports.take(2)).toEqual([next({ data: { countdown: 1 } }), completed]);
  expect(await frames.take(2)).toEqual([
    { received: '{"type":"connection_ack"}' },
    { received: '{"type":"ka"}' },
  ]);
});

it('runs several operations on one socket without mixing them', async () => {
  const server = await serveFixture();
  const client = connect(server);
  const inA = run(client, roomSubscription, { variables: { room: 'a' } });
  const inB = run(client, roomSubscription, { variables: { room: 'b' } });
  await server.sources(2);
  expect(server.gauges()).toMatchObject({ connections: 1, operations: 2 });
  await server.app.publish('a', 'for a');
  await server.app.publish('b', 'for b');
  expect(await inA.reports.next()).toEqual(next({ data: { message: { text: 'for a' } } }));
  expect(await inB.reports.next()).toEqual(next({ data: { message: { text: 'for b' } } }));
  const hello = run(client, '{ hello }');
  expect(await hello.reports.take(2)).toEqual([next({ data: { hello: 'world' } }), completed]);
  expect([inA.reports.rest, inB.reports.rest]).toEqual([[], []]);
});

it('answers a query with one result', async () => {
  const server = await serveFixture();
  const echo = run(connect(server), 'query ($text: String!) { echo(text: $text) }', {
    variables: { text: 'Straße ✓ 🚰' },
  });
  expect(await echo.reports.take(2)).toEqual([next({ data: { echo: 'Straße ✓ 🚰' } }), completed]);
});

it('answers a mutation whose event another operation of the socket receives', async () => {
  const server = await serveFixture();
  const client = connect(server);
  const held = await holdOpen(client, server);
  const post = run(client, 'mutation { post(room: "held", text: "posted") }');
  expect(await post.reports.take(2)).toEqual([next({ data: { post: true } }), completed]);
  expect(await held.reports.next()).toEqual(next({ data: { message: { text: 'posted' } } }));
});

it('runs the operation that is named', async () => {
  const server = await serveFixture();
  const named = run(connect(server), 'query A { hello } query B { double(n: 4) }', {
    operationName: 'B',
  });
  expect(await named.reports.take(2)).toEqual([next({ data: { double: 8 } }), completed]);
});

it.each([
  [
    'a syntax error',
    {
      query: '{ hello',
      message: 'Syntax Error: Expected Name, found <EOF>.',
      code: 'GRAPHQL_PARSE_FAILED',
    },
  ],
  [
    'a validation error',
    {
      query: '{ nope }',
      message: 'Cannot query field "nope" on type "Query".',
      code: 'GRAPHQL_VALIDATION_FAILED',
    },
  ],
  [
    'an operation that the document lacks',
    {
      query: 'query A { hello }',
      operationName: 'B',
      message: 'Unknown operation named "B".',
      code: 'OPERATION_NOT_FOUND',
    },
  ],
  [
    'a variable that cannot be coerced',
    {
      query: 'subscription ($from: Int!) { countdown(from: $from) }',
      variables: { from: 'above' },
      message: expect.stringContaining('$from'),
      code: 'BAD_USER_INPUT',
    },
  ],
  [
    'a subscription that its resolver refuses',
    { query: 'subscription { refuses }', message: 'no such room', code: undefined },
  ],
])('reports %s to its operation alone', async (_, { query, message, code, ...more }) => {
  const server = await serveFixture();
  const client = connect(server);
  const held = await holdOpen(client, server);
  const refused = run(client, query, more);
  const error = code === undefined ? { message } : { message, extensions: { code } };
  expect(await refused.reports.next()).toEqual(failed(expect.objectContaining(error)));
  await expectStillServed(server, held);
  expect(refused.reports.rest).toEqual([]);
});

it('reports several errors of one operation as a result without data, then completes', async () => {
  const server = await serveFixture();
  const client = connect(server);
  const held = await holdOpen(client, server);
  const refused = run(client, '{ nope nada }');
  expect(await refused.reports.take(2)).toEqual([
    next({
      errors: [
        expect.objectContaining({ message: 'Cannot query field "nope" on type "Query".' }),
        expect.objectContaining({ message: 'Cannot query field "nada" on type "Query".' }),
      ],
    }),
    completed,
  ]);
  await expectStillServed(server, held);
});

it('delivers an execution error together with the data', async () => {
  const server = await serveFixture();
  const query = run(connect(server), '{ hello fails }');
  expect(await query.reports.take(2)).toEqual([
    next({
      data: { hello: 'world', fails: null },
      errors: [{ message: 'lookup failed', locations: [{ line: 1, column: 9 }], path: ['fails'] }],
    }),
    completed,
  ]);
});

it('goes on with a subscription after an error in one event', async () => {
  const server = await serveFixture();
  const flaky = run(connect(server), 'subscription { flaky }');
  expect(await flaky.reports.take(4)).toEqual([
    next({ data: { flaky: 1 } }),
    next({
      data: { flaky: null },
      errors: [expect.objectContaining({ message: 'flaky', path: ['flaky'] })],
    }),
    next({ data: { flaky: 3 } }),
    completed,
  ]);
});

it('ends a subscription whose source fails with an error that leaks nothing', async () => {
  const server = await serveFixture();
  const client = connect(server);
  const held = await holdOpen(client, server);
  const breaking = run(client, 'subscription { breaks }');
  expect(await breaking.reports.take(2)).toEqual([
    next({ data: { breaks: 1 } }),
    failed({ message: 'Internal server error', extensions: { code: 'SOURCE_FAILED' } }),
  ]);
  await server.sources(1);
  await expectStillServed(server, held);
  expect(breaking.reports.rest).toEqual([]);
  expect(server.internalErrors).toEqual([new Error('secret cause')]);
});

it('stops the source of an operation that is unsubscribed, and no other', async () => {
  const server = await serveFixture();
  const client = connect(server);
  const held = await holdOpen(client, server);
  const room = run(client, roomSubscription, { variables: { room: 'a' } });
  await server.sources(2);
  room.unsubscribe();
  await server.sources(1);
  expect(server.gauges()).toMatchObject({ connections: 1, operations: 1 });
  await server.app.publish('a', 'nobody is there');
  await expectStillServed(server, held);
  expect(room.reports.rest).toEqual([]);
});

it('stops every source when the client closes its socket', async () => {
  const server = await serveFixture();
  const client = connect(server);
  run(client, roomSubscription, { variables: { room: 'a' } });
  run(client, roomSubscription, { variables: { room: 'b' } });
  await server.sources(2);
  client.close();
  await server.sources(0);
  await server.connections(0);
  expect(server.gauges()).toMatchObject({ operations: 0, readers: 0 });
});

it('keeps the socket when the server completes an operation', async () => {
  const server = await serveFixture();
  const client = connect(server);
  const held = await holdOpen(client, server);
  const countdown = run(client, 'subscription { countdown(from: 1) }');
  expect(await countdown.reports.take(2)).toEqual([next({ data: { countdown: 1 } }), completed]);
  await server.sources(1);
  expect(server.gauges()).toMatchObject({ connections: 1, operations: 1 });
  await expectStillServed(server, held);
});

it.each([
  ['an object', { connectionParams: { token: 't0k3n' } }],
  ['a function', { connectionParams: () => ({ token: 't0k3n' }) }],
  ['a promise', { connectionParams: Promise.resolve({ token: 't0k3n' }) }],
])('hands connection parameters given as %s to the connect hook', async (_, options) => {
  const seen = new Inbox<unknown>('the connect hook');
  const server = await serveFixture({
    onConnect: ({ connectionParams, protocol }) => {
      seen.push({ connectionParams, protocol });
    },
  });
  connect(server, options);
  expect(await seen.next()).toEqual({
    connectionParams: { token: 't0k3n' },
    protocol: 'subscriptions-transport-ws',
  });
});

it('starts nothing for a client whose connection parameters fail', async () => {
  const server = await serveFixture();
  const frames = new Inbox<RecordedFrame>('a frame');
  const options: ClientOptions = {
    connectionParams: () => Promise.reject(new Error('no token')),
  };
  const client = connect(server, options, recordingWebSocket(frames.push));
  const disconnected = new Inbox<unknown>('the end of the connection');
  client.onDisconnected(() => disconnected.push('disconnected'));
  const hello = run(client, '{ hello }');
  await disconnected.next();
  expect(await frames.take(3)).toEqual([
    { sent: '{"type":"connection_error","payload":{}}' },
    { sent: '{"id":"1","type":"start","payload":{"query":"{ hello }"}}' },
    {
      received:
        '{"type":"connection_error","payload":{"message":"The connection must be initialised first."}}',
    },
  ]);
  expect(hello.reports.rest).toEqual([]);
});

it('carries a payload with the ack', async () => {
  const server = await serveFixture({ onConnect: () => ({ ackPayload: { motd: 'hi' } }) });
  const client = connect(server);
  const acks = new Inbox<unknown>('the ack');
  client.onConnected(acks.push);
  expect(await acks.next()).toEqual({ motd: 'hi' });
});

it.each([
  ['false', { onConnect: () => false, message: 'Prohibited connection!' }],
  [
    'a refusal with a reason',
    { onConnect: () => refuse({ reason: 'Token expired' }), message: 'Token expired' },
  ],
  [
    'an exception, which it hides,',
    {
      onConnect: () => {
        throw new Error('database password is hunter2');
      },
      message: 'Internal server error',
    },
  ],
])('starts nothing and says why when the connect hook answers %s', async (_, refused) => {
  const started = new Inbox<unknown>('an operation');
  const server = await serveFixture({
    onConnect: refused.onConnect,
    onSubscribe: ({ operation }) => started.push(operation),
  });
  const callbacks = new Inbox<unknown>('the connection callback');
  const client = connect(server, { connectionCallback: callbacks.push });
  const disconnected = new Inbox<unknown>('the end of the connection');
  client.onDisconnected(() => disconnected.push('disconnected'));
  const hello = run(client, '{ hello }');
  expect(await callbacks.next()).toEqual({ message: refused.message });
  expect(await disconnected.next()).toBe('disconnected');
  await server.connections(0);
  expect([...started.rest, ...hello.reports.rest, ...callbacks.rest]).toEqual([]);
});

it('tells the callback of a client that it is accepted', async () => {
  const callbacks = new Inbox<readonly unknown[]>('the connection callback');
  const server = await serveFixture();
  connect(server, { connectionCallback: (...args) => callbacks.push(args) });
  expect(await callbacks.next()).toEqual([]);
});

it('resumes the subscription of a client that finds the next server on the same port', async () => {
  const server = await serveFixture();
  const client = connect(server, { reconnect: true });
  const events = new Inbox<string>('a change of the connection');
  client.onDisconnected(() => events.push('disconnected'));
  client.onReconnected(() => events.push('reconnected'));
  const held = await holdOpen(client, server);
  await server.close();
  expect(await events.next()).toBe('disconnected');
  await server.sources(0);

  const successor = await server.startSuccessor();
  await successor.sources(1);
  await expectStillServed(successor, held);
  expect(events.rest.at(-1)).toBe('reconnected');
});

it('keeps the watchdog of a client quiet by a `ka` after the ack and in each period', async () => {
  const server = await serveFixture({ keepAlive: { keepAliveMs: 100 } });
  const frames = new Inbox<RecordedFrame>('a frame');
  const options = { timeout: 500, reconnect: true };
  const client = connect(server, options, recordingWebSocket(frames.push));
  const disconnected = new Inbox<unknown>('the end of the connection');
  client.onDisconnected(() => disconnected.push('disconnected'));
  const held = await holdOpen(client, server);
  expect((await frames.take(13)).slice(2)).toEqual([
    { received: '{"type":"connection_ack"}' },
    ...Array.from({ length: 10 }, () => ({ received: '{"type":"ka"}' })),
  ]);
  await expectStillServed(server, held);
  expect(disconnected.rest).toEqual([]);
});

it('serves a client again whose watchdog missed a `ka`', async () => {
  const server = await serveFixture({ keepAlive: { keepAliveMs: 60_000 } });
  const client = connect(server, { timeout: 100, reconnect: true });
  const reconnected = new Inbox<unknown>('the second ack');
  const held = await holdOpen(client, server);
  client.onReconnected(() => reconnected.push('reconnected'));
  expect(await reconnected.next()).toBe('reconnected');
  await server.sources(1);
  await expectStillServed(server, held);
});

it('sends no `ka` when that is turned off', async () => {
  const server = await serveFixture({ keepAlive: { keepAliveMs: Number.POSITIVE_INFINITY } });
  const frames = new Inbox<RecordedFrame>('a frame');
  const client = connect(server, { lazy: true }, recordingWebSocket(frames.push));
  const hello = run(client, '{ hello }');
  await hello.reports.take(2);
  expect((await frames.take(5)).slice(2)).toEqual([
    { received: '{"type":"connection_ack"}' },
    { received: '{"id":"1","type":"data","payload":{"data":{"hello":"world"}}}' },
    { received: '{"id":"1","type":"complete","payload":null}' },
  ]);
});

it('refuses one operation too many and serves the others', async () => {
  const server = await serveFixture({ limits: { operationsPerConnection: 1 } });
  const client = connect(server);
  const held = await holdOpen(client, server);
  const surplus = run(client, '{ hello }');
  expect(await surplus.reports.next()).toEqual(
    failed({
      message: 'limits.operationsPerConnection of 1 exceeded',
      extensions: { code: 'TOO_MANY_OPERATIONS', limit: 'operationsPerConnection', maximum: 1 },
    }),
  );
  await expectStillServed(server, held);
});

it('tells the client at once when it does not speak its protocol', async () => {
  const server = await serveFixture({ protocols: ['graphql-transport-ws'] });
  const errors = new Inbox<unknown>('an error');
  const client = connect(server);
  client.onError(errors.push);
  expect(await errors.next()).toMatchObject({ message: 'Server sent no subprotocol' });
});

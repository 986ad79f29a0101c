import { EventEmitter, once } from 'node:events';

import type { Client } from 'graphql-ws';
import { refuse } from 'millrace/server';
import { expect, it, onTestFinished } from 'vitest';

import { serveFixture } from '../support/fixture-server.ts';
import type { FixtureServer } from '../support/fixture-server.ts';
import { createGraphqlWsClient as connect } from './support/graphql-ws-client.ts';
import { completed, failed, next, recordOperation } from './support/recorded-operation.ts';
import type { RecordedOperation } from './support/recorded-operation.ts';
import { recordingWebSocket } from './support/recording-web-socket.ts';
import type { RecordedFrame } from './support/recording-web-socket.ts';
import { Inbox } from '../support/waiting.ts';

const roomSubscription = 'subscription ($room: ID!) { message(room: $room) { text } }';

function run(
  client: Client,
  query: string,
  more: { readonly variables?: Record<string, unknown>; readonly operationName?: string } = {},
): RecordedOperation<unknown> & { readonly unsubscribe: () => void } {
  const operation = recordOperation();
  return { ...operation, unsubscribe: client.subscribe({ query, ...more }, operation) };
}

/** An operation without an end, so that the client keeps its socket. */
async function holdOpen(client: Client, server: FixtureServer) {
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

it('ends an iteration after the last event', async () => {
  const server = await serveFixture();
  const client = connect(server);
  const results: unknown[] = [];
  for await (const result of client.iterate({ query: 'subscription { countdown(from: 2) }' }))
    results.push(result);
  expect(results).toEqual([{ data: { countdown: 2 } }, { data: { countdown: 1 } }]);
});

it('stops the source when an iteration is left', async () => {
  const server = await serveFixture();
  const client = connect(server);
  const held = await holdOpen(client, server);
  const operation = { query: roomSubscription, variables: { room: 'a' } };
  const iterator = client.iterate(operation);
  const first = iterator.next();
  await server.sources(2);
  await server.app.publish('a', 'one');
  expect(await first).toEqual({ done: false, value: { data: { message: { text: 'one' } } } });
  await iterator.return?.();
  await server.sources(1);
  await expectStillServed(server, held);
});

it('throws the errors of a refused operation into an iteration', async () => {
  const server = await serveFixture();
  const iterator = connect(server).iterate({ query: '{ nope }' });
  await expect(iterator.next()).rejects.toEqual([
    expect.objectContaining({ message: 'Cannot query field "nope" on type "Query".' }),
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
    'a validation error of a subscription',
    {
      query: 'subscription { nope }',
      message: 'Cannot query field "nope" on type "Subscription".',
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
      query: 'query ($n: Int!) { double(n: $n) }',
      variables: { n: 'many' },
      message: expect.stringContaining('$n'),
      code: 'BAD_USER_INPUT',
    },
  ],
  [
    'a variable of a subscription that cannot be coerced',
    {
      query: 'subscription ($from: Int!) { countdown(from: $from) }',
      variables: {},
      message: expect.stringContaining('$from'),
      code: 'BAD_USER_INPUT',
    },
  ],
  [
    'a subscription that its resolver refuses',
    {
      query: 'subscription { refuses }',
      message: 'no such room',
      code: undefined,
    },
  ],
])('reports %s to its operation alone', async (_, { query, message, code, ...more }) => {
  const server = await serveFixture();
  const client = connect(server);
  const held = await holdOpen(client, server);
  const refused = run(client, query, more);
  const error = code === undefined ? { message } : { message, extensions: { code } };
  expect(await refused.reports.next()).toEqual(failed([expect.objectContaining(error)]));
  await expectStillServed(server, held);
  expect(refused.reports.rest).toEqual([]);
});

it('reports a subscription whose resolver returns no stream', async () => {
  const server = await serveFixture();
  const refused = run(connect(server), 'subscription { notAStream }');
  expect(await refused.reports.next()).toEqual(
    failed([
      expect.objectContaining({
        path: ['notAStream'],
        extensions: { code: 'SUBSCRIBE_FAILED' },
      }),
    ]),
  );
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

it('hides what a resolver throws by accident', async () => {
  const server = await serveFixture();
  const query = run(connect(server), '{ leaks }');
  expect(await query.reports.next()).toEqual(
    next({
      data: { leaks: null },
      errors: [expect.objectContaining({ message: 'Internal server error', path: ['leaks'] })],
    }),
  );
  expect(server.internalErrors).toEqual([new Error('password is hunter2')]);
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
    failed([{ message: 'Internal server error', extensions: { code: 'SOURCE_FAILED' } }]),
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
  expect(await room.reports.next()).toEqual(completed);
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
  await client.dispose();
  await server.sources(0);
  await server.connections(0);
  expect(server.gauges()).toMatchObject({ operations: 0, readers: 0 });
});

it('serves a client again that terminated its socket', async () => {
  const disconnected = new Inbox<number>('the disconnect hook');
  const server = await serveFixture({ onDisconnect: ({ code }) => disconnected.push(code) });
  const client = connect(server);
  const held = await holdOpen(client, server);
  client.terminate();
  expect(await disconnected.next()).toBe(4499);
  await server.connections(1);
  await server.sources(1);
  await expectStillServed(server, held);
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

it('sees a lazy client connect with its first operation and leave with its last', async () => {
  const disconnected = new Inbox<number>('the disconnect hook');
  const server = await serveFixture({ onDisconnect: ({ code }) => disconnected.push(code) });
  const client = connect(server, { lazy: true });
  const first = run(client, '{ hello }');
  expect(await first.reports.take(2)).toEqual([next({ data: { hello: 'world' } }), completed]);
  expect(await disconnected.next()).toBe(1000);
  const second = run(client, '{ hello }');
  expect(await second.reports.take(2)).toEqual([next({ data: { hello: 'world' } }), completed]);
  expect(await disconnected.next()).toBe(1000);
});

it('accepts a client that connects before it has an operation', async () => {
  const server = await serveFixture();
  const connected = new Inbox<unknown>('the ack');
  const client = connect(server, { lazy: false, on: { connected: connected.push } });
  await connected.next();
  expect(server.gauges()).toMatchObject({ connections: 1, operations: 0 });
  const hello = run(client, '{ hello }');
  expect(await hello.reports.take(2)).toEqual([next({ data: { hello: 'world' } }), completed]);
  expect(server.gauges()).toMatchObject({ connections: 1, operations: 0 });
});

it.each([
  ['false', { onConnect: () => false, reason: 'Forbidden' }],
  [
    'a refusal with a reason',
    { onConnect: () => refuse({ reason: 'Token expired' }), reason: 'Token expired' },
  ],
])('closes 4403 when the connect hook answers %s', async (_, { onConnect, reason }) => {
  const server = await serveFixture({ onConnect });
  const refused = run(connect(server, { retryAttempts: 0 }), '{ hello }');
  expect(await refused.reports.next()).toEqual(
    failed(expect.objectContaining({ code: 4403, reason })),
  );
});

it('closes 4500 when the connect hook throws, and the client does not try again', async () => {
  const connecting = new Inbox<unknown>('an attempt to connect');
  const server = await serveFixture({
    onConnect: () => {
      throw new Error('database password is hunter2');
    },
  });
  const client = connect(server, { retryAttempts: 5, on: { connecting: connecting.push } });
  const refused = run(client, '{ hello }');
  expect(await refused.reports.next()).toEqual(
    failed(expect.objectContaining({ code: 4500, reason: 'Internal server error' })),
  );
  expect(connecting.rest).toEqual([false]);
  expect(server.internalErrors).toEqual([new Error('database password is hunter2')]);
});

it('lets a client in that was refused and tries again', async () => {
  let attempts = 0;
  const server = await serveFixture({
    onConnect: () => {
      attempts += 1;
      return attempts > 1;
    },
  });
  const hello = run(connect(server, { retryAttempts: 1 }), '{ hello }');
  expect(await hello.reports.take(2)).toEqual([next({ data: { hello: 'world' } }), completed]);
});

it.each([
  ['an object', { connectionParams: { token: 't0k3n' } }],
  ['a function', { connectionParams: () => Promise.resolve({ token: 't0k3n' }) }],
])('hands connection parameters given as %s to the connect hook', async (_, options) => {
  const seen = new Inbox<unknown>('the connect hook');
  const server = await serveFixture({
    onConnect: ({ connectionParams, protocol }) => {
      seen.push({ connectionParams, protocol });
    },
  });
  const { connectionParams } = options;
  run(connect(server, { connectionParams }), '{ hello }');
  expect(await seen.next()).toEqual({
    connectionParams: { token: 't0k3n' },
    protocol: 'graphql-transport-ws',
  });
});

it('carries a payload with the ack', async () => {
  const server = await serveFixture({ onConnect: () => ({ ackPayload: { motd: 'hi' } }) });
  const acks = new Inbox<unknown>('the ack');
  const on = { connected: (_: unknown, payload: unknown) => acks.push(payload) };
  const hello = run(connect(server, { on }), '{ hello }');
  expect(await acks.next()).toEqual({ motd: 'hi' });
  expect(await hello.reports.take(2)).toEqual([next({ data: { hello: 'world' } }), completed]);
});

it('forgets a client that gives up waiting for the ack', async () => {
  const server = await serveFixture({ onConnect: () => new Promise<object>(() => {}) });
  const client = connect(server, { connectionAckWaitTimeout: 50, retryAttempts: 0 });
  const waiting = run(client, '{ hello }');
  expect(await waiting.reports.next()).toEqual(failed(expect.objectContaining({ code: 4504 })));
  await server.connections(0);
});

it('closes 1001 when it stops, and the client resumes its subscription on the next server', async () => {
  const closed = new Inbox<unknown>('a close');
  const connecting = new Inbox<boolean>('an attempt to connect');
  const server = await serveFixture();
  const back = new EventEmitter();
  const isBack = once(back, 'again');
  const client = connect(server, {
    retryWait: async () => void (await isBack),
    on: { closed: closed.push, connecting: connecting.push },
  });
  onTestFinished(() => void back.emit('again')); // a client that waits cannot be disposed
  const held = await holdOpen(client, server);
  await server.close();
  expect(await closed.next()).toMatchObject({ code: 1001, reason: 'Going away' });
  await server.sources(0);

  const successor = await server.startSuccessor();
  back.emit('again');
  await successor.sources(1);
  expect(await connecting.take(2)).toEqual([false, true]);
  await expectStillServed(successor, held);
});

it('is found again by a client that retries while nobody listens', async () => {
  const connecting = new Inbox<boolean>('an attempt to connect');
  const server = await serveFixture();
  const client = connect(server, {
    retryAttempts: Number.POSITIVE_INFINITY,
    shouldRetry: () => true, // the error of a refused connection is no close event
    on: { connecting: connecting.push },
  });
  const held = await holdOpen(client, server);
  await server.close();
  expect(await connecting.take(4)).toEqual([false, true, true, true]);
  const successor = await server.startSuccessor();
  await successor.sources(1);
  await expectStillServed(successor, held);
});

it('answers the pings of the client', async () => {
  const server = await serveFixture();
  const pongs = new Inbox<unknown>('a pong');
  const client = connect(server, {
    lazy: false,
    keepAlive: 10,
    on: { pong: (received, payload) => pongs.push({ received, payload }) },
  });
  expect(await pongs.take(3)).toEqual([
    { received: true, payload: undefined },
    { received: true, payload: undefined },
    { received: true, payload: undefined },
  ]);
  await client.dispose();
});

it('asks a silent client whether it lives by pings of the WebSocket, and keeps it', async () => {
  const server = await serveFixture({ keepAlive: { pingAfterMs: 50, pingAnswerMs: 5_000 } });
  const frames = new Inbox<RecordedFrame>('a frame');
  const client = connect(server, { webSocketImpl: recordingWebSocket(frames.push) });
  const held = await holdOpen(client, server);
  const ping = { received: 'websocket ping' };
  expect((await frames.take(6)).slice(3)).toEqual([ping, ping, ping]);
  await expectStillServed(server, held);
});

it('closes 1009 for a message over the limit, and the client says so at once', async () => {
  const server = await serveFixture({ limits: { messageBytes: 1_000 } });
  const tooBig = run(connect(server), 'query ($text: String!) { echo(text: $text) }', {
    variables: { text: 'x'.repeat(1_000) },
  });
  expect(await tooBig.reports.next()).toEqual(failed(expect.objectContaining({ code: 1009 })));
});

it('refuses one operation too many and serves the others', async () => {
  const server = await serveFixture({ limits: { operationsPerConnection: 1 } });
  const client = connect(server);
  const held = await holdOpen(client, server);
  const surplus = run(client, '{ hello }');
  expect(await surplus.reports.next()).toEqual(
    failed([
      {
        message: 'limits.operationsPerConnection of 1 exceeded',
        extensions: {
          code: 'TOO_MANY_OPERATIONS',
          limit: 'operationsPerConnection',
          maximum: 1,
        },
      },
    ]),
  );
  await expectStillServed(server, held);
});

it('tells the client at once when it does not speak its protocol', async () => {
  const server = await serveFixture({ protocols: ['subscriptions-transport-ws'] });
  const refused = run(connect(server, { retryAttempts: 0 }), '{ hello }');
  expect(await refused.reports.next()).toEqual(
    failed(expect.objectContaining({ message: 'Server sent no subprotocol' })),
  );
});

import { execute, GraphQLError, parse, specifiedRules, subscribe } from 'graphql';
import type { ExecutionArgs } from 'graphql';
import {
  GRAPHQL_WS,
  SubscriptionServer,
  UnsupportedOptionError,
} from 'millrace/migrate/subscriptions-transport-ws';
import type {
  ConnectionContext,
  ExecutionParams,
  ServerOptions,
} from 'millrace/migrate/subscriptions-transport-ws';
import { describe, expect, it, onTestFinished, vi } from 'vitest';

import { createMigratedApp, stageWebSocketServer } from '../support/migrate-stage.ts';
import { connectSocket } from '../support/socket-client.ts';
import type { SocketClient } from '../support/socket-client.ts';
import { Inbox, until } from '../support/waiting.ts';

/** Serves the application on a socket by the options of subscriptions-transport-ws. */
async function serve(options: ServerOptions = {}) {
  const app = createMigratedApp();
  const stage = await stageWebSocketServer();
  const reported: string[] = [];
  const onInternalError = (error: unknown, where: string) => {
    reported.push(`${where}: ${error instanceof Error ? error.message : String(error)}`);
  };
  const server = SubscriptionServer.create(
    {
      schema: app.schema,
      execute,
      subscribe,
      ...options,
      millrace: { onInternalError, ...options.millrace },
    },
    stage.webSocketServer,
  );
  onTestFinished(() => server.close());
  const connect = () => stage.connect(GRAPHQL_WS);
  const ready = async (payload?: object): Promise<SocketClient> => {
    const client = await connect();
    client.send(JSON.stringify({ type: 'connection_init', ...(payload && { payload }) }));
    expect(await client.next()).toEqual(message({ type: 'connection_ack' }));
    return client;
  };
  return { ...app, ...stage, connect, ready, reported, server };
}

function start(client: SocketClient, query: string, more: object = {}, id = '1'): void {
  client.send(JSON.stringify({ type: 'start', id, payload: { query, ...more } }));
}

const message = (content: object) => ({ kind: 'message', message: content });
const data = (payload: object, id = '1') => message({ id, type: 'data', payload });
const complete = (id = '1') => message({ id, type: 'complete', payload: null });

async function take(client: SocketClient, count: number) {
  const observations: unknown[] = [];
  while (observations.length < count) observations.push(await client.next());
  return observations;
}

describe('SubscriptionServer', () => {
  it('serves queries, mutations and subscriptions, and shares what is the same', async () => {
    const { ready, pubsub, broker } = await serve();
    const [client, other] = [await ready(), await ready()];
    start(client, '{ hello }');
    expect(await take(client, 2)).toEqual([data({ data: { hello: 'world' } }), complete()]);
    start(client, 'subscription ($to: Int!) { count(to: $to) }', { variables: { to: 1 } }, '2');
    expect(await take(client, 2)).toEqual([data({ data: { count: 1 } }, '2'), complete('2')]);
    for (const one of [client, other]) start(one, 'subscription { tick }', {}, '3');
    await until(() => broker.readerCount === 2, 'two readers');
    const tick = vi.fn(() => 1);
    await pubsub.publish(
      'TICK',
      Object.defineProperty({}, 'tick', { get: tick, enumerable: true }),
    );
    for (const one of [client, other])
      expect(await one.next()).toEqual(data({ data: { tick: 1 } }, '3'));
    expect(tick).toHaveBeenCalledTimes(2); // by the broker, which weighs it, and by one execution
  });

  it('answers a document that is not valid by a result with errors', async () => {
    const { ready } = await serve();
    const client = await ready();
    start(client, '{ nothing }');
    expect(await take(client, 2)).toMatchObject([
      {
        message: {
          type: 'data',
          payload: { errors: [{ message: expect.stringContaining('Cannot query field') }] },
        },
      },
      complete(),
    ]);
    start(client, 'query A { hello } query B { hello }', { operationName: 'C' }, '2');
    expect(await take(client, 2)).toMatchObject([
      { message: { type: 'data', payload: { errors: [{ message: expect.any(String) }] } } },
      complete('2'),
    ]);
  });

  it('answers a text that is no document, and a stream that fails, by an error', async () => {
    const { ready } = await serve();
    const client = await ready();
    start(client, '{');
    expect(await client.next()).toMatchObject({
      message: {
        id: '1',
        type: 'error',
        payload: { message: expect.stringContaining('Syntax Error') },
      },
    });
    start(client, 'subscription { broken }', {}, '2');
    expect(await take(client, 2)).toEqual([
      data({ data: { broken: 1 } }, '2'),
      message({ id: '2', type: 'error', payload: { message: 'out of order' } }),
    ]);
  });

  it('shows the errors of resolvers', async () => {
    const { ready, reported } = await serve();
    const client = await ready();
    start(client, '{ fails }');
    expect(await client.next()).toMatchObject(
      data({ data: { fails: null }, errors: [{ message: 'no such luck', path: ['fails'] }] }),
    );
    expect(reported).toEqual([]);
  });

  it('gives its root value to every operation', async () => {
    const { ready } = await serve({ rootValue: 'the root' });
    const client = await ready();
    start(client, '{ root }');
    expect(await client.next()).toEqual(data({ data: { root: 'the root' } }));
  });

  it('may make its WebSocketServer itself, and is one with `new` as well', async () => {
    const { schema } = createMigratedApp();
    const {
      httpServer,
      webSocketServer: unused,
      url,
    } = await stageWebSocketServer({ noServer: true });
    const server = new SubscriptionServer({ schema }, { server: httpServer, path: '/graphql' });
    onTestFinished(() => server.close());
    expect(server.server).not.toBe(unused);
    const client = await connectSocket(url, GRAPHQL_WS);
    client.send('{"type":"connection_init"}');
    expect(await client.next()).toEqual(message({ type: 'connection_ack' }));
    await server.close();
    expect(await client.next()).toMatchObject({ kind: 'close', code: 1001 });
  });

  it('may be on a path of its own beside another WebSocketServer', async () => {
    const { schema } = createMigratedApp();
    const { httpServer, url } = await stageWebSocketServer({ noServer: true });
    const server = SubscriptionServer.create({ schema, execute, subscribe }, { noServer: true });
    onTestFinished(() => server.close());
    const own = server.server;
    httpServer.on('upgrade', (request, socket, head) => {
      own.handleUpgrade(request, socket, head, (webSocket) => {
        own.emit('connection', webSocket, request);
      });
    });
    const client = await connectSocket(url, GRAPHQL_WS);
    onTestFinished(() => client.socket.terminate());
    client.send('{"type":"connection_init"}');
    expect(await client.next()).toEqual(message({ type: 'connection_ack' }));
    expect([...own.clients].map(({ protocol }) => protocol)).toEqual([GRAPHQL_WS]);
  });

  it('closes those who speak something else with 1002', async () => {
    const onDisconnect = vi.fn();
    const { url, server } = await serve({ onDisconnect });
    const client = await connectSocket(url, undefined);
    expect(await client.next()).toMatchObject({ kind: 'close', code: 1002 });
    await server.close();
    expect(onDisconnect).not.toHaveBeenCalled();
  });

  it('closes once, and leaves nothing behind', async () => {
    const { ready, server, broker, webSocketServer } = await serve();
    const client = await ready();
    start(client, 'subscription { tick }');
    await until(() => broker.readerCount === 1, 'a reader');
    await Promise.all([server.close(), server.close()]);
    expect(broker.readerCount).toBe(0);
    expect(webSocketServer.listenerCount('connection')).toBe(0);
  });

  it.each([
    [20, true],
    [undefined, false],
  ])('with a keepAlive of %s sends `ka`: %s', async (keepAlive, expected) => {
    const { ready } = await serve({ keepAlive });
    const client = await ready();
    if (expected) {
      const alive = message({ type: 'ka' });
      expect(await take(client, 2)).toEqual([alive, alive]);
    } else expect(await client.rest()).toEqual([]);
  });

  it('refuses at the start what Millrace has nothing for', () => {
    const { schema } = createMigratedApp();
    const use = () =>
      new SubscriptionServer({ schema, unheardOf: 1 } as ServerOptions, { noServer: true });
    expect(use).toThrow(UnsupportedOptionError);
    expect(use).toThrow(expect.objectContaining({ option: 'unheardOf' }));
  });
});

describe('onConnect', () => {
  it('gets the parameters, the socket and the context, and returns the context of operations', async () => {
    const onConnect = vi.fn<
      (params: unknown, socket: unknown, context: ConnectionContext) => object
    >(() => ({ user: 'ada' }));
    const { ready, webSocketServer } = await serve({ onConnect });
    const client = await ready({ token: 't' });
    start(client, '{ who }');
    expect(await client.next()).toEqual(data({ data: { who: 'ada' } }));
    const [params, socket, context] = onConnect.mock.calls[0] ?? [];
    expect(params).toEqual({ token: 't' });
    expect(webSocketServer.clients).toContain(socket);
    expect(context?.socket).toBe(socket);
    expect(socket).toMatchObject({ upgradeReq: context?.request });
    expect(await context?.initPromise).toEqual({ user: 'ada' });
  });

  it.each([
    ['returns false', () => false, 'Prohibited connection!'],
    ['resolves with false', async () => false, 'Prohibited connection!'],
    [
      'throws',
      () => {
        throw new Error('no such user');
      },
      'no such user',
    ],
    ['rejects', () => Promise.reject(new Error('no such user')), 'no such user'],
  ])('that %s refuses, and says why', async (_, onConnect, reason) => {
    const { connect, reported } = await serve({ onConnect });
    const client = await connect();
    client.send('{"type":"connection_init"}');
    expect(await take(client, 2)).toEqual([
      message({ type: 'connection_error', payload: { message: reason } }),
      { kind: 'close', code: 1011, reason: '' },
    ]);
    expect(reported).toEqual([]);
  });

  it('is waited for by operations', async () => {
    const asked = new Inbox<(answer: object) => void>('a question');
    const { connect } = await serve({
      onConnect: () => new Promise<object>((resolve) => asked.push(resolve)),
    });
    const client = await connect();
    client.send('{"type":"connection_init"}');
    start(client, '{ who }');
    expect(await client.rest()).toEqual([]);
    const accept = await asked.next();
    accept({ user: 'ada' });
    expect(await take(client, 3)).toEqual([
      message({ type: 'connection_ack' }),
      data({ data: { who: 'ada' } }),
      complete(),
    ]);
  });

  it('has to be asked: nothing is executed before', async () => {
    const { connect } = await serve();
    const client = await connect();
    start(client, '{ hello }');
    expect(await take(client, 2)).toEqual([
      message({
        type: 'connection_error',
        payload: { message: 'The connection must be initialised first.' },
      }),
      { kind: 'close', code: 4401, reason: 'Unauthorized' },
    ]);
  });
});

function fail(): never {
  throw new Error('broken');
}

const formatResponse = (result: object) => ({ ...result, extensions: { seen: true } });
const formatError = (error: Error) => ({ message: `${error.message}!`, extensions: { a: 1 } });

describe('onOperation', () => {
  it('gets the message, the parameters and the socket, and may change the context', async () => {
    const onOperation = vi.fn((_: unknown, params: ExecutionParams, _socket: unknown) => ({
      ...params,
      context: { user: `${String(params.context.user)}!` },
    }));
    const { ready, schema, webSocketServer } = await serve({
      onConnect: () => ({ user: 'ada' }),
      onOperation,
    });
    const client = await ready();
    start(client, '{ who }');
    expect(await client.next()).toEqual(data({ data: { who: 'ada!' } }));
    const [given, params, socket] = onOperation.mock.calls[0] ?? [];
    expect(given).toEqual({ type: 'start', id: '1', payload: { query: '{ who }' } });
    expect(params).toMatchObject({ query: '{ who }', context: { user: 'ada' }, schema });
    expect(webSocketServer.clients).toContain(socket);
  });

  it('gives each operation a context of its own, of the class that onConnect returned', async () => {
    class User {
      readonly user = 'ada';
    }
    const contexts: unknown[] = [];
    const initial = new User();
    const { ready } = await serve({
      onConnect: () => initial,
      onOperation: async (_, params: ExecutionParams) => {
        contexts.push(params.context);
        return params;
      },
    });
    const client = await ready();
    start(client, '{ who }');
    start(client, '{ who }', {}, '2');
    await take(client, 4);
    expect(contexts).toEqual([initial, initial]);
    expect(contexts[0]).toBeInstanceOf(User);
    expect(new Set([...contexts, initial]).size).toBe(3);
  });

  it('may change the document, the variables and the schema', async () => {
    const other = createMigratedApp();
    const { ready } = await serve({
      onOperation: (_, params) => {
        params.query = parse('subscription ($to: Int!) { count(to: $to) }');
        return { ...params, variables: { to: 1 }, schema: other.schema };
      },
    });
    const client = await ready();
    start(client, 'anything');
    expect(await take(client, 2)).toEqual([data({ data: { count: 1 } }), complete()]);
  });

  it.each([
    ['returns nothing', () => undefined, 'onOperation must return an object'],
    [
      'leaves out the schema',
      (_: unknown, params: ExecutionParams) => ({ ...params, schema: undefined }),
      'has a schema',
    ],
    ['throws', () => Promise.reject(new Error('not today')), 'not today'],
  ])('that %s ends the operation, and says why', async (_, onOperation, reason) => {
    const { ready, reported } = await serve({ onOperation });
    const client = await ready();
    start(client, '{ hello }');
    expect(await client.next()).toEqual(
      message({ id: '1', type: 'error', payload: { message: expect.stringContaining(reason) } }),
    );
    expect(reported).toEqual([]);
  });

  it('that throws something with several errors shows them all', async () => {
    const errors = [new GraphQLError('one'), new Error('two')];
    const { ready } = await serve({
      onOperation: () => Promise.reject(Object.assign(new Error('many'), { errors })),
    });
    const client = await ready();
    start(client, '{ hello }');
    expect(await client.next()).toEqual(data({ errors: [{ message: 'one' }, { message: 'two' }] }));
  });

  it('may give a function for each result, and one for failures', async () => {
    const { ready } = await serve({
      onOperation: (_, params) => ({ ...params, formatResponse, formatError }),
    });
    const client = await ready();
    start(client, '{ hello }');
    expect(await client.next()).toEqual(
      data({ data: { hello: 'world' }, extensions: { seen: true } }),
    );
    await client.next();
    start(client, 'subscription { broken }', {}, '2');
    expect(await take(client, 2)).toEqual([
      data({ data: { broken: 1 }, extensions: { seen: true } }, '2'),
      message({
        id: '2',
        type: 'error',
        payload: { message: 'out of order!', extensions: { a: 1 } },
      }),
    ]);
  });

  it('lets go of the source of a subscription whose results it has formatted', async () => {
    const { ready, broker, pubsub } = await serve({
      onOperation: (_, params) => ({ ...params, formatResponse: (result: object) => result }),
    });
    const client = await ready();
    start(client, 'subscription { tick }');
    await until(() => broker.readerCount === 1, 'a reader');
    await pubsub.publish('TICK', { tick: 1 });
    expect(await client.next()).toEqual(data({ data: { tick: 1 } }));
    client.send('{"type":"stop","id":"1"}');
    await until(() => broker.readerCount === 0, 'the end of the reader');
  });

  it('whose functions fail changes nothing, and that is reported', async () => {
    const { ready, reported } = await serve({
      onOperation: (_, params) => ({ ...params, formatResponse: fail, formatError: fail }),
    });
    const client = await ready();
    start(client, 'subscription { broken }');
    expect(await take(client, 2)).toEqual([
      data({ data: { broken: 1 } }),
      message({ id: '1', type: 'error', payload: { message: 'out of order' } }),
    ]);
    expect(reported).toEqual(['formatResponse: broken', 'formatError: broken']);
  });
});

describe('onOperationComplete and onDisconnect', () => {
  it('are told of the socket: of each operation once, then of the end', async () => {
    const told: unknown[] = [];
    const { ready, webSocketServer, broker } = await serve({
      onOperationComplete: (socket, id) => told.push(['operation', socket, id]),
      onDisconnect: (socket, context) => told.push(['disconnect', socket, context.operations]),
    });
    const client = await ready();
    const [socket] = webSocketServer.clients;
    start(client, '{ hello }');
    await take(client, 2);
    start(client, 'subscription { tick }', {}, '2');
    await until(() => broker.readerCount === 1, 'a reader');
    client.close(1000);
    await until(() => told.length === 3, 'all hooks');
    expect(told).toEqual([
      ['operation', socket, '1'],
      ['operation', socket, '2'],
      ['disconnect', socket, {}],
    ]);
  });

  it('may fail: that is reported', async () => {
    const { ready, reported } = await serve({
      onOperationComplete: () => Promise.reject(new Error('one')),
      onDisconnect: () => Promise.reject(new Error('two')),
    });
    const client = await ready();
    start(client, '{ hello }');
    await take(client, 2);
    client.close(1000);
    await until(() => reported.length === 2, 'both reports');
    expect(reported).toEqual(['onComplete: one', 'onDisconnect: two']);
  });
});

describe('functions and rules of the program', () => {
  it('execute what they can', async () => {
    const functions = {
      execute: vi.fn((args: ExecutionArgs) => execute(args) as object),
      subscribe: vi.fn((args: ExecutionArgs) => subscribe(args)),
    };
    const { ready } = await serve({ ...functions, rootValue: 'root' });
    const client = await ready();
    start(client, '{ hello }');
    await take(client, 2);
    start(client, 'subscription { count(to: 1) }', {}, '2');
    expect(await take(client, 2)).toEqual([data({ data: { count: 1 } }, '2'), complete('2')]);
    for (const called of [functions.execute, functions.subscribe])
      expect(called).toHaveBeenCalledExactlyOnceWith(
        expect.objectContaining({ rootValue: 'root' }),
      );
  });

  it('validate in place of those of graphql-js', async () => {
    const { ready } = await serve({
      validationRules: [
        ...specifiedRules,
        (context) => ({
          Field: ({ name }) => {
            if (name.value === 'who') context.reportError(new GraphQLError('not for you'));
          },
        }),
      ],
    });
    const client = await ready();
    start(client, '{ who }');
    expect(await take(client, 2)).toMatchObject([
      data({ errors: [{ message: 'not for you' }] }),
      complete(),
    ]);
    start(client, '{ hello }', {}, '2');
    expect(await client.next()).toEqual(data({ data: { hello: 'world' } }, '2'));
  });
});

import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';

import type { FieldNode, GraphQLSchema, ValidationContext } from 'graphql';
import { createClient } from 'graphql-ws';
import { useServer as useTheirs } from 'graphql-ws/use/ws';
import { useServer as useOurs } from 'millrace/migrate/graphql-ws';
import { SubscriptionServer as Ours } from 'millrace/migrate/subscriptions-transport-ws';
import { SubscriptionClient, SubscriptionServer as Theirs } from 'subscriptions-transport-ws';
import type {
  ClientOptions,
  ConnectionContext,
  ExecutionParams,
  OperationMessage,
  ServerOptions,
} from 'subscriptions-transport-ws';
import { describe, expect, it, onTestFinished, vi } from 'vitest';
import { WebSocket, WebSocketServer } from 'ws';

import { until } from '../../support/waiting.ts';
import { implement, ourGraphql, theirGraphql } from '../support/both-graphqls.ts';
import type { GraphqlLibrary } from '../support/both-graphqls.ts';
import { completed, next, recordOperation } from '../support/recorded-operation.ts';

/** What the programs import. */
interface Imports {
  readonly graphql: GraphqlLibrary;
  readonly SubscriptionServer: typeof Theirs;
  readonly useServer: typeof useTheirs;
}

function createSchema({ graphql }: Imports): GraphQLSchema {
  const schema = graphql.buildSchema(`
    type Query { hello: String user: String root: String fails: String }
    type Subscription { count(to: Int): Int broken: Int forever: Int refused: Int }
  `);
  implement(schema, {
    Query: {
      hello: { resolve: () => 'world' },
      user: {
        resolve: (_: unknown, __: unknown, context: { readonly user?: string }) => context.user,
      },
      root: { resolve: (root: unknown) => root },
      fails: {
        resolve: () => {
          throw new Error('no such luck');
        },
      },
    },
    Subscription: {
      count: {
        async *subscribe(_: unknown, { to }: { readonly to: number }) {
          for (let count = 1; count <= to; count += 1) yield { count };
        },
      },
      broken: {
        async *subscribe() {
          yield { broken: 1 };
          throw new Error('out of order');
        },
      },
      refused: {
        subscribe: () => {
          throw new Error('not for you');
        },
      },
      forever: {
        subscribe: () => ({
          next: () => new Promise(() => {}),
          return: async () => ({ done: true, value: undefined }),
          [Symbol.asyncIterator]() {
            return this;
          },
        }),
      },
    },
  });
  return schema;
}

describe.each<[string, Imports]>([
  [
    'subscriptions-transport-ws',
    { graphql: theirGraphql, SubscriptionServer: Theirs, useServer: useTheirs },
  ],
  [
    'millrace/migrate/subscriptions-transport-ws',
    {
      graphql: ourGraphql,
      // the same by one import
      SubscriptionServer: Ours as unknown as typeof Theirs,
      useServer: useOurs as unknown as typeof useTheirs,
    },
  ],
])('a program that imports %s', (_, imports) => {
  /** The server of the program, and a client of subscriptions-transport-ws. */
  async function serve(options: ServerOptions = {}, clientOptions: ClientOptions = {}) {
    const { execute, subscribe } = imports.graphql;
    const httpServer = createServer();
    const server = imports.SubscriptionServer.create(
      { schema: createSchema(imports), execute, subscribe, ...options },
      { server: httpServer, path: '/graphql' },
    );
    await new Promise<void>((resolve) => httpServer.listen(0, '127.0.0.1', resolve));
    const { port } = httpServer.address() as AddressInfo; // it listens on a port
    const url = `ws://127.0.0.1:${port}/graphql`;
    const client = new SubscriptionClient(url, clientOptions, WebSocket);
    onTestFinished(() => {
      client.close();
      server.close();
      httpServer.closeAllConnections();
      httpServer.close();
    });
    const run = (query: string, variables?: Record<string, unknown>) => {
      const operation = recordOperation();
      const request = { query, ...(variables && { variables }) };
      return { ...operation, ...client.request(request).subscribe(operation) };
    };
    return { client, server, run, url };
  }

  it('answers a query, and a subscription to its end', async () => {
    const { run } = await serve();
    expect(await run('{ hello }').reports.take(2)).toEqual([
      next({ data: { hello: 'world' } }),
      completed,
    ]);
    expect(
      await run('subscription ($to: Int) { count(to: $to) }', { to: 2 }).reports.take(3),
    ).toEqual([next({ data: { count: 1 } }), next({ data: { count: 2 } }), completed]);
  });

  it('says what went wrong where', async () => {
    const { run } = await serve();
    expect(await run('{ fails }').reports.take(2)).toEqual([
      next({
        data: { fails: null },
        errors: [{ message: 'no such luck', locations: [{ line: 1, column: 3 }], path: ['fails'] }],
      }),
      completed,
    ]);
    expect(await run('{ nothing }').reports.take(2)).toMatchObject([
      next({ errors: [{ message: 'Cannot query field "nothing" on type "Query".' }] }),
      completed,
    ]);
    expect(await run('subscription { refused }').reports.take(2)).toMatchObject([
      next({ errors: [{ message: 'not for you', path: ['refused'] }] }),
      completed,
    ]);
    expect(await run('subscription { broken }').reports.take(2)).toMatchObject([
      next({ data: { broken: 1 } }),
      { kind: 'error', error: { message: 'out of order' } },
    ]);
  });

  it('makes a context of what onConnect returns', async () => {
    const { run } = await serve(
      { onConnect: ({ authToken }: { authToken: string }) => ({ user: `owner of ${authToken}` }) },
      { connectionParams: { authToken: 't' } },
    );
    expect(await run('{ user }').reports.next()).toEqual(next({ data: { user: 'owner of t' } }));
  });

  it.each([
    ['returns false', () => false, 'Prohibited connection!'],
    ['rejects', () => Promise.reject(new Error('Missing auth token!')), 'Missing auth token!'],
  ])('refuses if onConnect %s, and says why', async (__, onConnect, message) => {
    const told = vi.fn();
    await serve({ onConnect }, { connectionCallback: (error) => error && told(error) });
    await until(() => told.mock.calls.length > 0, 'the refusal');
    expect(told.mock.calls[0]?.[0]).toEqual({ message });
  });

  it('changes what is executed in onOperation', async () => {
    const { run } = await serve({
      onConnect: () => ({ user: 'ada' }),
      onOperation: (message: OperationMessage, params: ExecutionParams) => ({
        ...params,
        context: {
          user: `${String(params.context.user)} by ${message.type} of ${message.payload?.query}`,
        },
        formatResponse: (result: object) => ({ ...result, extensions: { seen: true } }),
      }),
    });
    expect(await run('{ user }').reports.next()).toEqual(
      next({ data: { user: 'ada by start of { user }' }, extensions: { seen: true } }),
    );
  });

  it('refuses an operation for which onOperation throws', async () => {
    const { run } = await serve({ onOperation: () => Promise.reject(new Error('not today')) });
    expect(await run('{ hello }').reports.next()).toMatchObject({
      kind: 'error',
      error: { message: 'not today' },
    });
  });

  it('has a root value, and rules of its own', async () => {
    const { graphql } = imports;
    const rule = (context: ValidationContext) => ({
      Field: ({ name }: FieldNode) => {
        if (name.value === 'fails') context.reportError(new graphql.GraphQLError('not for you'));
      },
    });
    const { run } = await serve({ rootValue: 'the root', validationRules: [rule] });
    expect(await run('{ root }').reports.next()).toEqual(next({ data: { root: 'the root' } }));
    expect(await run('{ fails }').reports.take(2)).toMatchObject([
      next({ errors: [{ message: 'not for you' }] }),
      completed,
    ]);
  });

  it('tells its hooks what happens', async () => {
    const told: unknown[] = [];
    const { run, client } = await serve({
      onConnect: (params: object) => void told.push(['connect', params]),
      onOperation: (message: OperationMessage, params: ExecutionParams) => {
        told.push(['operation', message.id]);
        return params;
      },
      onOperationComplete: (_socket: unknown, id: string) => void told.push(['complete', id]),
      onDisconnect: async (_socket: unknown, context: ConnectionContext) => {
        told.push(['disconnect', await context.initPromise, context.request.url]);
      },
    });
    const forever = run('subscription { forever }');
    await run('{ hello }').reports.take(2);
    forever.unsubscribe();
    await until(() => told.some((one) => String(one) === 'complete,1'), 'the completion');
    client.close();
    await until(() => told.some((one) => String(one).startsWith('disconnect')), 'the end');
    expect(told.slice(0, 3)).toEqual([
      ['connect', {}],
      ['operation', '1'],
      ['operation', '2'],
    ]);
    // when an operation that has ended by itself is told of, differs
    expect(told.slice(3)).toEqual(
      expect.arrayContaining([
        ['complete', '1'],
        ['complete', '2'],
      ]),
    );
    expect(told.at(-1)).toEqual(['disconnect', undefined, '/graphql']);
  });

  it('keeps connections alive', async () => {
    const { url } = await serve({ keepAlive: 20 });
    const socket = new WebSocket(url, 'graphql-ws');
    const types: string[] = [];
    socket.on('message', (bytes: Buffer) => types.push(JSON.parse(bytes.toString('utf8')).type));
    socket.on('open', () => socket.send('{"type":"connection_init"}'));
    await until(() => types.length >= 3, 'two messages');
    socket.terminate();
    expect(types.slice(0, 3)).toEqual(['connection_ack', 'ka', 'ka']);
  });

  it('serves both protocols side by side', async () => {
    const { graphql, useServer, SubscriptionServer } = imports;
    const schema = createSchema(imports);
    const { execute, subscribe } = graphql;
    const modern = new WebSocketServer({ noServer: true });
    const legacy = new WebSocketServer({ noServer: true });
    const current = useServer({ schema }, modern);
    const old = SubscriptionServer.create({ schema, execute, subscribe }, legacy);
    const httpServer = createServer();
    httpServer.on('upgrade', (request, socket, head) => {
      const offered = String(request.headers['sec-websocket-protocol']).split(/, */);
      const isOld = offered.includes('graphql-ws') && !offered.includes('graphql-transport-ws');
      const chosen = isOld ? legacy : modern;
      chosen.handleUpgrade(request, socket, head, (webSocket) => {
        chosen.emit('connection', webSocket, request);
      });
    });
    await new Promise<void>((resolve) => httpServer.listen(0, '127.0.0.1', resolve));
    const url = `ws://127.0.0.1:${(httpServer.address() as AddressInfo).port}/graphql`;
    const newClient = createClient({ url, webSocketImpl: WebSocket });
    const oldClient = new SubscriptionClient(url, {}, WebSocket);
    onTestFinished(async () => {
      oldClient.close();
      await newClient.dispose();
      await current.dispose();
      old.close();
      httpServer.closeAllConnections();
      httpServer.close();
    });

    const [one, other] = [recordOperation(), recordOperation()];
    newClient.subscribe({ query: '{ hello }' }, one);
    oldClient.request({ query: '{ hello }' }).subscribe(other);

    for (const { reports } of [one, other])
      expect(await reports.take(2)).toEqual([next({ data: { hello: 'world' } }), completed]);
  });
});

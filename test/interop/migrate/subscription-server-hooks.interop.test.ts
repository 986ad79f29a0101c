import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';

import type { ExecutionResult, GraphQLSchema } from 'graphql';
import { SubscriptionServer as Ours } from 'millrace/migrate/subscriptions-transport-ws';
import { SubscriptionServer as Theirs } from 'subscriptions-transport-ws';
import type { ExecutionParams, OperationMessage, ServerOptions } from 'subscriptions-transport-ws';
import { describe, expect, it, onTestFinished } from 'vitest';

import { connectSocket } from '../../support/socket-client.ts';
import type { SocketClient } from '../../support/socket-client.ts';
import { Gate } from '../support/gate.ts';
import { until } from '../../support/waiting.ts';
import { implement, ourGraphql, theirGraphql } from '../support/both-graphqls.ts';
import type { GraphqlLibrary } from '../support/both-graphqls.ts';

/** What the programs import. */
interface Imports {
  readonly graphql: GraphqlLibrary;
  readonly SubscriptionServer: typeof Theirs;
}

function createSchema({ graphql }: Imports): GraphQLSchema {
  const schema = graphql.buildSchema(`
    type Query { hello: String who: String fails: String }
    type Subscription { count: Int broken: Int forever: Int }
  `);
  implement(schema, {
    Query: {
      hello: { resolve: () => 'world' },
      who: {
        resolve: (_: unknown, __: unknown, context: { readonly user?: string }) => context.user,
      },
      fails: {
        resolve: () => {
          throw new Error('no such luck');
        },
      },
    },
    Subscription: {
      count: {
        async *subscribe() {
          yield { count: 1 };
        },
      },
      broken: {
        async *subscribe() {
          yield { broken: 1 };
          throw new OutOfOrder('out of order');
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

class OutOfOrder extends Error {}

/** @yields one result */
async function* counted(): AsyncGenerator<ExecutionResult> {
  yield { data: { count: 5 } };
}

function start(client: SocketClient, query: string, more: object = {}, id = '1'): void {
  client.send(JSON.stringify({ type: 'start', id, payload: { query, ...more } }));
}

const message = (content: object) => ({ kind: 'message', message: content });
const data = (payload: object, id = '1') => message({ id, type: 'data', payload });
const failure = (payload: object, id = '1') => message({ id, type: 'error', payload });
const complete = (id = '1') => message({ id, type: 'complete', payload: null });

describe.each<[string, Imports]>([
  ['subscriptions-transport-ws', { graphql: theirGraphql, SubscriptionServer: Theirs }],
  [
    'millrace/migrate/subscriptions-transport-ws',
    { graphql: ourGraphql, SubscriptionServer: Ours as unknown as typeof Theirs }, // the same by one import
  ],
])('a program that imports %s', (_, imports) => {
  const { graphql } = imports;

  async function serve(options: ServerOptions = {}) {
    const { execute, subscribe } = graphql;
    const httpServer = createServer();
    const server = imports.SubscriptionServer.create(
      { schema: createSchema(imports), execute, subscribe, ...options },
      { server: httpServer, path: '/graphql' },
    );
    await new Promise<void>((resolve) => httpServer.listen(0, '127.0.0.1', resolve));
    const { port } = httpServer.address() as AddressInfo; // it listens on a port
    onTestFinished(() => {
      server.server.clients.forEach((socket) => socket.terminate());
      server.close();
      httpServer.closeAllConnections();
      httpServer.close();
    });
    const open = async () => {
      const client = await connectSocket(`ws://127.0.0.1:${port}/graphql`, 'graphql-ws');
      onTestFinished(() => client.socket.terminate());
      return client;
    };
    const ready = async (payload?: object) => {
      const client = await open();
      client.send(JSON.stringify({ type: 'connection_init', ...(payload && { payload }) }));
      expect(await client.next()).toEqual(message({ type: 'connection_ack' }));
      return client;
    };
    return { open, ready };
  }

  it('sends errors as its formatResponse writes them', async () => {
    const { ready } = await serve({
      onOperation: (__: unknown, params: ExecutionParams) => ({
        ...params,
        formatResponse: ({ errors = [], ...rest }: ExecutionResult) => ({
          ...rest,
          errors: errors.map(({ originalError }) => ({
            message: `sorry: ${originalError?.message}`,
            code: 7,
          })),
        }),
      }),
    });
    const client = await ready();
    start(client, '{ fails }');
    expect(await client.next()).toEqual(
      data({ data: { fails: null }, errors: [{ message: 'sorry: no such luck', code: 7 }] }),
    );
    expect(await client.next()).toEqual(complete());
  });

  it('sends errors as its own execute writes them', async () => {
    const errors = [{ message: 'from elsewhere', path: ['hello'], extensions: { code: 'FAR' } }];
    const { ready } = await serve({
      execute: (async () => ({ data: null, errors })) as unknown as NonNullable<
        ServerOptions['execute']
      >,
    });
    const client = await ready();
    start(client, '{ hello }');
    expect(await client.next()).toEqual(data({ data: null, errors }));
    expect(await client.next()).toEqual(complete());
  });

  it('formats the results of documents that are not valid', async () => {
    const { ready } = await serve({
      onOperation: (__: unknown, params: ExecutionParams) => ({
        ...params,
        formatResponse: ({ errors = [] }: ExecutionResult) => ({
          errors: errors.map((error) => ({ message: `sorry: ${error.message}` })),
        }),
      }),
    });
    const client = await ready();
    start(client, '{ nothing }');
    expect(await client.next()).toEqual(
      data({ errors: [{ message: 'sorry: Cannot query field "nothing" on type "Query".' }] }),
    );
    expect(await client.next()).toEqual(complete());
  });

  it('executes subscriptions by its own execute if it has no subscribe', async () => {
    const options: object = { subscribe: undefined, execute: async () => counted() };
    const { ready } = await serve(options);
    const client = await ready();
    start(client, 'subscription { count }');
    expect(await client.next()).toEqual(data({ data: { count: 5 } }));
    expect(await client.next()).toEqual(complete());
  });

  it('formats the very error that a source fails with', async () => {
    const seen: unknown[] = [];
    const { ready } = await serve({
      onOperation: (__: unknown, params: ExecutionParams) => ({
        ...params,
        formatError: (error: Error) => {
          seen.push(error instanceof OutOfOrder);
          return { message: 'sorry', extensions: { code: 'OUT' } };
        },
      }),
    });
    const client = await ready();
    start(client, 'subscription { broken }');
    expect(await client.next()).toEqual(data({ data: { broken: 1 } }));
    expect(await client.next()).toEqual(failure({ message: 'sorry', extensions: { code: 'OUT' } }));
    expect(seen).toEqual([true]);
  });

  it('takes a document in place of a text, and texts from elsewhere', async () => {
    const { ready } = await serve({
      onOperation: ({ payload }: OperationMessage, params: ExecutionParams) => {
        const { persistedQuery } =
          (payload as { extensions?: Record<string, unknown> }).extensions ?? {};
        if (persistedQuery === 'greet') params.query = '{ hello }';
        if (persistedQuery === 'parsed') params.query = graphql.parse('{ hello }');
        return params;
      },
    });
    const client = await ready();
    for (const persistedQuery of ['greet', 'parsed']) {
      start(client, '', { extensions: { persistedQuery } });
      expect(await client.next()).toEqual(data({ data: { hello: 'world' } }));
      expect(await client.next()).toEqual(complete());
    }
  });

  it('shows the errors of what onOperation throws, in a result', async () => {
    const { ready } = await serve({
      onOperation: () =>
        Promise.reject(
          Object.assign(new Error('several'), {
            errors: [new graphql.GraphQLError('one', { extensions: { code: 'ONE' } })],
          }),
        ),
    });
    const client = await ready();
    start(client, '{ hello }');
    expect(await client.next()).toEqual(
      data({ errors: [{ message: 'one', extensions: { code: 'ONE' } }] }),
    );
  });

  it('gives execute what onOperation made of the parameters', async () => {
    const seen: object[] = [];
    const { ready } = await serve({
      rootValue: 'root',
      onOperation: (__: unknown, params: ExecutionParams) => {
        seen.push({ ...params, schema: params.schema === undefined });
        return { ...params, variables: { a: 1 }, context: { user: 'ada' } };
      },
      execute: ((args: { [name: string]: unknown }) => {
        const { schema: __, document: ___, ...rest } = args;
        seen.push(rest);
        return graphql.execute(args as never);
      }) as unknown as NonNullable<ServerOptions['execute']>,
    });
    const client = await ready();
    start(client, '{ who }');
    expect(await client.next()).toEqual(data({ data: { who: 'ada' } }));
    expect(seen).toStrictEqual([
      {
        query: '{ who }',
        variables: undefined,
        operationName: undefined,
        context: {},
        formatResponse: undefined,
        formatError: undefined,
        callback: undefined,
        schema: false,
      },
      {
        rootValue: 'root',
        contextValue: { user: 'ada' },
        variableValues: { a: 1 },
        operationName: undefined,
      },
    ]);
  });

  it('ends what its client left while onOperation was asked', async () => {
    const told: string[] = [];
    const gate = new Gate();
    const { ready } = await serve({
      onOperation: async (__: unknown, params: ExecutionParams) => {
        told.push('asked');
        await gate.opened;
        return params;
      },
      onOperationComplete: (__: unknown, id: string) => void told.push(`complete ${id}`),
    });
    const client = await ready();
    start(client, 'subscription { count }');
    await until(() => told.length === 1, 'the question');
    client.send('{"type":"stop","id":"1"}');
    await until(() => told.length === 2, 'the completion');
    gate.open();
    expect(told).toEqual(['asked', 'complete 1']);
  });

  it('ends the earlier operation of an id', async () => {
    const told: string[] = [];
    const { ready } = await serve({
      onOperation: ({ id }: OperationMessage, params: ExecutionParams) => {
        told.push(`asked ${id}`);
        return params;
      },
      onOperationComplete: (__: unknown, id: string) => void told.push(`complete ${id}`),
    });
    const client = await ready();
    start(client, 'subscription { forever }');
    await client.rest();
    start(client, 'subscription { count }');
    expect(await client.next()).toEqual(data({ data: { count: 1 } }));
    expect(await client.next()).toEqual(complete());
    expect(told.slice(0, 3)).toEqual(['asked 1', 'complete 1', 'asked 1']);
  });

  it('tells of the end of a client that vanished, operations first', async () => {
    const told: string[] = [];
    const { ready } = await serve({
      onOperationComplete: (__: unknown, id: string) => void told.push(`complete ${id}`),
      onDisconnect: () => void told.push('disconnect'),
    });
    const client = await ready();
    start(client, 'subscription { forever }');
    await client.rest();
    client.socket.terminate();
    await until(() => told.length === 2, 'the end');
    expect(told).toEqual(['complete 1', 'disconnect']);
  });

  it('tells of the end of a client that it refused, or that never said anything', async () => {
    const told: string[] = [];
    const { open } = await serve({
      onConnect: () => false,
      onDisconnect: () => void told.push('disconnect'),
    });
    const refused = await open();
    refused.send('{"type":"connection_init"}');
    expect(await refused.next()).toEqual(
      message({ type: 'connection_error', payload: { message: 'Prohibited connection!' } }),
    );
    expect(await refused.next()).toEqual({ kind: 'close', code: 1011, reason: '' });
    const silent = await open();
    silent.socket.close();
    await until(() => told.length === 2, 'the ends');
    expect(told).toEqual(['disconnect', 'disconnect']);
  });

  it.each([
    ['a number', 7],
    ['nothing', undefined],
    ['true', true],
    ['null', null],
  ])('has an empty context if onConnect returns %s', async (__, answer) => {
    const contexts: unknown[] = [];
    const { ready } = await serve({
      onConnect: () => answer,
      onOperation: (___: unknown, params: ExecutionParams) => {
        contexts.push(params.context);
        return params;
      },
    });
    const client = await ready();
    start(client, '{ hello }');
    expect(await client.next()).toEqual(data({ data: { hello: 'world' } }));
    expect(contexts).toEqual([{}]);
  });

  it('says of a text that is no GraphQL what is wrong', async () => {
    const { ready } = await serve();
    const client = await ready();
    start(client, '{');
    expect(await client.next()).toMatchObject(
      failure({ message: 'Syntax Error: Expected Name, found <EOF>.' }),
    );
  });

  it('answers nonsense, and goes on', async () => {
    const { ready } = await serve();
    const client = await ready();
    client.send('{"type":"nonsense","id":"1"}');
    expect(await client.next()).toMatchObject({
      kind: 'message',
      message: { type: 'error', id: '1', payload: { message: expect.any(String) } },
    });
    client.send('{');
    expect(await client.next()).toMatchObject({
      kind: 'message',
      message: { type: 'connection_error', payload: { message: expect.any(String) } },
    });
    start(client, '{ hello }');
    expect(await client.next()).toEqual(data({ data: { hello: 'world' } }));
  });
});

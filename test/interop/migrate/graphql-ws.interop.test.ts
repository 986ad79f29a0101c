import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';

import type { GraphQLSchema } from 'graphql';
import { createClient } from 'graphql-ws';
import type { ClientOptions, ServerOptions } from 'graphql-ws';
import { useServer as useTheirs } from 'graphql-ws/use/ws';
import type { Extra } from 'graphql-ws/use/ws';
import { useServer as useOurs } from 'millrace/migrate/graphql-ws';
import { describe, expect, it, onTestFinished, vi } from 'vitest';
import { WebSocket, WebSocketServer } from 'ws';

import { until } from '../../support/waiting.ts';
import { implement, ourGraphql, theirGraphql } from '../support/both-graphqls.ts';
import type { GraphqlLibrary } from '../support/both-graphqls.ts';
import { completed, next, recordOperation } from '../support/recorded-operation.ts';

/** What the programs import. */
interface Imports {
  readonly graphql: GraphqlLibrary;
  readonly useServer: typeof useTheirs;
}

type Options = ServerOptions<Record<string, unknown> | undefined, Extra>;

const greetings = ['Hi', 'Bonjour', 'Hola', 'Ciao', 'Zdravo'];

function createSchema({ graphql }: Imports): GraphQLSchema {
  const schema = graphql.buildSchema(`
    type Query { hello: String user: String fails: String }
    type Subscription { greetings: String refused: String broken: String forever: String }
  `);
  implement(schema, {
    Query: {
      hello: { resolve: () => 'world' },
      user: {
        resolve: (_: unknown, __: unknown, context: { readonly user?: string }) => context.user,
      },
      fails: {
        resolve: () => {
          throw new Error('no such luck');
        },
      },
    },
    Subscription: {
      greetings: {
        async *subscribe() {
          for (const text of greetings) yield { greetings: text };
        },
      },
      refused: {
        subscribe: () => {
          throw new Error('not for you');
        },
      },
      broken: {
        async *subscribe() {
          yield { broken: 'one' };
          throw new Error('out of order');
        },
      },
      forever: {
        subscribe: () => {
          let stop: ((result: object) => void) | undefined;
          return {
            next: () => new Promise((resolve) => (stop = resolve)),
            return: async () => {
              stop?.({ done: true, value: undefined });
              return { done: true, value: undefined };
            },
            [Symbol.asyncIterator]() {
              return this;
            },
          };
        },
      },
    },
  });
  return schema;
}

describe.each<[string, Imports]>([
  ['graphql-ws/use/ws', { graphql: theirGraphql, useServer: useTheirs }],
  [
    'millrace/migrate/graphql-ws',
    { graphql: ourGraphql, useServer: useOurs as unknown as typeof useTheirs }, // the same by one import
  ],
])('a program that imports %s', (_, imports) => {
  /** The server of the program, and a client of graphql-ws. */
  async function serve(options: Options = {}, clientOptions: Partial<ClientOptions> = {}) {
    const httpServer = createServer();
    const webSocketServer = new WebSocketServer({ server: httpServer, path: '/graphql' });
    const server = imports.useServer(
      { schema: createSchema(imports), ...options },
      webSocketServer,
    );
    await new Promise<void>((resolve) => httpServer.listen(0, '127.0.0.1', resolve));
    const { port } = httpServer.address() as AddressInfo; // it listens on a port
    const client = createClient({
      url: `ws://127.0.0.1:${port}/graphql`,
      webSocketImpl: WebSocket,
      retryAttempts: 0,
      ...clientOptions,
    });
    onTestFinished(async () => {
      await client.dispose();
      httpServer.closeAllConnections();
      httpServer.close();
    });
    const run = (query: string, more: { readonly variables?: Record<string, unknown> } = {}) => {
      const operation = recordOperation();
      return { ...operation, unsubscribe: client.subscribe({ query, ...more }, operation) };
    };
    return { client, server, webSocketServer, run };
  }

  it('answers a query, and a subscription to its end', async () => {
    const { run, client } = await serve();
    expect(await run('{ hello }').reports.take(2)).toEqual([
      next({ data: { hello: 'world' } }),
      completed,
    ]);
    const heard: unknown[] = [];
    for await (const { data } of client.iterate({ query: 'subscription { greetings }' }))
      heard.push(data?.['greetings']);
    expect(heard).toEqual(greetings);
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
    expect(await run('subscription { broken }').reports.take(2)).toEqual([
      next({ data: { broken: 'one' } }),
      { kind: 'error', error: [{ message: 'out of order' }] },
    ]);
    expect(await run('subscription { refused }').reports.take(2)).toMatchObject([
      next({ errors: [{ message: 'not for you', path: ['refused'] }] }),
      completed,
    ]);
    expect(await run('{ nothing }').reports.next()).toMatchObject({
      kind: 'error',
      error: [
        {
          message: 'Cannot query field "nothing" on type "Query".',
          locations: [{ line: 1, column: 3 }],
        },
      ],
    });
    expect(await run('query ($a: Boolean!) { hello @skip(if: $a) }').reports.take(2)).toMatchObject(
      [next({ errors: [{ message: expect.stringContaining('$a') }] }), completed],
    );
  });

  it('lets in by the parameters of the connection, and gives them to the context', async () => {
    const options: Options = {
      onConnect: ({ connectionParams }) => connectionParams?.['token'] === 'letMeIn',
      context: ({ connectionParams }) => ({
        user: `owner of ${String(connectionParams?.['token'])}`,
      }),
    };
    const admitted = await serve(options, { connectionParams: { token: 'letMeIn' } });
    expect(await admitted.run('{ user }').reports.next()).toEqual(
      next({ data: { user: 'owner of letMeIn' } }),
    );
    const refused = await serve(options, { connectionParams: { token: 'other' } });
    expect(await refused.run('{ user }').reports.next()).toMatchObject({
      kind: 'error',
      error: { code: 4403, reason: 'Forbidden' },
    });
  });

  it('acknowledges with a payload', async () => {
    const connected = vi.fn();
    const { run } = await serve(
      { onConnect: () => ({ region: 'eu' }) },
      { on: { connected: (_socket, payload) => connected(payload) } },
    );
    await run('{ hello }').reports.next();
    expect(connected).toHaveBeenCalledExactlyOnceWith({ region: 'eu' });
  });

  it('executes documents that clients name', async () => {
    const { graphql } = imports;
    const schema = createSchema(imports);
    const queries: Record<string, string> = { greet: '{ hello }' };
    const { run } = await serve({
      onSubscribe: (_ctx, _id, { query }) => {
        const text = queries[query];
        if (text === undefined) return [new graphql.GraphQLError('no such document')];
        return { schema, document: graphql.parse(text) };
      },
    });
    expect(await run('greet').reports.take(2)).toEqual([
      next({ data: { hello: 'world' } }),
      completed,
    ]);
    expect(await run('{ user }').reports.next()).toEqual({
      kind: 'error',
      error: [{ message: 'no such document' }],
    });
  });

  it('validates by functions of its own, and chooses the schema per operation', async () => {
    const { graphql } = imports;
    const schema = createSchema(imports);
    const { run } = await serve({
      schema: (_ctx, _id, payload) => {
        expect(payload.query).toContain('hello');
        return schema;
      },
      validate: (...args) => [
        ...graphql.validate(...args),
        ...(args[1].definitions.length > 1 ? [new graphql.GraphQLError('one is enough')] : []),
      ],
    });
    expect(await run('{ hello }').reports.next()).toEqual(next({ data: { hello: 'world' } }));
    expect(
      await run('query A { hello } fragment B on Query { hello }').reports.next(),
    ).toMatchObject({
      kind: 'error',
      error: expect.arrayContaining([expect.objectContaining({ message: 'one is enough' })]),
    });
  });

  it('changes what is sent', async () => {
    const { run } = await serve({
      onNext: (...[, , , , { data = null }]) => ({ data, extensions: { seen: true } }),
      onError: (_ctx, _id, _payload, errors) =>
        errors.map(({ message }) => ({ message: `${message}!` })),
    });
    expect(await run('{ hello }').reports.next()).toEqual(
      next({ data: { hello: 'world' }, extensions: { seen: true } }),
    );
    expect(await run('subscription { broken }').reports.take(2)).toEqual([
      next({ data: { broken: 'one' }, extensions: { seen: true } }),
      { kind: 'error', error: [{ message: 'out of order!' }] },
    ]);
  });

  it('executes by functions of its own', async () => {
    const { graphql } = imports;
    const called: string[] = [];
    const { run } = await serve({
      execute: (args) => {
        called.push('execute');
        return graphql.execute(args);
      },
      subscribe: (args) => {
        called.push('subscribe');
        return graphql.subscribe(args) as ReturnType<NonNullable<Options['subscribe']>>;
      },
      onOperation: (_ctx, id, _payload, { document }) => {
        called.push(`${id.length > 0} ${document.kind}`);
      },
    });
    expect(await run('{ hello }').reports.next()).toEqual(next({ data: { hello: 'world' } }));
    const events = run('subscription { greetings }').reports;
    expect(await events.take(6)).toEqual([
      ...greetings.map((text) => next({ data: { greetings: text } })),
      completed,
    ]);
    expect(called).toEqual(['execute', 'true Document', 'subscribe', 'true Document']);
  });

  it('tells its hooks what happens, in this order', async () => {
    const told: unknown[] = [];
    const { run, client } = await serve({
      onConnect: ({ acknowledged }) => {
        told.push(['connect', acknowledged]);
      },
      onSubscribe: ({ acknowledged }, id) => {
        told.push(['subscribe', acknowledged, id !== '']);
      },
      onOperation: ({ subscriptions }, id) => {
        told.push(['operation', Object.keys(subscriptions).includes(id)]);
      },
      onNext: (_ctx, _id, payload) => {
        told.push(['next', payload.query]);
      },
      onComplete: (_ctx, _id, payload) => {
        told.push(['complete', payload.query]);
      },
      onDisconnect: (_ctx, code, reason) => {
        told.push(['disconnect', code, reason]);
      },
      onClose: (_ctx, code, reason) => {
        told.push(['close', code, reason]);
      },
    });
    await run('{ hello }').reports.take(2);
    await until(() => told.length === 5, 'the completion');
    await client.dispose();
    await until(() => told.length === 7, 'the end');
    expect(told).toEqual([
      ['connect', false],
      ['subscribe', true, true],
      ['operation', true],
      ['next', '{ hello }'],
      ['complete', '{ hello }'],
      ['disconnect', 1000, 'Normal Closure'],
      ['close', 1000, 'Normal Closure'],
    ]);
  });

  it('lets go of a stream that its client has left', async () => {
    const told: string[] = [];
    const { run } = await serve({
      onComplete: () => {
        told.push('complete');
      },
    });
    const held = run('subscription { greetings }');
    await held.reports.take(6);
    const forever = run('subscription { forever }');
    await run('{ hello }').reports.take(2);
    forever.unsubscribe();
    await until(() => told.length === 3, 'three completions');
    expect(told).toHaveLength(3);
  });

  it('closes those who do not introduce themselves, or twice, or say nonsense', async () => {
    const { webSocketServer } = await serve({ connectionInitWaitTimeout: 50 });
    const address = webSocketServer.address() as AddressInfo; // it listens on a port
    const closeOf = (frames: readonly string[], subprotocol = 'graphql-transport-ws') =>
      new Promise<unknown>((resolve) => {
        const socket = new WebSocket(`ws://127.0.0.1:${address.port}/graphql`, subprotocol);
        socket.on('open', () => {
          for (const frame of frames) socket.send(frame);
        });
        socket.on('error', () => resolve('no subprotocol'));
        socket.on('close', (code, reason) => resolve([code, reason.toString('utf8')]));
      });
    const init = '{"type":"connection_init"}';
    const hello = '{"type":"subscribe","id":"1","payload":{"query":"subscription { forever }"}}';
    expect(await closeOf([])).toEqual([4408, 'Connection initialisation timeout']);
    expect(await closeOf([init, init])).toEqual([4429, 'Too many initialisation requests']);
    expect(await closeOf(['{'])).toEqual([4400, 'Invalid message received']);
    expect(await closeOf(['{"type":"subscribe"}'])).toEqual([4400, 'Invalid message received']);
    expect(await closeOf([hello])).toEqual([4401, 'Unauthorized']);
    expect(await closeOf([], 'graphql-ws')).toBe('no subprotocol');
  });

  it('ends every connection when it is disposed of', async () => {
    const { run, server } = await serve();
    const forever = run('subscription { forever }');
    await run('{ hello }').reports.take(2);
    await server.dispose();
    expect(await forever.reports.next()).toMatchObject({
      kind: 'error',
      error: { code: 1001, reason: 'Going away' },
    });
  });
});

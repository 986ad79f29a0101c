import type { Socket } from 'node:net';

import type { GraphQLSchema } from 'graphql';
import { describe, expect, it } from 'vitest';

import { Gate } from '../support/gate.ts';
import { until } from '../../support/waiting.ts';
import { implement } from '../support/both-graphqls.ts';
import {
  completeFrame,
  graphqlWsImports,
  observed,
  serveGraphqlWsProgram,
  subscribeFrame,
} from '../support/graphql-ws-program.ts';
import type { GraphqlWsImports, GraphqlWsOptions } from '../support/graphql-ws-program.ts';

function createSchema({ graphql }: GraphqlWsImports): GraphQLSchema {
  const schema = graphql.buildSchema(`
    type Query { hello: String who: String root: String }
    type Subscription { count: Int forever: Int }
  `);
  implement(schema, {
    Query: {
      hello: { resolve: () => 'world' },
      who: {
        resolve: (_: unknown, __: unknown, context: { readonly user?: string }) => context.user,
      },
      root: { resolve: ({ name }: { readonly name: string }) => name },
    },
    Subscription: {
      count: {
        async *subscribe() {
          yield { count: 1 };
          yield { count: 2 };
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

describe.each(graphqlWsImports)('a program that imports %s', (_, imports) => {
  const { graphql } = imports;
  const serve = (options: GraphqlWsOptions = {}) =>
    serveGraphqlWsProgram(imports, createSchema(imports), options);

  it('finds documents that clients name in extensions', async () => {
    const schema = createSchema(imports);
    const queries: Record<string, string> = { greet: '{ hello }' };
    const { ready } = await serve({
      onSubscribe: (_ctx, _id, { extensions, variables }) => {
        const { persistedQuery, documentId } = extensions ?? {};
        const { sha256Hash = persistedQuery } = Object(persistedQuery) as { sha256Hash?: unknown };
        const text = queries[String(documentId ?? sha256Hash)];
        if (text === undefined) return [new graphql.GraphQLError('404: Query Not Found')];
        return { schema, document: graphql.parse(text), variableValues: variables };
      },
    });
    const client = await ready();
    const named = [
      { persistedQuery: 'greet' },
      { persistedQuery: { version: 1, sha256Hash: 'greet' } },
      { documentId: 'greet' },
    ];
    for (const extensions of named) {
      client.send(subscribeFrame('', { extensions }));
      expect(await client.next()).toEqual(observed.next({ data: { hello: 'world' } }));
      expect(await client.next()).toEqual(observed.complete());
    }
    client.send(subscribeFrame('', { extensions: { persistedQuery: 'other' } }));
    expect(await client.next()).toEqual(observed.error([{ message: '404: Query Not Found' }]));
  });

  it('says which operation it cannot identify', async () => {
    const { ready } = await serve();
    const client = await ready();
    for (const operationName of ['C', undefined]) {
      client.send(subscribeFrame('query A { hello } query B { hello }', { operationName }));
      expect(await client.next()).toMatchObject(
        observed.error([{ message: 'Unable to identify operation' }]),
      );
    }
  });

  it('refuses with errors of a class of its own, whatever they were made of', async () => {
    class NotAllowed extends graphql.GraphQLError {
      override readonly name = 'NotAllowed';
    }
    const { ready } = await serve({
      onSubscribe: (_ctx, _id, { query }) =>
        query === '{ who }'
          ? [new NotAllowed('not for you', { extensions: { code: 'NOT_ALLOWED' } })]
          : [new graphql.GraphQLError('not now', { originalError: new Error('tired') })],
    });
    const client = await ready();
    client.send(subscribeFrame('{ who }'));
    expect(await client.next()).toEqual(
      observed.error([{ message: 'not for you', extensions: { code: 'NOT_ALLOWED' } }]),
    );
    client.send(subscribeFrame('{ hello }'));
    expect(await client.next()).toEqual(observed.error([{ message: 'not now' }]));
  });

  it('gives functions for the schema what its own parser made of the text', async () => {
    const schema = createSchema(imports);
    const shown: unknown[] = [];
    const { ready } = await serve({
      schema: (_ctx, id, payload, { document, operationName, variableValues }) => {
        shown.push(id, payload.query, document.definitions.length, operationName, variableValues);
        return schema;
      },
      parse: (text) => graphql.parse(String(text).replace('please', '{ hello }')),
    });
    const client = await ready();
    client.send(subscribeFrame('please'));
    expect(await client.next()).toEqual(observed.next({ data: { hello: 'world' } }));
    expect(shown).toEqual(['1', 'please', 1, undefined, undefined]);
  });

  it('has the same arguments from the context to the last result', async () => {
    const seen: Record<string, unknown>[] = [];
    const see = (args: object) => {
      seen.push(args as Record<string, unknown>);
    };
    const { ready } = await serve({
      context: (_ctx, _id, _payload, args) => {
        see(args);
        return { user: 'ada' };
      },
      execute: (args) => {
        see(args);
        return graphql.execute(args);
      },
      onOperation: (_ctx, _id, _payload, args) => see(args),
      onNext: (_ctx, _id, _payload, args) => see(args),
      roots: { query: { name: 'the root' } },
    });
    const client = await ready();
    client.send(subscribeFrame('{ root who }'));
    expect(await client.next()).toEqual(observed.next({ data: { root: 'the root', who: 'ada' } }));
    expect(seen.map((args) => args === seen[0])).toEqual([true, true, true, true]);
    const { operationName, variableValues, rootValue, contextValue } = seen[0] ?? {};
    expect({ operationName, variableValues, rootValue, contextValue }).toStrictEqual({
      operationName: undefined,
      variableValues: undefined,
      rootValue: { name: 'the root' },
      contextValue: { user: 'ada' },
    });
  });

  it('completes what its client left while a hook was asked', async () => {
    for (const asked of ['onSubscribe', 'context'] as const) {
      const told: string[] = [];
      const gate = new Gate();
      const { ready } = await serve({
        [asked]: async () => {
          told.push(`${asked} begins`);
          await gate.opened;
          told.push(`${asked} ends`);
        },
        onComplete: ({ subscriptions }, id) => {
          told.push(`complete ${id}, ${Object.keys(subscriptions).length} left`);
        },
      });
      const client = await ready();
      client.send(subscribeFrame('subscription { forever }'));
      await until(() => told.length === 1, asked);
      client.send(completeFrame());
      expect(await client.rest()).toEqual([]);
      gate.open();
      await until(() => told.length === 3, 'the completion');
      expect(told).toEqual([`${asked} begins`, `${asked} ends`, 'complete 1, 0 left']);
    }
  });

  it('completes what its client left at once', async () => {
    const told: string[] = [];
    const { ready } = await serve({
      onSubscribe: () => void told.push('subscribe'),
      onComplete: ({ subscriptions }) =>
        void told.push(`complete, ${Object.keys(subscriptions).length} left`),
    });
    const client = await ready();
    const { _socket: stream } = client.socket as unknown as { _socket: Socket }; // of ws
    stream.cork();
    client.send(subscribeFrame('subscription { forever }'));
    client.send(completeFrame());
    stream.uncork();
    expect(await client.rest()).toEqual([]);
    await until(() => told.length === 2, 'the completion');
    expect(told).toEqual(['subscribe', 'complete, 0 left']);
  });

  it('completes what a client that vanished had running, then tells of its end', async () => {
    const told: string[] = [];
    const { ready } = await serve({
      onOperation: (_ctx, id) => void told.push(`operation ${id}`),
      onComplete: (_ctx, id) => void told.push(`complete ${id}`),
      onDisconnect: ({ subscriptions }, code, reason) =>
        void told.push(`disconnect ${code}${reason}, ${Object.keys(subscriptions).length} left`),
      onClose: (_ctx, code) => void told.push(`close ${code}`),
    });
    const client = await ready();
    client.send(subscribeFrame('subscription { forever }'));
    await until(() => told.length === 1, 'the operation');
    client.socket.terminate();
    await until(() => told.length === 4, 'the end');
    expect(told).toEqual(['operation 1', 'complete 1', 'disconnect 1006, 0 left', 'close 1006']);
  });

  it('does not tell of the end of a client that was never let in, but that it closed', async () => {
    const told: string[] = [];
    const { open } = await serve({
      onConnect: () => false,
      onDisconnect: () => void told.push('disconnect'),
      onClose: (_ctx, code, reason) => void told.push(`close ${code} ${reason}`),
    });
    const client = await open();
    client.send('{"type":"connection_init"}');
    expect(await client.next()).toEqual({ kind: 'close', code: 4403, reason: 'Forbidden' });
    await until(() => told.length > 0, 'the end');
    expect(told).toEqual(['close 4403 Forbidden']);
  });

  it.each<[string, string, object]>([
    [
      'an init without a payload',
      '{"type":"connection_init","payload":null}',
      { type: 'connection_ack' },
    ],
    [
      'a ping before the init',
      '{"type":"ping","payload":{"a":1}}',
      { type: 'pong', payload: { a: 1 } },
    ],
    ['a ping without a payload', '{"type":"ping"}', { type: 'pong' }],
    ['a text for a payload', '{"type":"connection_init","payload":"x"}', { code: 4400 }],
    ['a list for a payload', '{"type":"connection_init","payload":[]}', { code: 4400 }],
    [
      'a number for an id',
      '{"type":"subscribe","id":1,"payload":{"query":"{ hello }"}}',
      { code: 4400 },
    ],
    ['no id', '{"type":"subscribe","id":"","payload":{"query":"{ hello }"}}', { code: 4400 }],
    ['no query', '{"type":"subscribe","id":"1","payload":{}}', { code: 4400 }],
    ['lists for variables', subscribeFrame('{ hello }', { variables: [] }), { code: 4400 }],
    ['a number for a name', subscribeFrame('{ hello }', { operationName: 1 }), { code: 4400 }],
    ['lists for extensions', subscribeFrame('{ hello }', { extensions: [] }), { code: 4400 }],
    ['an unknown type', '{"type":"hello"}', { code: 4400 }],
    ['a list', '[]', { code: 4400 }],
  ])('answers %s', async (__, frame, answer) => {
    const { open } = await serve();
    const client = await open();
    client.send(frame);
    const heard = await client.next();
    expect(heard.kind === 'message' ? heard.message : heard).toMatchObject(answer);
  });

  it('closes who uses an id twice', async () => {
    const { ready } = await serve();
    const client = await ready();
    for (let times = 0; times < 2; times += 1)
      client.send(subscribeFrame('subscription { forever }'));
    expect(await client.next()).toEqual({
      kind: 'close',
      code: 4409,
      reason: 'Subscriber for 1 already exists',
    });
  });

  it('sends what onNext makes, for each result', async () => {
    const { ready } = await serve({
      onNext: async (...[, id, payload, { document }, { data, errors }]) => {
        const count = Number(data?.['count']);
        if (count === 1) return undefined;
        return { data: { id, query: payload.query, kind: document.kind, count, errors } };
      },
    });
    const client = await ready();
    client.send(subscribeFrame('subscription { count }'));
    expect(await client.next()).toEqual(observed.next({ data: { count: 1 } }));
    expect(await client.next()).toEqual(
      observed.next({
        data: { id: '1', query: 'subscription { count }', kind: 'Document', count: 2 },
      }),
    );
    expect(await client.next()).toEqual(observed.complete());
  });

  it('sends the results of an iterable that onOperation gives in place of another', async () => {
    const told: string[] = [];
    const { ready } = await serve({
      onOperation: async (_ctx, _id, { query }) => {
        if (query.includes('hello')) return { data: { hello: 'you' } };
        return (async function* () {
          yield { data: { forever: 7 } };
        })();
      },
      onNext: (...[, , , , { data }]) => void told.push(JSON.stringify(data)),
      onComplete: () => void told.push('complete'),
    });
    const client = await ready();
    client.send(subscribeFrame('{ hello }'));
    expect(await client.next()).toEqual(observed.next({ data: { hello: 'you' } }));
    expect(await client.next()).toEqual(observed.complete());
    client.send(subscribeFrame('subscription { forever }'));
    expect(await client.next()).toEqual(observed.next({ data: { forever: 7 } }));
    expect(await client.next()).toEqual(observed.complete());
    expect(told).toEqual(['{"hello":"you"}', 'complete', '{"forever":7}', 'complete']);
  });

  it('shows what the failure of a source says beside its message', async () => {
    const schema = createSchema(imports);
    implement(schema, {
      Subscription: {
        count: {
          async *subscribe() {
            yield { count: 1 };
            throw Object.assign(new Error('out of order'), { extensions: { code: 'OUT' } });
          },
        },
      },
    });
    const { ready } = await serve({ schema });
    const client = await ready();
    client.send(subscribeFrame('subscription { count }'));
    expect(await client.next()).toEqual(observed.next({ data: { count: 1 } }));
    expect(await client.next()).toEqual(
      observed.error([{ message: 'out of order', extensions: { code: 'OUT' } }]),
    );
  });
});

import type { GraphQLSchema } from 'graphql';
import { describe, expect, it } from 'vitest';

import { until } from '../../support/waiting.ts';
import { implement } from '../support/both-graphqls.ts';
import { Gate } from '../support/gate.ts';
import {
  graphqlWsImports,
  observed,
  serveGraphqlWsProgram,
  subscribeFrame,
} from '../support/graphql-ws-program.ts';
import type { GraphqlWsImports, GraphqlWsOptions } from '../support/graphql-ws-program.ts';

function createSchema({ graphql }: GraphqlWsImports): GraphQLSchema {
  const schema = graphql.buildSchema(`
    type Query { hello: String }
    type Subscription { broken: Int refused: Int forever: Int root: String }
  `);
  implement(schema, {
    Query: { hello: { resolve: () => 'world' } },
    Subscription: {
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
      root: {
        async *subscribe({ name }: { readonly name: string }) {
          yield { root: name };
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

  it('tells how each operation ended', async () => {
    const told: string[] = [];
    const { ready } = await serve({
      onNext: (_ctx, id) => void told.push(`next ${id}`),
      onError: (_ctx, id, { query }, errors) =>
        void told.push(`error ${id} ${query} ${errors.map(({ message }) => message).join()}`),
      onComplete: (_ctx, id) => void told.push(`complete ${id}`),
    });
    const client = await ready();
    client.send(subscribeFrame('subscription { broken }', {}, 'b'));
    await until(() => told.length === 3, 'the failure');
    client.send(subscribeFrame('subscription { refused }', {}, 'r'));
    await until(() => told.length === 5, 'the refusal');
    client.send(subscribeFrame('{ nothing }', {}, 'n'));
    await until(() => told.length === 6, 'the error');
    client.send(subscribeFrame('{ hello }', {}, 'h'));
    await until(() => told.length === 8, 'the result');
    expect(told).toEqual([
      'next b',
      'error b subscription { broken } out of order',
      'complete b',
      'next r',
      'complete r',
      'error n { nothing } Cannot query field "nothing" on type "Query".',
      'next h',
      'complete h',
    ]);
  });

  it('shows the errors of its own validation, whatever they were made of', async () => {
    class TooLong extends graphql.GraphQLError {
      override readonly name = 'TooLong';
    }
    const shown: unknown[] = [];
    const { ready } = await serve({
      validate: () => [new TooLong('too long', { originalError: new Error('a secret') })],
      onError: (_ctx, _id, _payload, errors) =>
        void shown.push(errors.map(({ originalError }) => originalError?.message)),
    });
    const client = await ready();
    client.send(subscribeFrame('{ hello }'));
    expect(await client.next()).toMatchObject(observed.error([{ message: 'too long' }]));
    expect(shown).toEqual([['a secret']]);
  });

  it('gives a subscription its root', async () => {
    const { ready } = await serve({ roots: { subscription: { name: 'ada' } } });
    const client = await ready();
    client.send(subscribeFrame('subscription { root }'));
    expect(await client.next()).toEqual(observed.next({ data: { root: 'ada' } }));
  });

  it('tells of every end when it is disposed of', async () => {
    const told: string[] = [];
    const { ready, server } = await serve({
      onOperation: () => void told.push('operation'),
      onComplete: () => void told.push('complete'),
      onDisconnect: (_ctx, code, reason) => void told.push(`disconnect ${code} ${reason}`),
      onClose: (_ctx, code, reason) => void told.push(`close ${code} ${reason}`),
    });
    const client = await ready();
    client.send(subscribeFrame('subscription { forever }'));
    await until(() => told.length === 1, 'the operation');
    await server.dispose();
    await until(() => told.length === 4, 'the end');
    expect(told).toEqual([
      'operation',
      'complete',
      'disconnect 1001 Going away',
      'close 1001 Going away',
    ]);
  });

  it('waits for onConnect for longer than for the init message', async () => {
    const gate = new Gate();
    const { open } = await serve({
      connectionInitWaitTimeout: 30,
      onConnect: () => gate.opened,
    });
    const [slow, silent] = [await open(), await open()];
    slow.send('{"type":"connection_init"}');
    expect(await silent.next()).toEqual({
      kind: 'close',
      code: 4408,
      reason: 'Connection initialisation timeout',
    });
    gate.open();
    expect(await slow.next()).toMatchObject({ message: { type: 'connection_ack' } });
  });

  it('tells onClose of a client that vanished while onConnect was asked', async () => {
    const told: string[] = [];
    const gate = new Gate();
    const { open } = await serve({
      onConnect: () => {
        told.push('connect');
        return gate.opened;
      },
      onDisconnect: () => void told.push('disconnect'),
      onClose: (_ctx, code) => void told.push(`close ${code}`),
    });
    const client = await open();
    client.send('{"type":"connection_init"}');
    await until(() => told.length === 1, 'the question');
    client.socket.terminate();
    await until(() => told.length === 2, 'the end');
    gate.open();
    const other = await open();
    other.send('{"type":"connection_init"}');
    await other.next();
    expect(told).toEqual(['connect', 'close 1006', 'connect']);
  });
});

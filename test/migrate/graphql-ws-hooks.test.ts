import { execute, GraphQLError, parse, specifiedRules, subscribe, validate } from 'graphql';
import type { ExecutionArgs, ExecutionResult, GraphQLSchema } from 'graphql';
import { useServer } from 'millrace/migrate/graphql-ws';
import type { Context } from 'millrace/migrate/graphql-ws';
import { describe, expect, it, onTestFinished, vi } from 'vitest';

import {
  complete,
  message,
  next,
  serveGraphqlWs as serve,
  start,
  take,
} from '../support/graphql-ws-stage.ts';
import { createMigratedApp, stageWebSocketServer } from '../support/migrate-stage.ts';
import { until } from '../support/waiting.ts';

describe('onConnect', () => {
  it('gets the parameters, the socket and the request, and its object goes with the acknowledgement', async () => {
    const onConnect = vi.fn(
      ({ connectionParams, acknowledged, connectionInitReceived }: Context) => ({
        seen: { connectionParams, acknowledged, connectionInitReceived },
      }),
    );
    const { connect, webSocketServer } = await serve({ onConnect });
    const client = await connect();
    client.send('{"type":"connection_init","payload":{"token":"t"}}');
    expect(await client.next()).toEqual(
      message({
        type: 'connection_ack',
        payload: {
          seen: {
            connectionParams: { token: 't' },
            acknowledged: false,
            connectionInitReceived: true,
          },
        },
      }),
    );
    const [context] = onConnect.mock.calls[0] ?? [];
    expect(webSocketServer.clients).toContain(context?.extra.socket);
    expect(context?.extra.request.url).toBe('/graphql');
    expect(context?.acknowledged).toBe(true);
  });

  it.each([[true], [undefined]])('that returns %s lets in, with nothing beside', async (answer) => {
    const { connect } = await serve({ onConnect: () => answer });
    const client = await connect();
    client.send('{"type":"connection_init"}');
    expect(await client.next()).toEqual(message({ type: 'connection_ack' }));
  });

  it('that returns false closes with 4403, and there is nobody to disconnect', async () => {
    const onDisconnect = vi.fn();
    const onClose = vi.fn();
    const { connect } = await serve({ onConnect: async () => false, onDisconnect, onClose });
    const client = await connect();
    client.send('{"type":"connection_init"}');
    expect(await client.next()).toEqual({ kind: 'close', code: 4403, reason: 'Forbidden' });
    await until(() => onClose.mock.calls.length === 1, 'onClose');
    expect(onDisconnect).not.toHaveBeenCalled();
  });

  it('that throws closes with 4500, and is reported', async () => {
    const { connect, reported } = await serve({
      onConnect: () => {
        throw new Error('no database');
      },
    });
    const client = await connect();
    client.send('{"type":"connection_init"}');
    expect(await client.next()).toEqual({
      kind: 'close',
      code: 4500,
      reason: 'Internal server error',
    });
    expect(reported).toEqual(['onConnect: no database']);
  });

  it('is waited for by operations: one before it is answered is closed with 4401', async () => {
    const { connect } = await serve();
    const client = await connect();
    start(client, '{ hello }');
    expect(await client.next()).toEqual({ kind: 'close', code: 4401, reason: 'Unauthorized' });
  });

  it('has to be asked for in time', async () => {
    const { connect } = await serve({ connectionInitWaitTimeout: 20 });
    const client = await connect();
    expect(await client.next()).toEqual({
      kind: 'close',
      code: 4408,
      reason: 'Connection initialisation timeout',
    });
  });
});

describe('onDisconnect and onClose', () => {
  it('are told in this order, after operations have ended', async () => {
    const told: unknown[] = [];
    const { ready, broker } = await serve({
      onComplete: (_, id) => {
        told.push(['complete', id]);
      },
      onDisconnect: async (_, code, reason) => {
        await Promise.resolve();
        told.push(['disconnect', code, reason]);
      },
      onClose: ({ subscriptions }, code, reason) => {
        told.push(['close', code, reason, subscriptions]);
      },
    });
    const client = await ready();
    start(client, 'subscription { tick }');
    await until(() => broker.readerCount === 1, 'a reader');
    client.socket.close(4321, 'enough');
    await until(() => told.length === 3, 'all hooks');
    expect(told).toEqual([
      ['complete', '1'],
      ['disconnect', 4321, 'enough'],
      ['close', 4321, 'enough', {}],
    ]);
  });

  it('may fail: that is reported', async () => {
    const { ready, reported } = await serve({
      onDisconnect: () => Promise.reject(new Error('one')),
      onClose: () => Promise.reject(new Error('two')),
    });
    const client = await ready();
    client.socket.close(1000);
    await until(() => reported.length === 2, 'both reports');
    expect(reported).toEqual(['onDisconnect: one', 'onClose: two']);
  });
});

describe('schema, context and roots', () => {
  it('may be functions, which learn of the operation', async () => {
    const app = createMigratedApp();
    const schema = vi.fn<(...given: unknown[]) => Promise<GraphQLSchema>>(async () => app.schema);
    const context = vi.fn<(...given: unknown[]) => object>(() => ({ user: 'ada' }));
    const { ready } = await serve({ schema, context });
    const client = await ready();
    start(client, 'query Who { who }', { operationName: 'Who' });
    expect(await take(client, 2)).toEqual([next({ data: { who: 'ada' } }), complete()]);
    const payload = { query: 'query Who { who }', operationName: 'Who' };
    const any = expect.anything() as unknown;
    expect(schema).toHaveBeenCalledExactlyOnceWith(any, '1', payload, {
      document: any,
      operationName: 'Who',
      variableValues: undefined,
    });
    expect(context).toHaveBeenCalledExactlyOnceWith(
      any,
      '1',
      payload,
      expect.objectContaining({ schema: app.schema, operationName: 'Who', document: any }),
    );
  });

  it('may be values', async () => {
    const { ready } = await serve({
      context: { user: 'grace' },
      roots: { query: 'the root' },
    });
    const client = await ready();
    start(client, '{ who root }');
    expect(await client.next()).toEqual(next({ data: { who: 'grace', root: 'the root' } }));
  });

  it('that fail end the operation, and nothing else', async () => {
    const { ready, reported } = await serve({
      context: () => {
        throw new Error('no context');
      },
    });
    const client = await ready();
    start(client, '{ hello }');
    expect(await client.next()).toMatchObject({
      message: { type: 'error', payload: [{ message: 'Internal server error' }] },
    });
    expect(reported).toEqual(['context: no context']);
  });

  it('are the same for every event', async () => {
    const contexts = new Set<unknown>();
    const app = createMigratedApp();
    Object.assign(app.schema.getSubscriptionType()?.getFields()['count'] ?? {}, {
      resolve: (event: { readonly count: number }, _: unknown, context: unknown) => {
        contexts.add(context);
        return event.count;
      },
    });
    const context = { user: 'ada' };
    const { ready } = await serve({ schema: app.schema, context });
    const client = await ready();
    start(client, 'subscription { count(to: 3) }');
    await take(client, 4);
    expect([...contexts]).toEqual([context]);
    expect([...contexts][0]).toBe(context);
  });
});

describe('onSubscribe', () => {
  it('may refuse with errors, which onError sees, and the operation does not complete', async () => {
    const onError = vi.fn<(...given: unknown[]) => undefined>(() => undefined);
    const onComplete = vi.fn();
    const error = new GraphQLError('not today', { extensions: { code: 'CLOSED' } });
    const { ready } = await serve({ onSubscribe: () => [error], onError, onComplete });
    const client = await ready();
    start(client, '{ hello }');
    expect(await client.next()).toEqual(
      message({
        id: '1',
        type: 'error',
        payload: [{ message: 'not today', extensions: { code: 'CLOSED' } }],
      }),
    );
    expect(onError.mock.calls[0]?.[3]).toEqual([error]);
    await client.rest();
    expect(onComplete).not.toHaveBeenCalled();
  });

  it('may give arguments, which are executed as they are', async () => {
    const app = createMigratedApp();
    const documents: Record<string, string> = { h: '{ hello who }', t: 'subscription { tick }' };
    const onSubscribe = (_: unknown, _id: string, payload: { readonly query: string }) => ({
      schema: app.schema,
      document: parse(documents[payload.query] ?? ''),
    });
    const stage = await stageWebSocketServer();
    const server = useServer({ onSubscribe, context: { user: 'ada' } }, stage.webSocketServer);
    onTestFinished(() => server.dispose());
    const client = await stage.connect();
    client.send('{"type":"connection_init"}');
    await client.next();
    start(client, 'h');
    expect(await take(client, 2)).toEqual([
      next({ data: { hello: 'world', who: 'ada' } }),
      complete(),
    ]);
    start(client, 't', {}, '2');
    await until(() => app.broker.readerCount === 1, 'a reader');
    await app.pubsub.publish('TICK', { tick: 1 });
    expect(await client.next()).toEqual(next({ data: { tick: 1 } }, '2'));
    client.send('{"type":"complete","id":"2"}');
    await until(() => app.broker.readerCount === 0, 'the end of the reader');
  });

  it('may give arguments with a context and a root value of their own', async () => {
    const app = createMigratedApp();
    const { ready } = await serve({
      onSubscribe: () => ({
        schema: app.schema,
        document: parse('{ who root }'),
        contextValue: { user: 'own' },
        rootValue: 'own root',
      }),
      context: { user: 'other' },
      roots: { query: 'other root' },
    });
    const client = await ready();
    start(client, 'any');
    expect(await client.next()).toEqual(next({ data: { who: 'own', root: 'own root' } }));
  });

  it('has to give an operation', async () => {
    const app = createMigratedApp();
    const { ready } = await serve({
      onSubscribe: () => ({
        schema: app.schema,
        document: parse('query A { hello } query B { hello }'),
      }),
    });
    const client = await ready();
    start(client, 'any');
    expect(await client.next()).toMatchObject({
      message: { type: 'error', payload: [{ message: 'Unable to identify operation' }] },
    });
  });

  it.each([
    ['throws', () => Promise.reject(new Error('broken'))],
    ['returns what is nothing of the kind', () => ['not an error'] as never],
  ])('that %s ends its operation with a masked error', async (_, onSubscribe) => {
    const { ready, reported } = await serve({ onSubscribe });
    const client = await ready();
    start(client, '{ hello }');
    expect(await client.next()).toMatchObject({
      message: { type: 'error', payload: [{ message: 'Internal server error' }] },
    });
    expect(reported).toEqual([expect.stringContaining('onSubscribe: ')]);
  });
});

describe('onOperation, onNext, onError and onComplete', () => {
  it('are told what happens, with the context, the id and the payload first', async () => {
    const told: unknown[] = [];
    const tell =
      (name: string) =>
      (context: Context, id: string, payload: unknown, ...more: unknown[]): undefined => {
        told.push([name, Object.keys(context.subscriptions), id, payload, more.length]);
      };
    const { ready } = await serve({
      onOperation: tell('operation'),
      onNext: tell('next'),
      onError: tell('error'),
      onComplete: tell('complete'),
    });
    const client = await ready();
    start(client, 'subscription { broken }');
    await take(client, 2);
    await until(() => told.length === 4, 'all hooks');
    const payload = { query: 'subscription { broken }' };
    expect(told).toEqual([
      ['operation', ['1'], '1', payload, 2],
      ['next', ['1'], '1', payload, 2],
      ['error', ['1'], '1', payload, 1],
      ['complete', [], '1', payload, 0],
    ]);
  });

  it('may replace what is sent', async () => {
    const { ready } = await serve({
      onNext: (...[, , , , result]) => ({ ...result, extensions: { seen: true } }),
      onError: (_, _id, _payload, errors) =>
        errors.map(({ message: text }) => new GraphQLError(`${text}!`)),
    });
    const client = await ready();
    start(client, '{ hello }');
    expect(await take(client, 2)).toEqual([
      next({ data: { hello: 'world' }, extensions: { seen: true } }),
      complete(),
    ]);
    start(client, 'subscription { broken }', {}, '2');
    expect(await take(client, 2)).toEqual([
      next({ data: { broken: 1 }, extensions: { seen: true } }, '2'),
      message({ id: '2', type: 'error', payload: [{ message: 'out of order!' }] }),
    ]);
  });

  it.each([
    ['{ hello }', [next({ data: { replaced: true } }), complete()]],
    ['subscription { tick }', [next({ data: { replaced: true } }), complete()]],
  ])('onOperation may replace what an operation gives: %s', async (query, expected) => {
    const { ready } = await serve({
      onOperation: async () => ({ data: { replaced: true } }),
    });
    const client = await ready();
    start(client, query);
    expect(await take(client, 2)).toEqual(expected);
  });
});

function fail(): never {
  throw new Error('broken');
}

describe('functions of the program', () => {
  it.each([
    ['{ hello }', 'execute'],
    ['subscription { count(to: 1) }', 'subscribe'],
  ] as const)('execute: %s by %s', async (query, name) => {
    const functions = {
      execute: vi.fn((args: ExecutionArgs) => execute(args) as object),
      subscribe: vi.fn((args: ExecutionArgs) => subscribe(args)),
    };
    const { ready } = await serve({ ...functions, context: { user: 'ada' } });
    const client = await ready();
    start(client, query, { variables: { a: 1 } });
    await take(client, 2);
    expect(functions[name]).toHaveBeenCalledExactlyOnceWith(
      expect.objectContaining({ contextValue: { user: 'ada' }, variableValues: { a: 1 } }),
    );
  });

  it('are left aside where they are those of graphql-js', async () => {
    const { ready, pubsub, broker } = await serve({ execute, subscribe, parse, validate });
    const [one, other] = [await ready(), await ready()];
    for (const client of [one, other]) start(client, 'subscription { tick }');
    await until(() => broker.readerCount === 2, 'two readers');
    const tick = vi.fn(() => 1);
    await pubsub.publish(
      'TICK',
      Object.defineProperty({}, 'tick', { get: tick, enumerable: true }),
    );
    for (const client of [one, other])
      expect(await client.next()).toEqual(next({ data: { tick: 1 } }));
    expect(tick).toHaveBeenCalledTimes(2); // by the broker, which weighs it, and by one execution
  });

  it.each([true, false])('may say null for no errors; masked: %s', async (maskErrors) => {
    const none = { data: { hello: 'you' }, errors: null } as unknown as ExecutionResult;
    const { ready, reported } = await serve({
      execute: () => none,
      subscribe: async function* each() {
        yield await Promise.resolve(none);
      },
      millrace: { maskErrors },
    });
    const client = await ready();
    start(client, '{ hello }');
    expect(await client.next()).toEqual(next({ data: { hello: 'you' } }));
    await client.next();
    start(client, 'subscription { tick }', {}, '2');
    expect(await client.next()).toEqual(next({ data: { hello: 'you' } }, '2'));
    expect(reported).toEqual([]);
  });

  it('that throw end the operation with a masked error', async () => {
    const { ready, reported } = await serve({ execute: fail, subscribe: fail });
    const client = await ready();
    start(client, '{ hello }');
    expect(await client.next()).toMatchObject({ message: { type: 'error' } });
    start(client, 'subscription { tick }', {}, '2');
    expect(await client.next()).toMatchObject({ message: { type: 'error' } });
    expect(reported).toEqual(['variables: broken', 'subscribe: broken']);
  });

  it('may not execute to a stream', async () => {
    const returned = vi.fn(async () => ({ done: true as const, value: undefined }));
    const stream = { next: returned, return: returned, [Symbol.asyncIterator]: () => stream };
    const { ready, reported } = await serve({ execute: () => stream as never });
    const client = await ready();
    start(client, '{ hello }');
    expect(await client.next()).toMatchObject({ message: { type: 'error' } });
    expect(reported).toEqual([expect.stringContaining('Millrace executes @defer')]);
    expect(returned).toHaveBeenCalledOnce();
  });

  it('validate: what they refuse is refused, what they allow is allowed', async () => {
    const rules = specifiedRules.filter(({ name }) => name !== 'NoUnusedVariablesRule');
    const ruled = vi.fn((schema: GraphQLSchema, document: ReturnType<typeof parse>) =>
      document.loc?.source.body.includes('who')
        ? [new GraphQLError('not for you')]
        : validate(schema, document, rules),
    );
    const { ready } = await serve({ validate: ruled });
    const client = await ready();
    start(client, '{ who }');
    expect(await client.next()).toMatchObject({
      message: { type: 'error', payload: [{ message: 'not for you' }] },
    });
    start(client, 'query ($a: Int) { hello }', {}, '2');
    expect(await take(client, 2)).toEqual([next({ data: { hello: 'world' } }, '2'), complete('2')]);
    start(client, '{ nothing }', {}, '3');
    expect(await client.next()).toMatchObject({ message: { id: '3', type: 'error' } });
    start(client, '{', {}, '4');
    expect(await client.next()).toMatchObject({ message: { id: '4', type: 'error' } });
  });

  it('parse, whatever the text is', async () => {
    const { ready } = await serve({
      parse: (text: string) => (text === 'bad' ? parse('{') : parse(`{ ${text} }`)),
    });
    const client = await ready();
    start(client, 'hello');
    expect(await take(client, 2)).toEqual([next({ data: { hello: 'world' } }), complete()]);
    start(client, 'bad', {}, '2');
    expect(await client.next()).toMatchObject({
      message: { type: 'error', payload: [{ message: expect.stringContaining('Syntax Error') }] },
    });
    start(client, 'nothing', {}, '3');
    expect(await client.next()).toMatchObject({ message: { id: '3', type: 'error' } });
  });

  it('do not lift the limits on documents', async () => {
    const { ready } = await serve({ validate: () => [], millrace: { limits: { tokens: 10 } } });
    const client = await ready();
    start(client, `{ ${'hello '.repeat(20)} }`);
    expect(await client.next()).toMatchObject({
      message: { payload: [{ extensions: { code: 'DOCUMENT_LIMIT_EXCEEDED' } }] },
    });
  });
});

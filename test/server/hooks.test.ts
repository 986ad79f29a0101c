import { GraphQLError } from 'graphql';
import { refuse } from 'millrace/server';
import { describe, expect, it, vi } from 'vitest';

import { converse, listenTo, messagesOf, subscribe } from '../support/conversation.ts';

const fails = (): never => {
  throw new Error('hook is broken');
};

describe('onConnect', () => {
  it('gets the payload of the init message, the request and the protocol', async () => {
    const onConnect = vi.fn(() => ({ user: 'ada' }));
    const { connect, clock } = converse({ onConnect });
    const client = connect({ headers: { cookie: 'a=b' } });

    client.send('{"type":"connection_init","payload":{"token":"t"}}');
    await clock.settle();

    expect(onConnect).toHaveBeenCalledExactlyOnceWith({
      connectionParams: { token: 't' },
      protocol: 'graphql-transport-ws',
      request: { method: 'GET', url: '/graphql', headers: { cookie: 'a=b' } },
    });
  });

  it('gives the session to the context, and its ackPayload to the client', async () => {
    const context = vi.fn(() => ({}));
    const session = { user: 'ada', ackPayload: { region: 'eu' } };
    const { connect } = converse({ onConnect: () => session, context });
    const client = connect();

    client.send('{"type":"connection_init"}');
    expect(await client.next()).toEqual({
      kind: 'message',
      message: { type: 'connection_ack', payload: { region: 'eu' } },
    });
    subscribe(client, '1', '{ hello }');
    await client.next();

    expect(context).toHaveBeenCalledWith(
      expect.objectContaining({ session, operation: { query: '{ hello }' } }),
    );
  });

  it.each([null, false])(
    'that returns %s, as a search for nobody does, lets nobody in',
    async (found) => {
      const { connect } = converse({ onConnect: () => found });
      const client = connect();

      client.send('{"type":"connection_init"}');

      expect(await client.next()).toEqual({ kind: 'close', code: 4403, reason: 'Forbidden' });
    },
  );

  it('may throw its refusal from deeper down', async () => {
    const { connect } = converse({
      onConnect: () => {
        throw refuse({ reason: 'No such tenant' }); // eslint-disable-line typescript/only-throw-error -- the documented way to refuse from deeper down
      },
    });
    const client = connect();

    client.send('{"type":"connection_init"}');

    expect(await client.next()).toEqual({ kind: 'close', code: 4403, reason: 'No such tenant' });
  });

  it('may refuse with a reason that is no text, which is not shown', async () => {
    const reason: unknown = new Error('secret');
    const { connect } = converse({ onConnect: () => refuse({ reason: reason as string }) });
    const client = connect();

    client.send('{"type":"connection_init"}');

    expect(await client.next()).toEqual({ kind: 'close', code: 4403, reason: 'Forbidden' });
  });

  it('that throws closes its own connection only, and tells the host program', async () => {
    let calls = 0;
    const { connect, ready, hidden } = converse({
      onConnect: () => ((calls += 1) === 2 ? fails() : {}),
    });
    const neighbour = await ready();
    const client = connect();

    client.send('{"type":"connection_init"}');

    expect(await client.next()).toEqual({
      kind: 'close',
      code: 4500,
      reason: 'Internal server error',
    });
    expect(hidden).toEqual(['onConnect: hook is broken']);
    subscribe(neighbour, '1', '{ hello }');
    expect(await neighbour.next()).toMatchObject({ message: { type: 'next' } });
  });

  it('that returns an ackPayload which JSON cannot hold closes 4500', async () => {
    const { connect, hidden } = converse({ onConnect: () => ({ ackPayload: { n: 1n } }) });
    const client = connect();

    client.send('{"type":"connection_init"}');

    expect(await client.next()).toMatchObject({ kind: 'close', code: 4500 });
    expect(hidden).toHaveLength(1);
  });

  it('that never settles holds nothing once its client is gone', async () => {
    const { connect, server, clock } = converse({ onConnect: () => new Promise<object>(() => {}) });
    const client = connect();

    client.send('{"type":"connection_init"}');
    await clock.settle();
    client.vanish();
    await clock.settle();

    expect(server.gauges()).toEqual({ connections: 0, operations: 0, deadlines: 0, readers: 0 });
  });
});

describe('onSubscribe', () => {
  it.each([
    ['graphql-transport-ws', 'subscribe', '7'],
    ['subscriptions-transport-ws', 'start', 7],
  ] as const)('learns the id of an operation over %s', async (protocol, type, id) => {
    const onSubscribe = vi.fn();
    const { ready } = converse({ onSubscribe });
    const client = await ready({ protocol });

    client.send(JSON.stringify({ type, id, payload: { query: '{ hello }' } }));
    await client.rest();

    expect(onSubscribe).toHaveBeenCalledExactlyOnceWith(expect.objectContaining({ id }));
  });

  it('may refuse an operation with errors', async () => {
    const { ready } = converse({
      onSubscribe: () => [new GraphQLError('not today', { extensions: { code: 'CLOSED' } })],
    });
    const client = await ready();

    subscribe(client, '1', '{ hello }');

    expect(await client.next()).toEqual({
      kind: 'message',
      message: {
        id: '1',
        type: 'error',
        payload: [{ message: 'not today', extensions: { code: 'CLOSED' } }],
      },
    });
  });

  it('that throws refuses its operation with a masked error', async () => {
    const { ready, hidden } = converse({
      onSubscribe: ({ operation }) => (operation.query === '{ fails }' ? fails() : undefined),
    });
    const client = await ready();

    subscribe(client, '1', '{ fails }');
    subscribe(client, '2', '{ hello }');

    expect(await messagesOf(client)).toEqual([
      {
        id: '1',
        type: 'error',
        payload: [
          { message: 'Internal server error', extensions: { code: 'INTERNAL_SERVER_ERROR' } },
        ],
      },
      { id: '2', type: 'next', payload: { data: { hello: 'world' } } },
      { id: '2', type: 'complete' },
    ]);
    expect(hidden).toEqual(['onSubscribe: hook is broken']);
  });

  it('that never settles keeps its operation alone', async () => {
    const { ready } = converse({
      onSubscribe: ({ operation }) =>
        operation.operationName === 'Slow' ? new Promise<void>(() => {}) : undefined,
    });
    const client = await ready();

    subscribe(client, '1', 'query Slow { hello }', { operationName: 'Slow' });
    subscribe(client, '2', '{ hello }');

    expect(await messagesOf(client)).toHaveLength(2);
  });
});

describe('onNext', () => {
  it('may replace a result', async () => {
    const { ready } = converse({
      onNext: ({ result }) => ({ ...result, extensions: { seen: true } }),
    });
    const client = await ready();

    subscribe(client, '1', '{ hello }');

    expect(await client.next()).toMatchObject({
      message: { payload: { data: { hello: 'world' }, extensions: { seen: true } } },
    });
  });

  it('that throws ends its operation with one masked error and closes the source', async () => {
    const { ready, app, hidden } = converse({ onNext: fails });
    const client = await ready();
    listenTo(client, '1', 'a');
    await client.rest();

    await app.publish('a', 'x');

    expect(await messagesOf(client)).toEqual([
      expect.objectContaining({
        id: '1',
        type: 'error',
        payload: [expect.objectContaining({ message: 'Internal server error' })],
      }),
    ]);
    expect(app.openSources()).toBe(0);
    expect(hidden).toEqual(['operation: hook is broken']);
  });
});

describe('onError', () => {
  it('may replace the errors', async () => {
    const { ready } = converse({ onError: () => [{ message: 'replaced' }] });
    const client = await ready();

    subscribe(client, '1', '{ nope }');

    expect(await client.next()).toMatchObject({
      message: { type: 'error', payload: [{ message: 'replaced' }] },
    });
  });

  it('that throws is a masked error', async () => {
    const { ready, hidden } = converse({ onError: fails });
    const client = await ready();

    subscribe(client, '1', '{ nope }');

    expect(await client.next()).toMatchObject({
      message: { payload: [{ message: 'Internal server error' }] },
    });
    expect(hidden).toEqual(['onError: hook is broken']);
  });
});

describe('a hook that throws what cannot be looked at', () => {
  const named = Object.assign(new Error('secret'), { name: 'GraphQLError' });
  const broken = new GraphQLError('secret');
  broken.toJSON = fails;
  const bare: unknown = Object.create(null);

  it.each([
    ['an error that is a GraphQLError by name alone', named, true],
    ['a GraphQLError whose toJSON throws', broken, true],
    ['what cannot become a text, with everything shown', bare, false],
  ])('ends its operation with a masked error: %s', async (_title, thrown, maskErrors) => {
    const { ready } = converse({
      maskErrors,
      onError: () => Promise.reject(thrown),
      onInternalError: () => {},
    });
    const client = await ready();

    subscribe(client, '1', '{ nope }');

    expect(await client.next()).toMatchObject({
      message: {
        type: 'error',
        payload: [
          { message: 'Internal server error', extensions: { code: 'INTERNAL_SERVER_ERROR' } },
        ],
      },
    });
  });
});

describe('errors that JSON cannot hold', () => {
  it('end their operation on the wire all the same', async () => {
    const { ready } = converse({ onError: () => [{ message: 7n as unknown as string }] });
    const client = await ready();

    subscribe(client, '1', '{ nope }');

    expect(await client.next()).toMatchObject({
      message: { id: '1', type: 'error', payload: [{ message: '7' }] },
    });
  });
});

describe('onComplete and onDisconnect', () => {
  it('are told once about each operation and session, however it ended', async () => {
    const ended: unknown[] = [];
    const { ready, clock } = converse({
      onComplete: ({ operation }) => ended.push(operation.query),
      onDisconnect: ({ code }) => ended.push(code),
    });
    const client = await ready();

    subscribe(client, 'done', '{ hello }');
    subscribe(client, 'failed', '{ nope }');
    subscribe(client, 'cancelled', '{ slow }');
    subscribe(client, 'cut', '{ never }');
    await client.rest();
    client.send('{"id":"cancelled","type":"complete"}');
    client.vanish();
    await clock.settle();

    expect(ended).toEqual(['{ nope }', '{ hello }', '{ slow }', '{ never }', 1006]);
  });

  it('onDisconnect is told about a session whose client left before it was accepted', async () => {
    const codes: number[] = [];
    let accept: ((session: object) => void) | undefined;
    const { connect, clock } = converse({
      onConnect: () => new Promise<object>((resolve) => (accept = resolve)),
      onDisconnect: ({ code }) => codes.push(code),
    });
    const client = connect();
    client.send('{"type":"connection_init"}');
    await clock.settle();
    client.vanish();
    await clock.settle();
    expect(codes).toEqual([]);

    accept?.({});
    await clock.settle();

    expect(codes).toEqual([1006]);
  });

  it('that throw or reject harm nobody, a broken reporter included', async () => {
    const consoleError = vi.spyOn(console, 'error').mockImplementation(() => {});
    const { ready, clock } = converse({
      onComplete: fails,
      onDisconnect: () => Promise.reject(new Error('x')),
      onInternalError: fails,
    });
    const client = await ready();

    subscribe(client, '1', '{ hello }');
    expect(await messagesOf(client)).toHaveLength(2);
    client.vanish();
    await clock.settle();

    expect(consoleError).toHaveBeenCalledTimes(2);
    consoleError.mockRestore();
  });
});

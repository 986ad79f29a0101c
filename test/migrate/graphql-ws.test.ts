import { once } from 'node:events';

import { UnsupportedOptionError, useServer } from 'millrace/migrate/graphql-ws';
import type { ServerOptions } from 'millrace/migrate/graphql-ws';
import { describe, expect, it, onTestFinished, vi } from 'vitest';
import { WebSocket } from 'ws';

import {
  complete,
  message,
  next,
  serveGraphqlWs as serve,
  start,
  take,
} from '../support/graphql-ws-stage.ts';
import { createMigratedApp, stageWebSocketServer } from '../support/migrate-stage.ts';
import { connectSocket } from '../support/socket-client.ts';
import { until } from '../support/waiting.ts';

describe('useServer', () => {
  it('serves queries, mutations and subscriptions', async () => {
    const { ready, pubsub, broker } = await serve();
    const client = await ready();
    start(client, '{ hello }');
    expect(await take(client, 2)).toEqual([next({ data: { hello: 'world' } }), complete()]);
    start(client, 'mutation { say(text: "hi") }', {}, '2');
    expect(await take(client, 2)).toEqual([next({ data: { say: 'hi' } }, '2'), complete('2')]);
    start(client, 'subscription ($to: Int!) { count(to: $to) }', { variables: { to: 2 } }, '3');
    expect(await take(client, 3)).toEqual([
      next({ data: { count: 1 } }, '3'),
      next({ data: { count: 2 } }, '3'),
      complete('3'),
    ]);
    start(client, 'subscription { tick }', {}, '4');
    await until(() => broker.readerCount === 1, 'a reader');
    await pubsub.publish('TICK', { tick: 7 });
    expect(await client.next()).toEqual(next({ data: { tick: 7 } }, '4'));
  });

  it('shows the errors of resolvers and sources as graphql-js writes them', async () => {
    const { ready, reported } = await serve();
    const client = await ready();
    start(client, '{ fails }');
    const error = { message: 'no such luck', locations: [{ line: 1, column: 3 }], path: ['fails'] };
    expect(await take(client, 2)).toEqual([
      next({ data: { fails: null }, errors: [error] }),
      complete(),
    ]);
    start(client, 'subscription { broken }', {}, '2');
    expect(await take(client, 2)).toEqual([
      next({ data: { broken: 1 } }, '2'),
      message({ id: '2', type: 'error', payload: [{ message: 'out of order' }] }),
    ]);
    expect(reported).toEqual([]);
  });

  it('says with its code what happened to a source of its own', async () => {
    const { ready, broker, schema } = await serve();
    Object.assign(schema.getSubscriptionType()?.getFields()['tick'] ?? {}, {
      resolve: (event: { readonly tick: number }) => event.tick,
    });
    const client = await ready();
    start(client, 'subscription { tick }');
    await until(() => broker.readerCount === 1, 'a reader');
    await broker.close();
    expect(await client.next()).toEqual(complete());
    start(client, 'subscription { tick }', {}, '2');
    expect(await take(client, 2)).toMatchObject([
      {
        message: {
          type: 'next',
          payload: {
            errors: [
              { message: 'the memory broker was closed', extensions: { code: 'BROKER_CLOSED' } },
            ],
          },
        },
      },
      complete('2'),
    ]);
  });

  it('takes 0 for no keepAlive and for any time until the init', async () => {
    const { ready } = await serve({ connectionInitWaitTimeout: 0 }, 0);
    const client = await ready();
    start(client, '{ hello }');
    expect(await client.next()).toEqual(next({ data: { hello: 'world' } }));
  });

  it('pings a silent client, and closes it with 4408 if that does not answer', async () => {
    const { url } = await serve({}, 30);
    const socket = new WebSocket(url, 'graphql-transport-ws', { autoPong: false });
    const pinged = once(socket, 'ping');
    const closed = once(socket, 'close');
    await pinged;
    expect(String(await closed)).toBe('4408,Ping timeout');
  });

  it('hides them with maskErrors', async () => {
    const { ready, reported } = await serve({ millrace: { maskErrors: true } });
    const client = await ready();
    start(client, '{ fails }');
    expect(await take(client, 2)).toMatchObject([
      { message: { payload: { errors: [{ message: 'Internal server error' }] } } },
      complete(),
    ]);
    expect(reported).toEqual(['resolver: no such luck']);
  });

  it('answers a stream that cannot be made, and variables, by a result with errors', async () => {
    const { ready } = await serve();
    const client = await ready();
    start(client, 'subscription { refused }');
    expect(await take(client, 2)).toMatchObject([
      {
        message: {
          type: 'next',
          payload: { errors: [{ message: 'not for you', path: ['refused'] }] },
        },
      },
      complete(),
    ]);
    start(client, 'query ($flag: Boolean!) { hello @skip(if: $flag) }', {}, '2');
    expect(await take(client, 2)).toMatchObject([
      {
        message: {
          type: 'next',
          payload: { errors: [{ extensions: { code: 'BAD_USER_INPUT' } }] },
        },
      },
      complete('2'),
    ]);
  });

  it('refuses what is not valid with an error message', async () => {
    const { ready } = await serve();
    const client = await ready();
    start(client, '{ nothing }');
    expect(await client.next()).toMatchObject({
      message: {
        type: 'error',
        payload: [{ message: expect.stringContaining('Cannot query field "nothing"') }],
      },
    });
  });

  it('shares executions among those who ask for the same', async () => {
    const { ready, pubsub, broker } = await serve({ onSubscribe: () => undefined });
    const clients = await Promise.all(Array.from({ length: 4 }, () => ready()));
    for (const client of clients) start(client, 'subscription { tick }');
    await until(() => broker.readerCount === 4, 'four readers');
    const tick = vi.fn(() => 1);
    await pubsub.publish(
      'TICK',
      Object.defineProperty({}, 'tick', { get: tick, enumerable: true }),
    );
    for (const client of clients) expect(await client.next()).toEqual(next({ data: { tick: 1 } }));
    expect(tick).toHaveBeenCalledTimes(2); // by the broker, which weighs it, and by one execution
  });
});

describe('the subprotocol', () => {
  it('is graphql-transport-ws, whatever else is offered', async () => {
    const { connect } = await serve();
    const client = await connect(['graphql-ws', 'graphql-transport-ws']);
    expect(client.socket.protocol).toBe('graphql-transport-ws');
  });

  it.each([[undefined], ['graphql-ws']])('closes those who offer %s with 4406', async (offered) => {
    const onClose = vi.fn();
    const { url, webSocketServer } = await serve({ onClose });
    // `ws` itself refuses an answer without the subprotocol that it asked for
    const connecting = connectSocket(url, offered);
    if (offered === undefined) {
      expect(await (await connecting).next()).toEqual({
        kind: 'close',
        code: 4406,
        reason: 'Subprotocol not acceptable',
      });
    } else {
      await expect(connecting).rejects.toThrow('subprotocol');
    }
    await until(() => onClose.mock.calls.length === 1, 'onClose');
    expect(webSocketServer.clients.size).toBe(0);
  });

  it('may be the older one besides', async () => {
    const { connect } = await serve({
      millrace: { protocols: ['graphql-transport-ws', 'subscriptions-transport-ws'] },
    });
    const client = await connect('graphql-ws');
    client.send('{"type":"connection_init"}');
    expect(await client.next()).toEqual(message({ type: 'connection_ack' }));
  });
});

const token = 'graphql-transport-ws';
const handleProtocols = () => 'own';

describe('a WebSocketServer', () => {
  it('goes on to decide on upgrades: by path and verifyClient', async () => {
    const app = createMigratedApp();
    const { webSocketServer, url } = await stageWebSocketServer({
      path: '/graphql',
      verifyClient: ({ req }: { readonly req: { readonly headers: object } }) =>
        'authorization' in req.headers,
    });
    const server = useServer({ schema: app.schema }, webSocketServer);
    onTestFinished(() => server.dispose());
    await expect(connectSocket(url, token)).rejects.toThrow('401');
    await expect(connectSocket(url.replace('graphql', 'other'), token)).rejects.toThrow('400');
    const client = await connectSocket(url, token, { authorization: 'Bearer t' });
    client.send('{"type":"connection_init"}');
    expect(await client.next()).toEqual(message({ type: 'connection_ack' }));
    client.socket.terminate();
  });

  it('may have no server of its own', async () => {
    const app = createMigratedApp();
    const { webSocketServer, httpServer, connect } = await stageWebSocketServer({ noServer: true });
    const server = useServer({ schema: app.schema }, webSocketServer);
    onTestFinished(() => server.dispose());
    httpServer.on('upgrade', (request, socket, head) => {
      webSocketServer.handleUpgrade(request, socket, head, (webSocket) => {
        webSocketServer.emit('connection', webSocket, request);
      });
    });
    const client = await connect();
    client.send('{"type":"connection_init"}');
    expect(await client.next()).toEqual(message({ type: 'connection_ack' }));
  });

  it('may compress what it reads', async () => {
    const app = createMigratedApp();
    const { webSocketServer, connect } = await stageWebSocketServer({
      perMessageDeflate: { threshold: 0 },
    });
    const server = useServer({ schema: app.schema }, webSocketServer);
    onTestFinished(() => server.dispose());
    const client = await connect();
    expect(client.socket.extensions).toContain('permessage-deflate');
    client.send('{"type":"connection_init"}');
    expect(await client.next()).toEqual(message({ type: 'connection_ack' }));
    for (const id of ['1', '2']) start(client, '{ hello }', {}, id);
    expect(await take(client, 4)).toContainEqual(next({ data: { hello: 'world' } }, '2'));
  });

  it('gets the bounds on messages of the server, and its own back', async () => {
    const { webSocketServer, connect } = await stageWebSocketServer({
      maxPayload: 1_000_000,
      handleProtocols,
    });
    const app = createMigratedApp();
    const server = useServer(
      { schema: app.schema, millrace: { limits: { messageBytes: 500 } } },
      webSocketServer,
    );
    expect(webSocketServer.options.maxPayload).toBe(500);
    const client = await connect();
    client.send(JSON.stringify({ type: 'ping', payload: { filler: 'x'.repeat(600) } }));
    expect(await client.next()).toMatchObject({ kind: 'close', code: 1009 });
    await server.dispose();
    expect(webSocketServer.options).toMatchObject({ maxPayload: 1_000_000, handleProtocols });
  });

  it('that fails closes every connection with 4500', async () => {
    const { ready, webSocketServer, reported } = await serve();
    const client = await ready();
    webSocketServer.emit('error', new Error('no more'));
    expect(await client.next()).toEqual({
      kind: 'close',
      code: 4500,
      reason: 'Internal server error',
    });
    expect(reported).toEqual(['the WebSocketServer: no more']);
  });
});

async function connectFrom(url: string, origin: string) {
  const client = await connectSocket(url, 'graphql-transport-ws', { origin, cookie: 'a=b' });
  onTestFinished(() => client.socket.terminate());
  client.send('{"type":"connection_init"}');
  return client.next();
}

describe('origins', () => {
  it('are not looked at', async () => {
    const { url } = await serve();
    expect(await connectFrom(url, 'https://elsewhere.example')).toMatchObject({ kind: 'message' });
  });

  it('are looked at where some are allowed', async () => {
    const { url } = await serve({ millrace: { allowedOrigins: ['https://app.example'] } });
    expect(await connectFrom(url, 'https://app.example')).toMatchObject({ kind: 'message' });
    expect(await connectFrom(url, 'https://elsewhere.example')).toEqual({
      kind: 'close',
      code: 4403,
      reason: 'Forbidden',
    });
  });
});

describe('dispose', () => {
  it('closes connections with 1001 and the WebSocketServer, and leaves nothing behind', async () => {
    const { ready, server, broker, webSocketServer } = await serve();
    const client = await ready();
    start(client, 'subscription { tick }');
    await until(() => broker.readerCount === 1, 'a reader');

    await server.dispose();

    expect(await client.next()).toEqual({ kind: 'close', code: 1001, reason: 'Going away' });
    expect(broker.readerCount).toBe(0);
    expect(webSocketServer.listenerCount('connection')).toBe(0);
  });
});

describe('what Millrace has nothing for', () => {
  it.each([
    ['jsonMessageReviver', { jsonMessageReviver: () => undefined }, 'parseValue'],
    ['jsonMessageReplacer', { jsonMessageReplacer: () => undefined }, 'serialize'],
    ['onPing', { onPing: () => {} }, 'extra.socket'],
    ['onPong', { onPong: () => {} }, 'extra.socket'],
    ['isProd: false', { isProd: false }, 'onInternalError'],
    ['unheardOf', { unheardOf: 1 }, 'leave it out'],
  ])('is refused at the start: %s', async (option, options, remedy) => {
    const { schema } = createMigratedApp();
    const { webSocketServer } = await stageWebSocketServer();
    // types do not reach everywhere
    const use = () => useServer({ schema, ...options } as ServerOptions, webSocketServer);
    expect(use).toThrow(UnsupportedOptionError);
    expect(use).toThrow(
      expect.objectContaining({
        code: 'OPTION_NOT_SUPPORTED',
        option,
        remedy: expect.stringContaining(remedy),
      }),
    );
    expect(webSocketServer.listenerCount('connection')).toBe(0);
  });

  it('does not include isProd: true', async () => {
    await expect(serve({ isProd: true })).resolves.toBeDefined();
  });

  it('includes a server without a schema, unless onSubscribe gives one', async () => {
    const { webSocketServer } = await stageWebSocketServer();
    expect(() => useServer({}, webSocketServer)).toThrow('onSubscribe returns arguments');
  });
});

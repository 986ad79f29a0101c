import { Agent, createServer } from 'node:http';
import type { IncomingMessage } from 'node:http';
import { once } from 'node:events';
import { createServer as createTlsServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import type { Duplex } from 'node:stream';

import { describe, expect, it, onTestFinished } from 'vitest';
import { WebSocket, WebSocketServer } from 'ws';

import { certificate } from '../support/certificate.ts';
import { ProtocolServer, serveProtocol } from '../support/protocol-server.ts';
import { until } from '../support/waiting.ts';
import { consume, watchClient } from '../support/watched-client.ts';
import type { WatchedClientOptions } from '../support/watched-client.ts';

const query = 'subscription { a }';

/** An HTTP server that answers each request to upgrade with these bytes, and counts what it got. */
async function refuseWith(answer: string) {
  const requests: IncomingMessage[] = [];
  const sockets: Duplex[] = [];
  const server = createServer();
  server.on('upgrade', (request, socket) => {
    requests.push(request);
    sockets.push(socket);
    socket.on('error', () => {}); // the client resets what it does not want to read
    socket.resume(); // or it would not notice its end
    socket.write(answer);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  onTestFinished(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  const { port } = server.address() as AddressInfo; // not a pipe
  return { url: `http://127.0.0.1:${port}/graphql`, requests, sockets };
}

function response(status: string, body = '', headers: Readonly<Record<string, string>> = {}) {
  const lines = Object.entries({ 'content-length': String(Buffer.byteLength(body)), ...headers });
  return `HTTP/1.1 ${status}\r\n${lines.map(([name, value]) => `${name}: ${value}\r\n`).join('')}\r\n${body}`;
}

/** How a subscription to a server ends, or the connection is lost, that answers like that. */
async function refusal(answer: string, options: WatchedClientOptions = {}) {
  const server = await refuseWith(answer);
  const watched = watchClient(server.url, options);
  const consumer = consume(watched.client.subscribe({ query }));
  const loss = await watched.lost();
  return { ...server, ...watched, ...loss, consumer };
}

describe('an upgrade that is refused', () => {
  it.each(['400 Bad Request', '401 Unauthorized', '403 Forbidden', '404 Not Found', '500 Oops'])(
    'with %s ends the operation',
    async (status) => {
      const { failure, retryInMs, consumer, requests } = await refusal(response(status));

      expect(failure).toMatchObject({
        code: 'CONNECTION_REFUSED',
        status: Number(status.slice(0, 3)),
        retryable: false,
      });
      expect(failure.message).toContain(status.slice(0, 3));
      expect(retryInMs).toBeUndefined();
      expect(await consumer.failed()).toBe(failure);
      expect(requests).toHaveLength(1);
    },
  );

  it.each(['408', '425', '429', '502', '503', '504'])('with %s is tried again', async (status) => {
    const { failure, retryInMs, consumer } = await refusal(response(`${status} Later`));

    expect(failure).toMatchObject({
      code: 'CONNECTION_LOST',
      status: Number(status),
      retryable: true,
    });
    expect(retryInMs).toBe(500);
    expect(consumer.end).toBeUndefined();
  });

  it('with a redirection is not followed: credentials are not for strangers', async () => {
    const { failure, requests } = await refusal(
      response('302 Found', '', { location: 'http://127.0.0.1:9/graphql' }),
    );

    expect(failure).toMatchObject({ status: 302, retryable: false });
    expect(requests).toHaveLength(1);
  });

  it('is tried again after the seconds that the server asks for, with jitter', async () => {
    const { failure, retryInMs } = await refusal(
      response('503 Service Unavailable', '', { 'retry-after': '7' }),
    );

    expect(failure).toMatchObject({ retryAfterMs: 7_000 });
    expect(retryInMs).toBe(7_500);
  });

  it('is tried again at the date that the server asks for, by its own clock', async () => {
    const { failure } = await refusal(
      response('503 Service Unavailable', '', {
        date: 'Sat, 01 Jan 2000 00:00:00 GMT',
        'retry-after': 'Sat, 01 Jan 2000 00:02:00 GMT',
      }),
    );

    expect(failure).toMatchObject({ retryAfterMs: 120_000 });
  });

  it.each(['soon', '-3', 'Sat, 01 Jan 2000 00:00:00 GMT'])(
    'is tried again at once where the server asks for %s',
    async (retryAfter) => {
      const { failure, retryInMs } = await refusal(
        response('503 Service Unavailable', '', { 'retry-after': retryAfter }),
      );

      expect(failure.retryAfterMs ?? 0).toBe(0);
      expect(retryInMs).toBe(500);
    },
  );

  it('says why: with the beginning of the body', async () => {
    const { failure } = await refusal(response('401 Unauthorized', '{"error":"no töken"}'));

    expect(failure).toMatchObject({
      body: '{"error":"no töken"}',
      payload: { error: 'no töken' },
    });
  });

  it('is not read beyond 1,000 characters', async () => {
    const { failure, sockets } = await refusal(
      response('401 Unauthorized', 'x'.repeat(5_000), { 'content-length': '9999999' }),
    );

    expect(failure.body).toBe('x'.repeat(1_000));
    await until(() => sockets[0]?.readableEnded === true, 'the end of the TCP connection');
  });

  it('is not waited for: a body that does not end is cut off', async () => {
    const { failure, consumer } = await refusal(
      response('403 Forbidden', 'because', { 'content-length': '100' }),
    );

    expect(failure).toMatchObject({ status: 403, body: 'because', retryable: false });
    expect(await consumer.failed()).toBe(failure);
  });

  it('by something that is no WebSocket server ends the operation, though it says 200', async () => {
    const { failure } = await refusal(
      response('200 OK', '<html>', { 'content-type': 'text/html' }),
    );

    expect(failure).toMatchObject({
      code: 'BAD_RESPONSE',
      status: 200,
      body: '<html>',
      retryable: false,
    });
  });

  it('is heard by each operation that waited', async () => {
    const server = await refuseWith(response('401 Unauthorized'));
    const { client } = watchClient(server.url);
    const consumers = [1, 2, 3].map(() => consume(client.subscribe({ query })));

    for (const consumer of consumers) {
      expect(await consumer.failed()).toMatchObject({ status: 401 });
    }
    expect(server.requests).toHaveLength(1);
  });

  it('is tried again if `shouldRetry` says so', async () => {
    const { failure, retryInMs } = await refusal(response('401 Unauthorized'), {
      retry: { shouldRetry: ({ status }) => status === 401 },
    });

    expect(failure).toMatchObject({ status: 401, retryable: false });
    expect(retryInMs).toBe(500);
  });

  it('by nobody at all is a loss with its cause', async () => {
    const { url } = await serveProtocol();
    const { client, lost } = watchClient(url.replace(/:\d+/, ':1'));
    consume(client.subscribe({ query }));

    const { failure } = await lost();

    expect(failure).toMatchObject({
      closeCode: 1006,
      retryable: true,
      cause: { code: 'ECONNREFUSED' },
    });
  });
});

describe('what goes with an upgrade', () => {
  it('headers', async () => {
    const server = await serveProtocol();
    const { client } = watchClient(server.url, {
      socket: { headers: { authorization: 'Bearer t0k3n' } },
    });
    consume(client.subscribe({ query }));

    const { request } = await server.connection();

    expect(request.headers.authorization).toBe('Bearer t0k3n');
  });

  it('headers anew for each connection, if they are a function', async () => {
    let asked = 0;
    const server = await serveProtocol();
    const { client, comeBack } = watchClient(server.url, {
      socket: { headers: async () => ({ 'x-attempt': `${(asked += 1)}` }) },
    });
    consume(client.subscribe({ query }));
    const first = await server.ready();
    first.vanish();
    await comeBack();
    const second = await server.ready();

    expect(first.request.headers['x-attempt']).toBe('1');
    expect(second.request.headers['x-attempt']).toBe('2');
  });

  it('headers that cannot be had end the operation', async () => {
    const server = await serveProtocol();
    const cause = new Error('no key in the store');
    const { client } = watchClient(server.url, {
      socket: { headers: () => Promise.reject(cause) },
    });
    const consumer = consume(client.subscribe({ query }));

    expect(await consumer.failed()).toMatchObject({
      code: 'CLIENT_ERROR',
      retryable: false,
      cause,
    });
    expect(server.connectionCount).toBe(0);
  });

  it('headers that are never had do not hang it', async () => {
    const server = await serveProtocol();
    const { client, clock } = watchClient(server.url, {
      retry: false,
      socket: { headers: () => new Promise(() => {}) },
    });
    const consumer = consume(client.subscribe({ query }));

    await clock.advance(10_000);

    expect(await consumer.failed()).toMatchObject({ code: 'CONNECT_TIMEOUT' });
  });

  it('options of `ws`: an agent', async () => {
    const server = await serveProtocol();
    const agent = new Agent();
    const used: unknown[] = [];
    const createConnection = agent.createConnection.bind(agent);
    agent.createConnection = (...given) => {
      used.push(given[0]);
      return createConnection(...given);
    };
    // `ws` has a way of its own to connect, which goes before that of an agent
    const { client } = watchClient(server.url, {
      socket: { socketOptions: { agent, createConnection: undefined } },
    });
    consume(client.subscribe({ query }));

    await server.ready();

    expect(used).toMatchObject([{ port: `${server.port}` }]);
  });

  it('options of `ws`: compression, which is off without them', async () => {
    const server = await serveProtocol('graphql-transport-ws', { perMessageDeflate: true });
    const { client } = watchClient(server.url, {
      socket: { socketOptions: { perMessageDeflate: true } },
    });
    consume(client.subscribe({ query }));

    const { request } = await server.connection();

    expect(request.headers['sec-websocket-extensions']).toContain('permessage-deflate');
  });

  it('options of TLS: who is trusted', async () => {
    const https = createTlsServer(certificate);
    const webSockets = new WebSocketServer({
      server: https,
      handleProtocols: () => 'graphql-transport-ws',
    });
    https.listen(0, '127.0.0.1');
    await once(https, 'listening');
    const server = new ProtocolServer(webSockets);
    onTestFinished(() => {
      server.destroyAll();
      https.close();
    });
    const url = `https://localhost:${server.port}/graphql`;
    const trusting = watchClient(url, { socket: { socketOptions: { ca: certificate.cert } } });
    const careful = watchClient(url, { retry: false });

    const consumer = consume(trusting.client.subscribe({ query }));
    const peer = await server.ready();
    expect(await peer.next()).toMatchObject({ type: 'subscribe' });
    expect(consumer.end).toBeUndefined();
    expect(await consume(careful.client.subscribe({ query })).failed()).toMatchObject({
      cause: { code: 'DEPTH_ZERO_SELF_SIGNED_CERT' },
    });
  });

  it('nothing but url and subprotocol, if the implementation is not that of `ws` and there is nothing more', async () => {
    const given: unknown[][] = [];
    class Counting extends WebSocket {
      constructor(...options: ConstructorParameters<typeof WebSocket>) {
        super(...options);
        given.push(options);
      }
    }
    const server = await serveProtocol();
    const { client } = watchClient(server.url, { socket: { WebSocket: Counting } });
    consume(client.subscribe({ query }));
    await server.ready();

    expect(given).toEqual([[server.url, 'graphql-transport-ws']]);
  });

  it('the `http` URL of a server is as good, with its query', async () => {
    const server = await serveProtocol();
    const { client } = watchClient(`${server.url.replace('ws:', 'http:')}?tenant=7`);
    consume(client.subscribe({ query }));

    const { request } = await server.connection();

    expect(request.url).toBe('/graphql?tenant=7');
  });

  it('a URL that is asked for anew for each connection', async () => {
    const first = await serveProtocol();
    const second = await serveProtocol();
    const urls = [first.url, second.url];
    const { client, comeBack } = watchClient('', { url: async () => urls.shift() ?? '' });
    const consumer = consume(client.subscribe({ query }));
    const peer = await first.ready();
    await peer.next();
    peer.vanish();
    await comeBack();

    expect(await (await second.ready()).next()).toMatchObject({ type: 'subscribe' });
    expect(consumer.end).toBeUndefined();
  });
});

/** One operation that runs. */
async function ready(options: WatchedClientOptions = {}) {
  const server = await serveProtocol();
  const watched = watchClient(server.url, options);
  const consumer = consume(watched.client.subscribe({ query }));
  const peer = await server.ready();
  await peer.next();
  return { ...watched, server, consumer, peer };
}

describe('what `ws` finds in the bytes of the server', () => {
  it('a message over `maxPayload` is final at once, and closes with 1009', async () => {
    const { consumer, peer, server } = await ready({
      socket: { socketOptions: { maxPayload: 1_000 } },
    });

    peer.send({ id: '1', type: 'next', payload: { data: { a: 'x'.repeat(1_000) } } });

    expect(await consumer.failed()).toMatchObject({ code: 'MESSAGE_TOO_BIG', retryable: false });
    expect(await peer.closed()).toMatchObject({ code: 1009 });
    expect(server.connectionCount).toBe(1);
  });

  it('a message of 8 MiB is none of that without the option', async () => {
    const { consumer, peer } = await ready();

    peer.send({ id: '1', type: 'next', payload: { data: { a: 'x'.repeat(8 * 1_024 * 1_024) } } });

    expect(await consumer.next()).toMatchObject({ data: { a: expect.stringMatching(/^x+$/) } });
  });

  it('text that is not UTF-8 is final, too', async () => {
    const { consumer, peer } = await ready();

    peer.request.socket.write(Buffer.from([0x81, 0x02, 0xc3, 0x28]));

    expect(await consumer.failed()).toMatchObject({ code: 'PROTOCOL_ERROR', retryable: false });
    expect(await peer.closed()).toMatchObject({ code: 1007 });
  });
});

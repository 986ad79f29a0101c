import { beforeAll, describe, expect, it, onTestFinished } from 'vitest';

import type { Client } from 'millrace/client';
import { refuse } from 'millrace/server';

import { serveFixture } from '../support/fixture-server.ts';
import { runOnReactNative } from '../support/react-native.ts';
import type { ReactNative, ReactNativeClient } from '../support/react-native.ts';

let native: ReactNative;
beforeAll(async () => {
  native = await runOnReactNative();
}, 30_000);

type Options = Parameters<ReactNativeClient['createClient']>[0];

function createClient(options: Options): Client {
  const client = native.millrace.createClient({ retry: { minDelayMs: 10 }, ...options });
  onTestFinished(() => client.close());
  return client;
}

const messages = { query: 'subscription { message(room: "a") { text } }' };

describe('over the WebSocket of React Native, a client', () => {
  it.each(['graphqlTransportWs', 'subscriptionsTransportWs'] as const)(
    'asks and subscribes by %s',
    async (protocol) => {
      const server = await serveFixture();
      const { websocket, [protocol]: codec } = native.millrace;
      const transport = websocket({ protocol: codec });
      const client = createClient({ url: server.httpUrl, transport });

      expect(await client.query({ query: '{ hello }' })).toEqual({ data: { hello: 'world' } });
      const results = client.subscribe(messages)[Symbol.asyncIterator]();
      const next = results.next();
      await server.sources(1);
      await server.app.publish('a', 'Straße 🚰');
      expect(await next).toMatchObject({ value: { data: { message: { text: 'Straße 🚰' } } } });

      await results.return?.();
      await server.sources(0);
    },
  );

  it('comes back after a lost connection without a missing event', async () => {
    const server = await serveFixture();
    const { websocket, resumable } = native.millrace;
    const sockets: { close(code?: number): void }[] = [];
    const WebSocket = class extends native.WebSocket {
      constructor(url: string, protocol: string) {
        super(url, protocol);
        sockets.push(this);
      }
    };
    const client = createClient({
      url: server.webSocketUrl,
      transport: websocket({ WebSocket }),
      resume: resumable(),
    });
    const results = client.subscribe(messages)[Symbol.asyncIterator]();
    const next = results.next();
    await server.sources(1);
    await server.app.publish('a', 'one');
    expect(await next).toMatchObject({ value: { data: { message: { text: 'one' } } } });

    sockets[0]?.close(4000);
    await server.sources(0);
    await server.app.publish('a', 'two');

    expect(await results.next()).toMatchObject({ value: { data: { message: { text: 'two' } } } });
    expect(sockets.length).toBe(2);
  });

  it('sends headers by a class that adds them', async () => {
    const server = await serveFixture({
      onConnect: ({ request }) => ({ ackPayload: { token: request.headers['x-token'] } }),
    });
    const acks: unknown[] = [];
    const WebSocket = class extends native.WebSocket {
      constructor(url: string, protocol: string) {
        super(url, protocol, { headers: { 'x-token': 'secret' } });
      }
    };
    const client = createClient({
      url: server.webSocketUrl,
      transport: native.millrace.websocket({ WebSocket }),
      onConnected: (ack) => acks.push(ack),
    });

    await client.query({ query: '{ hello }' });

    expect(acks).toEqual([{ token: 'secret' }]);
  });

  it('is not let in again that was refused, and is told why', async () => {
    const server = await serveFixture({ onConnect: () => refuse({ reason: 'not you' }) });
    const client = createClient({ url: server.httpUrl, transport: native.millrace.websocket() });

    await expect(client.query({ query: '{ hello }' })).rejects.toMatchObject({
      name: 'TransportError',
      closeCode: 4403,
      reason: 'not you',
      retryable: false,
    });
  });

  it('fails where the upgrade is refused, and may try again', async () => {
    const server = await serveFixture();
    const url = server.httpUrl.replace('/graphql', '/elsewhere');
    const client = createClient({ url, transport: native.millrace.websocket(), retry: false });

    await expect(client.query({ query: '{ hello }' })).rejects.toMatchObject({
      code: 'CONNECTION_LOST',
      closeCode: 1006,
      retryable: true,
    });
  });
});

describe('over the fetch of React Native, a client', () => {
  it.each([
    ['http()', () => native.millrace.http()],
    ['http() by GET', () => native.millrace.http({ method: 'GET' })],
    ['multipart()', () => native.millrace.multipart()],
  ])('asks and changes by %s', async (_, transport) => {
    const server = await serveFixture();
    const client = createClient({ url: server.httpUrl, transport: transport() });

    expect(
      await client.query({
        query: 'query ($text: String!) { echo(text: $text) }',
        variables: { text: 'Straße & 🚰 + ?' },
      }),
    ).toEqual({ data: { echo: 'Straße & 🚰 + ?' } });
    expect(await client.mutate({ query: 'mutation { post(room: "a", text: "b") }' })).toEqual({
      data: { post: true },
    });
    expect(await client.query({ query: '{ nope }' })).toMatchObject({ errors: [{}] });
  });

  it.each([
    ['sse()', () => native.millrace.sse()],
    ['multipart()', () => native.millrace.multipart()],
  ])('is told at once that no subscription of %s can be read', async (_, transport) => {
    const server = await serveFixture();
    const client = createClient({ url: server.httpUrl, transport: transport() });

    await expect(client.subscribe(messages)[Symbol.asyncIterator]().next()).rejects.toMatchObject({
      code: 'CLIENT_ERROR',
      message: expect.stringContaining('fetch'),
      retryable: false,
    });
    expect(server.gauges().operations).toBe(0);
  });

  it('reads a subscription of sse() with a fetch that streams, and the decoder that this takes', async () => {
    const server = await serveFixture();
    const { millrace } = await runOnReactNative({ TextDecoder });
    const { origin, pathname } = new URL(server.httpUrl);
    const asked: string[] = [];
    const transport = millrace.sse({
      fetch: (url, init) => {
        asked.push(url);
        return fetch(url, { ...init, signal: null });
      },
    });
    const client = millrace.createClient({ url: server.httpUrl, transport });
    onTestFinished(() => client.close());

    const results = client.subscribe({ query: 'subscription { countdown(from: 2) }' });
    const seen: unknown[] = [];
    for await (const { data } of results) seen.push(data);

    expect(seen).toEqual([{ countdown: 2 }, { countdown: 1 }]);
    expect(asked).toEqual([`${origin}${pathname}`]);
  });

  it('cancels a query by a signal that has no reason', async () => {
    const server = await serveFixture();
    const client = createClient({ url: server.httpUrl, transport: native.millrace.http() });
    const controller = new native.AbortController();
    const signal = controller.signal as unknown as AbortSignal; // as much of one as there is

    const asked = client.query({ query: '{ never }', signal });
    await expect.poll(() => server.gauges().operations).toBe(1);
    controller.abort();

    await expect(asked).rejects.toMatchObject({ name: 'AbortError' });
    await expect.poll(() => server.gauges().operations).toBe(0);
  });
});

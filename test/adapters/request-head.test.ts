import type { Running } from 'millrace/adapters/node';
import { listen } from 'millrace/adapters/node';
import type { Hooks, RequestHead } from 'millrace/server';
import { createServer } from 'millrace/server';
import { afterEach, describe, expect, it, vi } from 'vitest';

import { createFixtureApp } from '../support/fixture-app.ts';
import type { RawConnection } from '../support/raw-websocket.ts';
import { RawConnections, textFrame } from '../support/raw-websocket.ts';

const connections = new RawConnections();
let running: Running | undefined;
afterEach(async () => {
  connections.destroyAll();
  await running?.close();
});

async function serve(hooks: Hooks<object>): Promise<number> {
  const { schema, broker } = createFixtureApp();
  running = await listen(createServer({ schema, broker, ...hooks }), {
    port: 0,
    host: '127.0.0.1',
  });
  return running.port;
}

async function openStream(port: number, lines: readonly string[] = []): Promise<RawConnection> {
  const connection = await connections.open(port);
  const body = '{"query":"subscription { message(room: \\"r\\") { text } }"}';
  const head = [
    'POST /graphql?a=b HTTP/1.1',
    'Host: a',
    'Accept: text/event-stream',
    'Content-Type: application/json',
    `Content-Length: ${body.length}`,
    ...lines,
  ];
  connection.write(`${head.join('\r\n')}\r\n\r\n${body}`);
  await connection.through(':\n\n');
  return connection;
}

async function openSocket(port: number, protocols: string): Promise<RawConnection> {
  const headers = { 'Sec-WebSocket-Protocol': protocols };
  const connection = await connections.upgrade(port, { headers });
  connection.send(textFrame({ type: 'connection_init' }));
  await connection.frame();
  return connection;
}

const openers = [
  ['a stream', openStream],
  ['a socket', (port: number) => openSocket(port, 'graphql-transport-ws')],
] as const;

describe.each(openers)('the request behind %s', (_carrier, open) => {
  it('is shown to hooks without its body and its signal', async () => {
    const onConnect = vi.fn<(event: { readonly request: RequestHead }) => object>(() => ({}));
    await open(await serve({ onConnect }));

    const request = onConnect.mock.calls[0]?.[0].request;

    expect(request).toMatchObject({ headers: { host: expect.any(String) } });
    expect(request?.remoteAddress).toBe('127.0.0.1');
    expect(request).not.toHaveProperty('body');
    expect(request).not.toHaveProperty('signal');
  });

  it('tells the address of a client that is gone', async () => {
    const addresses: unknown[] = [];
    const port = await serve({
      onDisconnect: ({ request }) => addresses.push(request.remoteAddress),
    });
    const connection = await open(port);

    connection.reset();

    await vi.waitFor(() => expect(addresses).toEqual(['127.0.0.1']));
  });
});

it('the protocols that a client offered are shown to hooks, all of them', async () => {
  const onConnect = vi.fn<(event: { readonly request: RequestHead }) => object>(() => ({}));
  const offered = 'another-protocol, graphql-transport-ws';

  await openSocket(await serve({ onConnect }), offered);

  expect(onConnect.mock.calls[0]?.[0].request.headers['sec-websocket-protocol']).toBe(offered);
});

it('lines of one header are shown as one', async () => {
  const onConnect = vi.fn<(event: { readonly request: RequestHead }) => object>(() => ({}));
  const lines = ['Set-Cookie: a=1', 'Set-Cookie: b=2', 'X-Tag: c', 'X-Tag: d'];

  await openStream(await serve({ onConnect }), lines);

  expect(onConnect.mock.calls[0]?.[0].request.headers).toMatchObject({
    'set-cookie': 'a=1, b=2',
    'x-tag': 'c, d',
  });
});

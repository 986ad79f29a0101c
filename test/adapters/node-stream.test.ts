import { once } from 'node:events';
import { createServer as createHttpServer } from 'node:http';
import type { AddressInfo } from 'node:net';

import type { Running } from 'millrace/adapters/node';
import { attach, listen } from 'millrace/adapters/node';
import type { Hooks } from 'millrace/server';
import { createServer } from 'millrace/server';
import { afterEach, expect, it, vi } from 'vitest';

import type { FixtureApp } from '../support/fixture-app.ts';
import { createFixtureApp } from '../support/fixture-app.ts';
import { RawConnections } from '../support/raw-websocket.ts';

const connections = new RawConnections();
let app: FixtureApp = createFixtureApp();
let running: Running | undefined;
afterEach(async () => {
  connections.destroyAll();
  await running?.close();
});

async function serve(hooks: Hooks<object> = {}): Promise<number> {
  app = createFixtureApp();
  const server = createServer({ schema: app.schema, broker: app.broker, ...hooks });
  running = await listen(server, { port: 0, host: '127.0.0.1' });
  return running.port;
}

function post(query: string, accept: string): string {
  const body = JSON.stringify({ query });
  const head = [
    'POST /graphql HTTP/1.1',
    'Host: a',
    `Accept: ${accept}`,
    'Content-Type: application/json',
    `Content-Length: ${body.length}`,
  ];
  return `${head.join('\r\n')}\r\n\r\n${body}`;
}

const messages = post('subscription { message(room: "r") { text } }', 'text/event-stream');

it('the head of a stream leaves together with its first bytes', async () => {
  const connection = await connections.open(await serve());
  const received = once(connection.socket, 'data');

  connection.write(messages);

  const [bytes] = (await received) as [Buffer];
  expect(bytes.toString()).toMatch(/^HTTP\/1\.1 200 OK\r\n[^]*\r\n\r\n[\da-f]+\r\n:\n\n/);
});

it('a stream that follows other answers in a pipeline is whole, its head first', async () => {
  const connection = await connections.open(await serve());

  connection.write(post('{ slow }', 'application/json') + messages);
  await vi.waitFor(() => expect(app.openSources()).toBe(1)); // the other operation began before
  await app.publish('r', 'before');
  app.release('slow');

  expect(await connection.head()).toMatchObject({ status: 200 });
  expect(await connection.through('}}')).toBe('{"data":{"slow":"late"}}');
  expect(await connection.head()).toMatchObject({
    status: 200,
    headers: { 'transfer-encoding': ['chunked'] },
  });
  await connection.through('"before"}}}\n\n\r\n');
  await app.publish('r', 'after');
  expect(await connection.through('\n\n\r\n')).toMatch(
    /^[\da-f]+\r\nid: .*\nevent: next\ndata: .*"after"/,
  );
});

it('the disconnect hook is told who ended a stream', async () => {
  const codes: number[] = [];
  const port = await serve({ onDisconnect: ({ code }) => codes.push(code) });
  const leaving = await connections.open(port);
  const ended = await connections.open(port);
  const cut = await connections.open(port);

  leaving.write(messages);
  await leaving.through(':\n\n');
  leaving.reset();
  await vi.waitFor(() => expect(codes).toEqual([1006]));
  ended.write(post('subscription { countdown(from: 1) }', 'text/event-stream'));
  await ended.through('\r\n0\r\n\r\n');
  await vi.waitFor(() => expect(codes).toEqual([1006, 1000]));
  cut.write(messages);
  await cut.through(':\n\n');
  await running?.close();

  expect(codes).toEqual([1006, 1000, 1000]);
});

it('an attachment is closed when its streams are gone', async () => {
  app = createFixtureApp();
  const httpServer = createHttpServer();
  const attachment = attach(createServer({ schema: app.schema, broker: app.broker }), httpServer);
  await new Promise<void>((resolve) => void httpServer.listen(0, '127.0.0.1', resolve));
  const { port } = httpServer.address() as AddressInfo; // it listens on a port
  const connection = await connections.open(port);
  connection.write(messages);
  await connection.through(':\n\n');

  await attachment.close();

  const count = await new Promise((resolve) => {
    httpServer.getConnections((_error, connected) => resolve(connected));
  });
  expect(count).toBe(0);
  await new Promise((resolve) => void httpServer.close(resolve));
});

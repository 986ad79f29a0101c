import { once } from 'node:events';

import type { Running } from 'millrace/adapters/node';
import { listen } from 'millrace/adapters/node';
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

async function serve(): Promise<number> {
  app = createFixtureApp();
  const server = createServer({ schema: app.schema, broker: app.broker });
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
  expect(bytes.toString()).toMatch(/^HTTP\/1\.1 200 OK\r\n[^]*\r\n\r\n3\r\n:\n\n\r\n$/);
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
  expect(await connection.through('\n\n\r\n')).toMatch(/^[\da-f]+\r\nevent: next\ndata: .*"after"/);
});

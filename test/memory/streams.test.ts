import { once } from 'node:events';
import type { Server as HttpServer } from 'node:http';
import { createServer as createHttpServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

import { attach } from 'millrace/adapters/node';
import { createServer } from 'millrace/server';
import { expect, it } from 'vitest';

import { createFixtureApp } from '../support/fixture-app.ts';
import { sendHttp } from '../support/http-client.ts';
import { RawConnections } from '../support/raw-websocket.ts';

const cycles = 1_000;
const batch = 50;
/** More than the caches of the runtime grow by; a stream that is not let go holds more. */
const heldBytes = 6_000;

setFlagsFromString('--expose-gc');
const collectGarbage = runInNewContext('gc') as () => void; // what the flag exposes

const sse = 'text/event-stream';
const multipart = 'multipart/mixed;subscriptionSpec=1.0, application/json';

function post(query: string, lines: readonly string[]): string {
  const body = JSON.stringify({ query, extensions: { operationId: 'o' } });
  const head = [
    'POST /graphql HTTP/1.1',
    'Host: a',
    'Content-Type: application/json',
    `Content-Length: ${body.length}`,
    ...lines,
  ];
  return `${head.join('\r\n')}\r\n\r\n${body}`;
}

const topic = 'subscription { message(room: "r") { text } }';

/** What each client of a batch asks for, in turn. */
const asked = [
  post(topic, [`Accept: ${sse}`]),
  post(topic, [`Accept: ${multipart}`]),
  post('subscription { never }', [`Accept: ${sse}`]),
  post('subscription { never }', [`Accept: ${multipart}`]),
  post('{ never }', [`Accept: ${sse}`]),
  post('{ never }', ['Accept: application/json']),
] as const;

it('streams that are opened and abandoned leave nothing behind', async () => {
  const app = createFixtureApp();
  const server = createServer({ schema: app.schema, broker: app.broker });
  const httpServer = createHttpServer();
  const attachment = attach(server, httpServer);
  await new Promise<void>((resolve) => void httpServer.listen(0, '127.0.0.1', resolve));
  const { port } = httpServer.address() as AddressInfo; // it listens on a port
  const connections = new RawConnections();

  /** One batch at once, so that they overlap; every other one ends with a reset. */
  const comeAndGo = async (): Promise<void> => {
    const tokens = await Promise.all(
      Array.from({ length: 5 }, () =>
        sendHttp(`http://127.0.0.1:${port}`, { method: 'PUT', headers: { accept: '*/*' } }),
      ),
    );
    const requests = [
      ...Array.from(
        { length: batch - 2 * tokens.length },
        (_, index) => asked[index % asked.length] ?? '',
      ),
      ...tokens.flatMap(({ text: token }) => [
        `GET /graphql?token=${token} HTTP/1.1\r\nHost: a\r\nAccept: ${sse}\r\n\r\n`,
        post(topic, [`X-GraphQL-Event-Stream-Token: ${token}`]),
      ]),
    ];
    const opened = await Promise.all(requests.map(() => connections.open(port)));
    for (const [index, connection] of opened.entries()) {
      connection.write(requests[index] ?? '');
    }
    await until(() => server.gauges().operations === batch - tokens.length);
    // streams of the single mode that were reserved are open as well by then
    await Promise.all(
      opened.flatMap((connection, index) =>
        requests[index]?.startsWith('GET') ? [connection.head()] : [],
      ),
    );
    await app.publish('r', 'to all');
    for (const [index, connection] of opened.entries()) {
      if (index % 2 === 0) connection.reset();
      else connection.socket.destroy();
    }
    connections.destroyAll();
    await until(
      async () =>
        server.gauges().connections + app.openSources() + (await countConnections(httpServer)) ===
        0,
    );
  };
  for (let warmUp = 0; warmUp < 4; warmUp += 1) await comeAndGo(); // what is made once is there then
  const heapBefore = heapBytes();
  const resourcesBefore = process.getActiveResourcesInfo().toSorted();

  for (let cycle = 0; cycle < cycles; cycle += batch) await comeAndGo();

  expect(server.gauges()).toEqual({ connections: 0, operations: 0, deadlines: 0, readers: 0 });
  expect(app.openSources()).toBe(0);
  expect(process.getActiveResourcesInfo().toSorted()).toEqual(resourcesBefore);
  expect((heapBytes() - heapBefore) / cycles).toBeLessThan(heldBytes);

  await attachment.close();
  httpServer.close();
  await once(httpServer, 'close');
}, 60_000);

function countConnections(httpServer: HttpServer): Promise<number> {
  return new Promise((resolve, reject) => {
    httpServer.getConnections((error, count) => (error ? reject(error) : resolve(count)));
  });
}

/** Gives the event loop one turn after another. */
async function until(isSo: () => boolean | Promise<boolean>): Promise<void> {
  while (!(await isSo())) await new Promise((resolve) => void setImmediate(resolve));
}

function heapBytes(): number {
  collectGarbage();
  return process.memoryUsage().heapUsed;
}

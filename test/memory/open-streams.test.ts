import { once } from 'node:events';
import { createServer as createHttpServer } from 'node:http';
import type { RequestListener, Server as HttpServer } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import { connect } from 'node:net';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

import { attach } from 'millrace/adapters/node';
import { createServer } from 'millrace/server';
import { afterAll, beforeAll, expect, it } from 'vitest';

import { createFixtureApp } from '../support/fixture-app.ts';

/** What an idle stream with its subscription may take of the heap besides what Node takes for a response that stays open. */
const bytesPerStream = 1_500;

const streams = 1_000;
/** Opened at the same time. */
const batch = 50;
const rounds = 5;

setFlagsFromString('--expose-gc');
const collectGarbage = runInNewContext('gc') as () => void; // what the flag exposes

const body = '{"query":"subscription { message(room: \\"r\\") { text } }"}';
const request = [
  'POST /graphql HTTP/1.1',
  'Host: a',
  'Accept: text/event-stream',
  'Content-Type: application/json',
  `Content-Length: ${body.length}`,
  '',
  body,
].join('\r\n');

/** The least that keeps a response open: a head, and the first bytes of an event stream. */
const plainHandler: RequestListener = (incoming, response) => {
  incoming.resume().once('end', () => {
    response.writeHead(200, { 'content-type': 'text/event-stream' });
    response.flushHeaders();
    response.write(':\n\n');
  });
};

const app = createFixtureApp();
const server = createServer({ schema: app.schema, broker: app.broker });
const plain = createHttpServer(plainHandler);
const ours = createHttpServer();
const attachment = attach(server, ours);

beforeAll(async () => {
  for (const each of [plain, ours]) {
    await new Promise<void>((resolve) => void each.listen(0, '127.0.0.1', resolve));
  }
});

afterAll(async () => {
  await attachment.close();
  for (const each of [plain, ours]) await new Promise((resolve) => void each.close(resolve));
});

it(`an idle event stream takes at most ${bytesPerStream} bytes of heap besides those of Node`, async () => {
  const differences: number[] = [];
  await heapPerStream(plain); // what the runtime learns and compiles is there then
  await heapPerStream(ours);

  for (let round = 0; round < rounds; round += 1) {
    differences.push((await heapPerStream(ours)) - (await heapPerStream(plain)));
  }

  expect(median(differences)).toBeLessThanOrEqual(bytesPerStream);
  expect(server.gauges()).toEqual({ connections: 0, operations: 0, deadlines: 0, readers: 0 });
}, 60_000);

/** Of the streams that are open on `httpServer`, with the clients' ends of their connections. */
async function heapPerStream(httpServer: HttpServer): Promise<number> {
  const before = await heapBytes();
  const sockets: Socket[] = [];
  while (sockets.length < streams) {
    sockets.push(...(await Promise.all(Array.from({ length: batch }, () => open(httpServer)))));
  }
  const after = await heapBytes();
  await Promise.all(sockets.map((socket) => once(socket.destroy(), 'close')));
  while ((await countConnections(httpServer)) > 0) await turn();
  return (after - before) / streams;
}

/** Resolves once the response has begun. */
async function open(httpServer: HttpServer): Promise<Socket> {
  const { port } = httpServer.address() as AddressInfo; // it listens on a port
  const socket = connect(port, '127.0.0.1');
  socket.write(request);
  await once(socket, 'data');
  socket.resume();
  return socket;
}

function countConnections(httpServer: HttpServer): Promise<number> {
  return new Promise((resolve, reject) => {
    httpServer.getConnections((error, count) => (error ? reject(error) : resolve(count)));
  });
}

function turn(): Promise<void> {
  return new Promise((resolve) => void setImmediate(resolve));
}

/** With turns between, because what a handle of the system holds is free only after its own. */
async function heapBytes(): Promise<number> {
  for (let i = 0; i < 6; i += 1) {
    collectGarbage();
    await turn();
  }
  return process.memoryUsage().heapUsed;
}

function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? Number.NaN;
}

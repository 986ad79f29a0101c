import { once } from 'node:events';
import { createServer as createHttpServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

import { attach } from 'millrace/adapters/node';
import { createServer } from 'millrace/server';
import { expect, it } from 'vitest';

import { createFixtureApp } from '../support/fixture-app.ts';
import { RawConnections, textFrame } from '../support/raw-websocket.ts';

const cycles = 1_000;
const batch = 50;
/** More than the caches of the runtime grow by; a socket that is not let go holds more. */
const heldBytes = 6_000;

setFlagsFromString('--expose-gc');
const collectGarbage = runInNewContext('gc') as () => void; // what the flag exposes

const subscribe = (id: string, query: string) =>
  textFrame({ id, type: 'subscribe', payload: { query } });

const messages = [
  subscribe('topic', 'subscription { message(room: "r") { text } }'),
  subscribe('query', '{ never }'),
  subscribe('starting', 'subscription { never }'),
];

/** Fills all buffers on its way, so one of each batch has to do. */
const flood = subscribe('flood', 'subscription { flood(bytes: 10000) }');

it('connections that come, subscribe and vanish leave nothing behind', async () => {
  const app = createFixtureApp();
  const server = createServer({ schema: app.schema, broker: app.broker });
  const httpServer = createHttpServer();
  const attachment = attach(server, httpServer);
  await new Promise<void>((resolve) => void httpServer.listen(0, '127.0.0.1', resolve));
  const { port } = httpServer.address() as AddressInfo; // it listens on a port
  const connections = new RawConnections();

  /** One batch at once, so that they overlap; half of them end with a reset, half between two bytes. */
  const comeAndGo = async (): Promise<void> => {
    const opened = await Promise.all(
      Array.from({ length: batch }, async (_, index) => {
        const connection = await connections.upgrade(port);
        connection.send(textFrame({ type: 'connection_init' }));
        await connection.frame();
        connection.send(...messages, ...(index === 0 ? [flood] : []));
        connection.socket.pause();
        return connection;
      }),
    );
    await until(() => server.gauges().operations === batch * messages.length + 1);
    await app.publish('r', 'to all');
    for (const [index, connection] of opened.entries()) {
      if (index % 2 === 0) connection.reset();
      else connection.socket.destroy();
    }
    connections.destroyAll();
    await until(
      async () =>
        server.gauges().connections + app.openSources() + (await countConnections()) === 0,
    );
  };
  const countConnections = (): Promise<number> =>
    new Promise((resolve, reject) => {
      httpServer.getConnections((error, count) => (error ? reject(error) : resolve(count)));
    });
  for (let warmUp = 0; warmUp < 4; warmUp += 1) await comeAndGo(); // what is made once is there then
  const heapBefore = heapBytes();
  const resourcesBefore = process.getActiveResourcesInfo().toSorted();
  const listenersBefore = countListeners(httpServer);

  for (let cycle = 0; cycle < cycles; cycle += batch) await comeAndGo();

  expect(server.gauges()).toEqual({ connections: 0, operations: 0, deadlines: 0, readers: 0 });
  expect(app.openSources()).toBe(0);
  expect(app.broker.readerCount).toBe(0);
  expect(countListeners(httpServer)).toEqual(listenersBefore);
  expect(process.getActiveResourcesInfo().toSorted()).toEqual(resourcesBefore);
  expect((heapBytes() - heapBefore) / cycles).toBeLessThan(heldBytes);

  await attachment.close();
  httpServer.close();
  await once(httpServer, 'close');
}, 60_000);

/** Gives the event loop one turn after another. */
async function until(isSo: () => boolean | Promise<boolean>): Promise<void> {
  while (!(await isSo())) await new Promise((resolve) => void setImmediate(resolve));
}

function heapBytes(): number {
  collectGarbage();
  return process.memoryUsage().heapUsed;
}

function countListeners(emitter: NodeJS.EventEmitter): Readonly<Record<string, number>> {
  return Object.fromEntries(
    emitter.eventNames().map((name) => [String(name), emitter.listenerCount(name)]),
  );
}

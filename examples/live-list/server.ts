import { createServer as createHttpServer } from 'node:http';
import type { AddressInfo } from 'node:net';

import { attach } from 'millrace/adapters/node';
import { createServer } from 'millrace/server';

import { loadPages } from '../chat/static-pages.ts';
import { openBroker } from './open-broker.ts';
import { openItems } from './items.ts';
import type { Item } from './items.ts';
import { createSchema } from './schema.ts';

const path = '/graphql';
const { PORT = '4000', REDIS_URL = '', ITEMS_FILE } = process.env;
/** Whose pages are served: a folder beside this one. */
const [, , app = 'react'] = process.argv;

try {
  await start();
} catch (error) {
  process.stderr.write(`The live list cannot start: ${(error as Error).message}\n`); // only errors are thrown here
  // nothing that would have to end in order has begun
  process.exit(1);
}

async function start(): Promise<void> {
  const port = toPort(PORT);
  const servePage = await loadPages(new URL(`../../../${app}/dist/pages/`, import.meta.url));
  const items = openItems(ITEMS_FILE);
  const { broker, resume } = await openBroker(REDIS_URL);
  const server = createServer({
    schema: createSchema(items, broker.topic<Item>('items')),
    broker,
    resume,
  });
  const httpServer = createHttpServer((request, response) => {
    const [pathname = '/'] = (request.url ?? '/').split('?');
    if (pathname !== path) servePage(pathname, request, response);
  });
  const attachment = attach(server, httpServer, { path });

  const stop = async (): Promise<void> => {
    httpServer.close();
    await attachment.close();
    await broker.close();
    httpServer.closeAllConnections();
  };
  // npm passes on the signal that the terminal has sent to everyone already: one may come twice
  process.on('SIGINT', () => void stop());
  process.on('SIGTERM', () => void stop());

  await new Promise<void>((resolve, reject) => {
    httpServer.once('error', (error: NodeJS.ErrnoException) => {
      reject(error.code === 'EADDRINUSE' ? new Error(`port ${port} is taken`) : error);
    });
    httpServer.listen(port, resolve);
  });
  const address = httpServer.address() as AddressInfo; // a port, not a pipe
  process.stdout.write(
    `Live list (${app}) ready: http://localhost:${address.port}/  Ctrl-C stops it.\n`,
  );
}

function toPort(text: string): number {
  const port = Number(text);
  if (Number.isInteger(port) && port >= 0 && port <= 65_535) return port;
  throw new Error(`PORT has to be a number up to 65535, not ${text}`);
}

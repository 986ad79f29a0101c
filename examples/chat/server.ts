import { createServer as createHttpServer } from 'node:http';
import type { AddressInfo } from 'node:net';

import { attach } from 'millrace/adapters/node';
import { createServer } from 'millrace/server';

import { createMemoryRooms } from './memory-rooms.ts';
import { openRedisRooms } from './redis-rooms.ts';
import type { Rooms } from './rooms.ts';
import { createSchema } from './schema.ts';
import { loadPages } from './static-pages.ts';

const path = '/graphql';
const { PORT = '4000', REDIS_URL = '', REDIS_PREFIX = 'millrace-chat' } = process.env;

const rooms = await openRooms();

const server = createServer({
  schema: createSchema(rooms),
  broker: rooms.broker,
  resume: rooms.resume,
  protocols: [
    'graphql-transport-ws',
    'subscriptions-transport-ws',
    'sse',
    'sse-single',
    'multipart',
  ],
});

const servePage = await loadPages(new URL('./pages/', import.meta.url));
const httpServer = createHttpServer((request, response) => {
  const [pathname = '/'] = (request.url ?? '/').split('?');
  if (pathname !== path) servePage(pathname, request, response);
});
const attachment = attach(server, httpServer, { path });

httpServer.once('error', (error: NodeJS.ErrnoException) => {
  fail(error.code === 'EADDRINUSE' ? `port ${PORT} is taken` : error.message);
});

const port = Number(PORT);
if (Number.isInteger(port) && port >= 0 && port <= 65_535) {
  httpServer.listen(port, () => {
    const address = httpServer.address() as AddressInfo; // a port, not a pipe
    const url = `http://localhost:${address.port}/`;
    process.stdout.write(
      `Chat ready: ${url}  (GraphiQL: ${url}graphiql)\nProcess ${process.pid}, messages are kept ${rooms.place}\n`,
    );
  });
} else {
  fail(`PORT has to be a number up to 65535, not ${PORT}`);
}

// Ctrl-C ends it at once. npm passes on the signal that the terminal has sent to everyone already: one may come twice
process.on('SIGINT', () => void stop());
// whoever sends this may well have started a successor, and a second one means now
process.once('SIGTERM', () => {
  process.on('SIGTERM', () => void stop());
  void leave();
});

async function openRooms(): Promise<Rooms> {
  if (REDIS_URL === '') return createMemoryRooms();
  try {
    return await openRedisRooms({ url: REDIS_URL, prefix: REDIS_PREFIX });
  } catch (error) {
    process.stderr.write(
      `Chat cannot start: ${error instanceof Error ? error.message : String(error)}\n`,
    );
    // nothing else has begun
    process.exit(1);
  }
}

function fail(reason: string): void {
  process.stderr.write(`Chat cannot start: ${reason}\n`);
  process.exitCode = 1;
  void stop();
}

/** Lets those who are in the room move one after the other. */
async function leave(): Promise<void> {
  await attachment.drain({ windowMs: 2_000 });
  await stop();
}

async function stop(): Promise<void> {
  httpServer.close();
  await attachment.close();
  await rooms.close();
  httpServer.closeAllConnections();
}

import { createServer as createHttpServer } from 'node:http';
import type { AddressInfo } from 'node:net';

import { attach } from 'millrace/adapters/node';
import { createServer } from 'millrace/server';

import { broker, schema } from './schema.ts';
import { loadPages } from './static-pages.ts';

const path = '/graphql';
const port = Number(process.env['PORT'] ?? 4000);

const server = createServer({
  schema,
  broker,
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
  const { pathname } = new URL(request.url ?? '/', 'http://localhost');
  if (pathname !== path) servePage(pathname, request, response);
});
const attachment = attach(server, httpServer, { path });

httpServer.once('error', (error: NodeJS.ErrnoException) => {
  const reason = error.code === 'EADDRINUSE' ? `port ${port} is taken` : error.message;
  process.stderr.write(`Chat cannot start: ${reason}\n`);
  process.exitCode = 1;
  void stop();
});

httpServer.listen(port, () => {
  const address = httpServer.address() as AddressInfo; // a port, not a pipe
  const url = `http://localhost:${address.port}/`;
  process.stdout.write(`Chat ready: ${url}  (GraphiQL: ${url}graphiql)\n`);
});

// npm passes on the signal that the terminal has sent to everyone already: one may come twice
process.on('SIGINT', () => void stop());
process.on('SIGTERM', () => void stop());

async function stop(): Promise<void> {
  httpServer.close();
  await attachment.close();
  await broker.close();
  httpServer.closeAllConnections();
}

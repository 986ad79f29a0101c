import type { AddressInfo } from 'node:net';

import Fastify from 'fastify';
import type { FastifyInstance } from 'fastify';
import type { FastifyPluginOptions } from 'millrace/adapters/fastify';
import { createFastifyPlugin } from 'millrace/adapters/fastify';
import type { Server } from 'millrace/server';

import type { Served } from './adapter-stage.ts';

/** An application whose end cuts connections without a request, as clients of Node open them ahead. */
export function createFastify(): FastifyInstance {
  return Fastify({ forceCloseConnections: true });
}

/** Has an application listen on a free port, with `server` at `/graphql` unless the options say otherwise. */
export async function serveFastify(
  server: Server,
  app: FastifyInstance = createFastify(),
  options: FastifyPluginOptions = {},
): Promise<Served> {
  app.register(createFastifyPlugin(server, options));
  await app.listen({ port: 0, host: '127.0.0.1' });
  const { port } = app.server.address() as AddressInfo; // it listens on a port
  return { url: `http://127.0.0.1:${port}/graphql`, close: () => app.close() };
}

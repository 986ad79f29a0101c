import { once } from 'node:events';
import type { AddressInfo } from 'node:net';

import type { ServerType } from '@hono/node-server';
import { serve } from '@hono/node-server';
import { Hono } from 'hono';
import type { HonoHandler } from 'millrace/adapters/hono';

import type { Served } from './adapter-stage.ts';

/** An application of Hono with `handler` on its route, listening on Node. */
export async function serveHono(handler: HonoHandler): Promise<Served> {
  const app = new Hono();
  app.all('/graphql', handler);
  const httpServer: ServerType = serve({ fetch: app.fetch, port: 0, hostname: '127.0.0.1' });
  await once(httpServer, 'listening');
  const { port } = httpServer.address() as AddressInfo; // it listens on a port
  return {
    url: `http://127.0.0.1:${port}/graphql`,
    close: () =>
      new Promise((resolve) => {
        httpServer.close(() => resolve());
        if ('closeAllConnections' in httpServer) httpServer.closeAllConnections();
      }),
  };
}

import { once } from 'node:events';
import type { AddressInfo } from 'node:net';

import type { Express } from 'express';
import { attachUpgrades, createExpressMiddleware } from 'millrace/adapters/express';
import type { Server } from 'millrace/server';

import type { Served } from './adapter-stage.ts';

/** Has an application listen on a free port, with `server` at `/graphql` behind what it has. */
export async function serveExpress(server: Server, app: Express): Promise<Served> {
  app.use('/graphql', createExpressMiddleware(server));
  const httpServer = app.listen(0, '127.0.0.1');
  await once(httpServer, 'listening');
  const { port } = httpServer.address() as AddressInfo; // it listens on a port
  const attachment = attachUpgrades(server, httpServer);
  return {
    url: `http://127.0.0.1:${port}/graphql`,
    async close() {
      await attachment.close();
      await new Promise((resolve) => {
        httpServer.close(resolve);
        httpServer.closeAllConnections();
      });
    },
  };
}

import process from 'node:process';

import { Hono } from 'hono';
import { createBunHandlers } from 'millrace/adapters/bun';
import type { BunHandlers, BunServerLike } from 'millrace/adapters/bun';
import { createHonoHandler } from 'millrace/adapters/hono';

import { stageHere } from '../../support/adapter-stage.ts';
import { createControl } from './control.ts';
import { serveAtNewPort } from './serve-at-new-port.ts';

/** What is called of Bun. */
declare const Bun: {
  serve(options: {
    port: 0;
    hostname: string;
    idleTimeout?: number;
    fetch: (request: Request, bunServer: BunServerLike) => Response | Promise<Response>;
    websocket?: BunHandlers['websocket'];
  }): { readonly port: number; stop(closeActiveConnections: boolean): Promise<void> };
};

const hostname = '127.0.0.1';

const fetch = createControl(
  stageHere(async (server) => {
    const graphql = createBunHandlers(server);
    const app = new Hono();
    app.on('ALL', ['/graphql', '/graphql/realtime'], createHonoHandler(graphql.fetch));
    const bunServer = await serveAtNewPort(() =>
      Bun.serve({
        port: 0,
        hostname,
        fetch: (request, ours) => app.fetch(request, ours),
        websocket: graphql.websocket,
      }),
    );
    return {
      url: `http://${hostname}:${bunServer.port}/graphql`,
      close: () => bunServer.stop(true),
    };
  }),
);
const { port } = Bun.serve({ port: 0, hostname, idleTimeout: 0, fetch });
process.stdout.write(`http://${hostname}:${port}/\n`);

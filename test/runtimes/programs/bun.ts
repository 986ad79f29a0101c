import process from 'node:process';

import { createBunHandlers } from 'millrace/adapters/bun';
import type { BunHandlers } from 'millrace/adapters/bun';

import { stageHere } from '../../support/adapter-stage.ts';
import { createControl } from './control.ts';
import { serveAtNewPort } from './serve-at-new-port.ts';

/** What is called of Bun. */
declare const Bun: {
  serve(
    options: { port: 0; hostname: string } & (
      | BunHandlers
      | { fetch(this: void, request: Request): Promise<Response>; idleTimeout: number }
    ),
  ): { readonly port: number; stop(closeActiveConnections: boolean): Promise<void> };
};

const hostname = '127.0.0.1';

const fetch = createControl(
  stageHere(async (server) => {
    const bunServer = await serveAtNewPort(() =>
      Bun.serve({ port: 0, hostname, ...createBunHandlers(server) }),
    );
    return {
      url: `http://${hostname}:${bunServer.port}/graphql`,
      close: () => bunServer.stop(true),
    };
  }),
);
const { port } = Bun.serve({ port: 0, hostname, idleTimeout: 0, fetch });
process.stdout.write(`http://${hostname}:${port}/\n`);

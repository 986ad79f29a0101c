import process from 'node:process';

import { handleProtocols, makeHandler } from 'graphql-ws/use/bun';

import { createGraphqlWsApp } from './graphql-ws-app.ts';

/** What is called of Bun. */
declare const Bun: {
  serve(options: {
    port: 0;
    hostname: string;
    fetch(this: void, request: Request, server: UpgradingServer): Response | undefined;
    websocket: object;
  }): { readonly port: number };
};

interface UpgradingServer {
  upgrade(request: Request): boolean;
}

const hostname = '127.0.0.1';

const { port } = Bun.serve({
  port: 0,
  hostname,
  // as the documentation of graphql-ws has it
  fetch(request, server) {
    if (!handleProtocols(request.headers.get('sec-websocket-protocol') ?? '')) {
      return new Response('Bad Request', { status: 404 });
    }
    return server.upgrade(request) ? undefined : new Response('Upgrade Required', { status: 426 });
  },
  websocket: makeHandler(createGraphqlWsApp()),
});
process.stdout.write(`http://${hostname}:${port}/graphql\n`);

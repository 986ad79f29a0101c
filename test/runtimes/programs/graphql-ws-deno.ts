import process from 'node:process';

import { GRAPHQL_TRANSPORT_WS_PROTOCOL, makeHandler } from 'graphql-ws/use/deno';

import { createGraphqlWsApp } from './graphql-ws-app.ts';

/** What is called of Deno. */
declare const Deno: {
  serve(
    options: { port: 0; hostname: string; onListen: () => void },
    handler: (request: Request) => Response,
  ): { readonly addr: { readonly port: number } };
  upgradeWebSocket(
    request: Request,
    options: { protocol: string; idleTimeout: number },
  ): { readonly socket: WebSocket; readonly response: Response };
};

const hostname = '127.0.0.1';
const handle = makeHandler(createGraphqlWsApp());

const { addr } = Deno.serve({ port: 0, hostname, onListen: () => {} }, (request) => {
  if (request.headers.get('upgrade') !== 'websocket') {
    return new Response('Upgrade Required', { status: 426 });
  }
  // as the documentation of graphql-ws has it
  const { socket, response } = Deno.upgradeWebSocket(request, {
    protocol: GRAPHQL_TRANSPORT_WS_PROTOCOL,
    idleTimeout: 12_000,
  });
  // Deno's sockets do not name their subprotocol here, and without its name graphql-ws closes them
  if (!request.url.endsWith('/as-documented')) {
    Object.defineProperty(socket, 'protocol', { value: GRAPHQL_TRANSPORT_WS_PROTOCOL });
  }
  handle(socket);
  return response;
});
process.stdout.write(`http://${hostname}:${addr.port}/graphql\n`);

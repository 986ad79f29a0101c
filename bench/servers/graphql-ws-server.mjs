import { createServer } from 'node:http';

import { useServer } from 'graphql-ws/use/ws';
import { WebSocketServer } from 'ws';

import { serveControl } from './control.mjs';
import { countConnections, listenOnLoopback } from './http-port.mjs';
import { keepAliveMs } from './keep-alive.mjs';
import { Rooms } from './rooms.mjs';
import { createSchema } from './schema.mjs';

/**
 * graphql-ws over ws, as its documentation says.
 *
 * @param {(schema: import('graphql').GraphQLSchema) => object} [toOptions] more options of `useServer`
 * @param {import('ws').ServerOptions} [socketOptions] of ws
 * @returns {Promise<void>}
 */
export async function serveGraphqlWs(toOptions = () => ({}), socketOptions = {}) {
  const rooms = new Rooms();
  const schema = createSchema(rooms.field());
  const httpServer = createServer();
  const webSocketServer = new WebSocketServer({
    ...socketOptions,
    server: httpServer,
    path: '/graphql',
  });
  useServer({ schema, ...toOptions(schema) }, webSocketServer, keepAliveMs);
  serveControl({
    port: await listenOnLoopback(httpServer),
    transport: 'graphql-transport-ws',
    publish: (room, message) => rooms.publish(room, message),
    countConnections: () => countConnections(httpServer),
  });
}

import { createServer } from 'node:http';

import { execute, subscribe } from 'graphql';
import { SubscriptionServer } from 'subscriptions-transport-ws';

import { serveControl } from './control.mjs';
import { countConnections, listenOnLoopback } from './http-port.mjs';
import { keepAliveMs } from './keep-alive.mjs';
import { Rooms } from './rooms.mjs';
import { createSchema } from './schema.mjs';

const rooms = new Rooms();
const schema = createSchema(rooms.field());
const httpServer = createServer();
SubscriptionServer.create(
  { schema, execute, subscribe, keepAlive: keepAliveMs },
  { server: httpServer, path: '/graphql' },
);

serveControl({
  port: await listenOnLoopback(httpServer),
  transport: 'subscriptions-transport-ws',
  publish: (room, message) => rooms.publish(room, message),
  countConnections: () => countConnections(httpServer),
});

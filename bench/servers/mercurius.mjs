import fastify from 'fastify';
import mercurius from 'mercurius';

import { serveControl } from './control.mjs';
import { backlog, countConnections, portOf } from './http-port.mjs';
import { keepAliveMs } from './keep-alive.mjs';
import { Rooms } from './rooms.mjs';
import { createSchema } from './schema.mjs';

const rooms = new Rooms();
const app = fastify({ logger: false });
app.register(mercurius, {
  schema: createSchema(rooms.field()),
  subscription: { keepAlive: keepAliveMs },
});
await app.listen({ port: 0, host: '127.0.0.1', backlog });

serveControl({
  port: portOf(app.server),
  transport: 'graphql-transport-ws',
  publish: (room, message) => rooms.publish(room, message),
  countConnections: () => countConnections(app.server),
});

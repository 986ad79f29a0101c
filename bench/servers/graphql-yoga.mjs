import { createServer } from 'node:http';

import { createYoga } from 'graphql-yoga';

import { serveControl } from './control.mjs';
import { countConnections, listenOnLoopback } from './http-port.mjs';
import { Rooms } from './rooms.mjs';
import { createSchema } from './schema.mjs';

const rooms = new Rooms();
const yoga = createYoga({
  schema: createSchema(rooms.field()),
  logging: false,
  graphiql: false,
  landingPage: false,
});
const httpServer = createServer((request, response) => void yoga(request, response));

serveControl({
  port: await listenOnLoopback(httpServer),
  transport: 'sse',
  publish: (room, message) => rooms.publish(room, message),
  countConnections: () => countConnections(httpServer),
});

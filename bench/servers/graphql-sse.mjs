import { createServer } from 'node:http';

import { createHandler } from 'graphql-sse/lib/use/http';

import { serveControl } from './control.mjs';
import { countConnections, listenOnLoopback } from './http-port.mjs';
import { Rooms } from './rooms.mjs';
import { createSchema } from './schema.mjs';

const rooms = new Rooms();
const schema = createSchema(rooms.field());
const handle = createHandler({ schema });
const httpServer = createServer((request, response) => void handle(request, response));

serveControl({
  port: await listenOnLoopback(httpServer),
  transport: 'sse',
  publish: (room, message) => rooms.publish(room, message),
  countConnections: () => countConnections(httpServer),
});

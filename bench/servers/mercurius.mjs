import fastify from 'fastify';
import mercurius from 'mercurius';

import { serveControl } from './control.mjs';
import { backlog, countConnections, portOf } from './http-port.mjs';
import { keepAliveMs } from './keep-alive.mjs';
import { createSchema } from './schema.mjs';

/** @typedef {import('mercurius').PubSub} PubSub */

const schema = createSchema({
  subscribe: (
    /** @type {unknown} */ _root,
    /** @type {{ room: string }} */ { room },
    /** @type {{ pubsub: PubSub }} */ { pubsub },
  ) => pubsub.subscribe(room),
});
const app = fastify({ logger: false });
app.register(mercurius, { schema, subscription: { keepAlive: keepAliveMs } });
await app.listen({ port: 0, host: '127.0.0.1', backlog });
const { pubsub } = app.graphql;

serveControl({
  port: portOf(app.server),
  transport: 'graphql-transport-ws',
  publish: (room, message) => pubsub.publish({ topic: room, payload: { messageAdded: message } }),
  countConnections: () => countConnections(app.server),
});

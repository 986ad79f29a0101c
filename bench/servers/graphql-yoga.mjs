import { setMaxListeners } from 'node:events';
import { createServer } from 'node:http';

import { createPubSub, createYoga } from 'graphql-yoga';

import { serveControl } from './control.mjs';
import { countConnections, listenOnLoopback } from './http-port.mjs';
import { createSchema } from './schema.mjs';

/** @typedef {import('./events.mjs').Message} Message */

const eventTarget = new EventTarget();
setMaxListeners(0, eventTarget); // a room of a thousand is no leak

/** @type {import('graphql-yoga').PubSub<{ messageAdded: [room: string, message: Message] }>} */
const pubSub = createPubSub({ eventTarget });
const schema = createSchema({
  subscribe: (/** @type {unknown} */ _root, /** @type {{ room: string }} */ { room }) =>
    pubSub.subscribe('messageAdded', room),
  resolve: (/** @type {Message} */ message) => message,
});
const yoga = createYoga({ schema, logging: false, graphiql: false, landingPage: false });
const httpServer = createServer((request, response) => void yoga(request, response));

serveControl({
  port: await listenOnLoopback(httpServer),
  transport: 'sse',
  publish: (room, message) => pubSub.publish('messageAdded', room, message),
  countConnections: () => countConnections(httpServer),
});

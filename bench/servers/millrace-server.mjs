import { listen } from 'millrace/adapters/node';
import { createMemoryBroker } from 'millrace/broker/memory';
import { createServer, subscriptionField } from 'millrace/server';

import { serveControl } from './control.mjs';
import { createSchema } from './schema.mjs';

/** @typedef {import('./events.mjs').Message} Message */

/**
 * Millrace as its documentation says, on all transports; the generator chooses one.
 *
 * @param {import('./control.mjs').Candidate['transport']} transport what to announce
 * @param {Partial<import('millrace/server').ServerOptions>} [options] more than its documentation begins with
 * @param {import('millrace/broker').Broker} [broker] in memory unless given
 * @returns {Promise<void>}
 */
export async function serveMillrace(transport, options = {}, broker = createMemoryBroker()) {
  /** @type {import('millrace/broker').Topic<Message>} */
  const messages = broker.topic('messages');
  const schema = createSchema(
    subscriptionField({
      topic: messages,
      key: (/** @type {{ room: string }} */ { room }) => room,
    }),
  );
  const server = createServer({
    schema,
    broker,
    protocols: ['graphql-transport-ws', 'subscriptions-transport-ws', 'sse'],
    // nobody else lets clients resume; over SSE that would be an event id of some hundred bytes with each message
    resume: false,
    ...options,
  });
  const { port } = await listen(server, { port: 0, host: '127.0.0.1' });
  serveControl({
    port,
    transport,
    publish: (room, message) => void messages.publish(message, { key: room }),
    countConnections: () => Promise.resolve(server.gauges().connections),
    gauges: () => server.gauges(),
  });
}

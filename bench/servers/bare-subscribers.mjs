import { createServer } from 'node:http';

import { WebSocketServer } from 'ws';

import { serveControl } from './control.mjs';

/** @typedef {import('./events.mjs').Message} Message */

/**
 * @typedef {object} Subscriber
 * @property {import('node:stream').Duplex} socket
 * @property {string} id of the operation
 * @property {string} room
 */

/**
 * A server that understands as much of its clients as it takes to write to them: for limits. It executes nothing and bounds nothing.
 *
 * @param {(subscribers: ReadonlySet<Subscriber>) => (room: string, message: Message) => void} toPublish
 * @returns {void}
 */
export function serveBareSubscribers(toPublish) {
  /** @type {Set<Subscriber>} */
  const subscribers = new Set();
  const server = createServer();
  const webSockets = new WebSocketServer({ noServer: true, clientTracking: false });
  server.on('upgrade', (request, socket, head) => {
    webSockets.handleUpgrade(request, socket, head, (webSocket) => {
      webSocket.on('error', () => {});
      webSocket.on('message', (bytes) => {
        const message = JSON.parse(String(bytes));
        if (message.type === 'connection_init') webSocket.send('{"type":"connection_ack"}');
        if (message.type !== 'subscribe') return;
        const { room } = message.payload.variables;
        const subscriber = { socket, id: String(message.id), room: String(room) };
        subscribers.add(subscriber);
        webSocket.on('close', () => subscribers.delete(subscriber));
      });
    });
  });
  server.listen(0, '127.0.0.1', () => {
    const address = server.address();
    if (address === null || typeof address === 'string') throw new Error('the server has no port');
    serveControl({
      port: address.port,
      transport: 'graphql-transport-ws',
      publish: toPublish(subscribers),
      countConnections: () => Promise.resolve(subscribers.size),
    });
  });
}

/**
 * The frame of an event without the id: what stands before it and behind it.
 *
 * @param {Message} message
 * @param {number} idBytes
 * @returns {{ readonly head: string, readonly tail: string }}
 */
export function frameOf(message, idBytes) {
  const tail = `","type":"next","payload":${JSON.stringify({ data: { messageAdded: message } })}}`;
  const beforeId = '{"id":"';
  const length = beforeId.length + idBytes + tail.length;
  const header = String.fromCharCode(0x81, 126, length >> 8, length & 0xff);
  return { head: header + beforeId, tail };
}

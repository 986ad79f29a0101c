import { acceptBareWebSockets } from './bare-web-sockets.mjs';
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
 * @returns {Promise<void>}
 */
export async function serveBareSubscribers(toPublish) {
  /** @type {Set<Subscriber>} */
  const subscribers = new Set();
  const port = await acceptBareWebSockets(({ id, variables }, socket, webSocket) => {
    const subscriber = { socket, id, room: String(variables.room) };
    subscribers.add(subscriber);
    webSocket.on('close', () => subscribers.delete(subscriber));
  });
  serveControl({
    port,
    transport: 'graphql-transport-ws',
    publish: toPublish(subscribers),
    countConnections: () => Promise.resolve(subscribers.size),
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

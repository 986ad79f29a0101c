import { createServer } from 'node:http';

import { WebSocketServer } from 'ws';

import { serveControl } from './control.mjs';

/**
 * What `node:net` leaves room for: one `socket.write` per client and turn, of bytes that are ready but for the id. It executes nothing and bounds nothing.
 *
 * @typedef {{ readonly socket: import('node:stream').Duplex, readonly id: string }} Subscriber
 */

/** @type {Set<Subscriber>} */
const subscribers = new Set();
/** @type {{ readonly head: string, readonly tail: string }[]} */
let frames = [];

const server = createServer();
const webSockets = new WebSocketServer({ noServer: true, clientTracking: false });
server.on('upgrade', (request, socket, head) => {
  webSockets.handleUpgrade(request, socket, head, (webSocket) => {
    webSocket.on('error', () => {});
    webSocket.on('message', (bytes) => {
      const message = JSON.parse(String(bytes));
      if (message.type === 'connection_init') webSocket.send('{"type":"connection_ack"}');
      if (message.type !== 'subscribe') return;
      const subscriber = { socket, id: String(message.id) };
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
    publish: (_room, message) => publish({ data: { messageAdded: message } }),
    countConnections: () => Promise.resolve(subscribers.size),
  });
});

const idBytes = 36;

/** @param {object} result */
function publish(result) {
  const tail = `","type":"next","payload":${JSON.stringify(result)}}`;
  const head = '{"id":"';
  const length = head.length + idBytes + tail.length;
  const header = String.fromCharCode(0x81, 126, length >> 8, length & 0xff);
  if (frames.length === 0) setImmediate(flush);
  frames.push({ head: header + head, tail });
}

function flush() {
  const room = '0'.repeat(idBytes);
  /** @type {number[]} */
  const idOffsets = [];
  let text = '';
  for (const { head, tail } of frames) {
    idOffsets.push(text.length + head.length);
    text += head + room + tail;
  }
  frames = [];
  const bytes = Buffer.from(text, 'latin1');
  for (const { socket, id } of subscribers) {
    for (let i = 0; i < idBytes; i++) {
      const character = id.charCodeAt(i);
      for (const offset of idOffsets) bytes[offset + i] = character;
    }
    socket.write(bytes);
  }
}

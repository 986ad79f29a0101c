/**
 * Writes results as fast as they are read: speaks `graphql-transport-ws`, executes nothing. Every write is the same bytes, a batch of frames that was made
 * when the operation began.
 */
import { createServer } from 'node:http';
import { createInterface } from 'node:readline';

import { WebSocketServer } from 'ws';

import { MessageSequence } from '../servers/events.mjs';

/**
 * @typedef {object} Stream
 * @property {string} id of the operation
 * @property {number} batches
 * @property {number} batchMessages
 * @property {number} textBytes
 */

const server = createServer();
const webSockets = new WebSocketServer({ noServer: true, clientTracking: false });
server.on('upgrade', (request, socket, head) => {
  webSockets.handleUpgrade(request, socket, head, (webSocket) => {
    webSocket.on('error', () => {});
    webSocket.on('message', (bytes) => {
      const { id, type, payload } = JSON.parse(String(bytes));
      if (type === 'connection_init') webSocket.send('{"type":"connection_ack"}');
      if (type === 'ping') webSocket.send('{"type":"pong"}');
      if (type === 'subscribe') stream(socket, { id, ...payload.variables });
    });
  });
});
server.listen(0, '127.0.0.1', () => {
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('the server has no port');
  process.stdout.write(`${JSON.stringify({ port: address.port })}\n`);
});
createInterface({ input: process.stdin }).on('close', () => process.exit(0));

/**
 * @param {import('node:stream').Duplex} socket
 * @param {Stream} stream
 */
function stream(socket, { id, batches, batchMessages, textBytes }) {
  const messages = new MessageSequence();
  const frames = Array.from({ length: batchMessages }, (_, index) => {
    const messageAdded = { ...messages.next('r0', textBytes), seq: index };
    return toFrame({ id, type: 'next', payload: { data: { messageAdded } } });
  });
  const batch = Buffer.concat(frames);
  const complete = toFrame({ id, type: 'complete' });
  let left = batches;
  const write = () => {
    while (left > 0) {
      left -= 1;
      if (!socket.write(batch)) return void socket.once('drain', write);
    }
    socket.write(complete);
  };
  write();
}

/**
 * @param {object} message of less than 64 KiB
 * @returns {Buffer}
 */
function toFrame(message) {
  const payload = Buffer.from(JSON.stringify(message));
  const { length } = payload;
  const header = length < 126 ? [0x81, length] : [0x81, 126, length >> 8, length & 0xff];
  return Buffer.concat([Buffer.from(header), payload]);
}

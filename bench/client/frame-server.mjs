/**
 * Writes results as fast as they are read: speaks `graphql-transport-ws`, executes nothing. Every write is the same bytes, a batch of frames that was made
 * when the operation began.
 */
import { createInterface } from 'node:readline';

import { acceptBareWebSockets } from '../servers/bare-web-sockets.mjs';
import { MessageSequence } from '../servers/events.mjs';

/**
 * @typedef {object} Stream
 * @property {string} id of the operation
 * @property {number} batches
 * @property {number} batchMessages
 * @property {number} textBytes
 */

const port = await acceptBareWebSockets(({ id, variables }, socket) =>
  stream(socket, { id, ...variables }),
);
process.stdout.write(`${JSON.stringify({ port })}\n`);
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

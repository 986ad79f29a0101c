import { once } from 'node:events';

import { WebSocket } from 'ws';

import { answerMeasures, query, url } from './answer-measures.mjs';

const subprotocol = 'graphql-transport-ws';

/** @type {WebSocket | undefined} */
let connected;

/** What `ws` leaves room for: each message is parsed, and taken for a result unless it has none. */
answerMeasures(async (variables, receive) => {
  connected ??= await connect();
  const socket = connected;
  socket.send(JSON.stringify({ id: '1', type: 'subscribe', payload: { query, variables } }));
  await new Promise((resolve) => {
    socket.removeAllListeners('message');
    socket.on('message', (bytes) => {
      const { payload } = JSON.parse(String(bytes));
      if (payload === undefined) resolve(undefined);
      else receive(payload);
    });
  });
});

async function connect() {
  const socket = new WebSocket(url, subprotocol);
  await once(socket, 'open');
  socket.send('{"type":"connection_init"}');
  await once(socket, 'message');
  return socket;
}

import { createServer } from 'node:http';

import { WebSocketServer } from 'ws';

import { listenOnLoopback } from './http-port.mjs';

/**
 * Speaks as much of `graphql-transport-ws` as it takes to be subscribed to.
 *
 * @param {(subscription: { readonly id: string, readonly variables: any }, socket: import('node:stream').Duplex, webSocket: import('ws').WebSocket) => void} onSubscribe
 * @returns {Promise<number>} the port
 */
export function acceptBareWebSockets(onSubscribe) {
  const server = createServer();
  const webSockets = new WebSocketServer({ noServer: true, clientTracking: false });
  server.on('upgrade', (request, socket, head) => {
    webSockets.handleUpgrade(request, socket, head, (webSocket) => {
      webSocket.on('error', () => {});
      webSocket.on('message', (bytes) => {
        const { id, type, payload } = JSON.parse(String(bytes));
        if (type === 'connection_init') webSocket.send('{"type":"connection_ack"}');
        if (type === 'ping') webSocket.send('{"type":"pong"}');
        if (type === 'subscribe')
          onSubscribe({ id: String(id), variables: payload.variables }, socket, webSocket);
      });
    });
  });
  return listenOnLoopback(server);
}

import { UsageError } from '../errors.ts';
import { graphqlTransportWs } from '../protocol/graphql-transport-ws/client-protocol.ts';
import type { SocketHandlers, WebSocketLike } from './transports/socket.ts';
import type { Transport } from './transport.ts';
import { createWebSocketTransport } from './transports/websocket-transport.ts';
import type { WebSocketOptions as CommonOptions } from './transports/websocket-transport.ts';

export { graphqlTransportWs } from '../protocol/graphql-transport-ws/client-protocol.ts';
export { subscriptionsTransportWs } from '../protocol/subscriptions-transport-ws/client-protocol.ts';
export type { ClientProtocol, IncomingMessage } from '../protocol/client-protocol.ts';
export type { OperationId } from '../protocol/connection.ts';
export { toOperationId } from '../protocol/operation-id.ts';

/** Options of {@link websocket} where the runtime has WebSockets. */
export interface WebSocketOptions extends CommonOptions {
  /** The implementation to use. @defaultValue the runtime's */
  readonly WebSocket?: new (url: string, subprotocol: string) => unknown;
}

/**
 * Carries all operations over one WebSocket.
 *
 * @throws UsageError for `headers`, which such sockets cannot send, and without an implementation
 */
export function websocket(options: WebSocketOptions = {}): Transport {
  const { WebSocket = (globalThis as WebSocketOptions).WebSocket } = options;
  if ('headers' in options || !WebSocket) {
    throw new UsageError('No WebSocket, or one without headers: use connectionParams');
  }
  return createWebSocketTransport(
    { protocol: graphqlTransportWs, ...options },
    // what the WHATWG describes has all members, and handlers of wider types
    (url, subprotocol) => new WebSocket(url, subprotocol) as WebSocketLike & SocketHandlers,
  );
}

import { WebSocket } from 'ws';

import { graphqlTransportWs } from '../protocol/graphql-transport-ws/client-protocol.ts';
import { provide } from './transport.ts';
import type { Provided, Transport } from './transport.ts';
import type { SocketHandlers, WebSocketLike } from './transports/socket.ts';
import { createWebSocketTransport } from './transports/websocket-transport.ts';
import type { WebSocketOptions as CommonOptions } from './transports/websocket-transport.ts';

export { graphqlTransportWs } from '../protocol/graphql-transport-ws/client-protocol.ts';
export { subscriptionsTransportWs } from '../protocol/subscriptions-transport-ws/client-protocol.ts';
export type { ClientProtocol, IncomingMessage } from '../protocol/client-protocol.ts';
export type { OperationId } from '../protocol/connection.ts';
export { toOperationId } from '../protocol/operation-id.ts';

/** Options of {@link websocket} on Node. */
export interface WebSocketOptions extends CommonOptions {
  /** Sent with the upgrade; a function is asked for each connection. */
  readonly headers?: Provided<Readonly<Record<string, string>> | undefined>;
  /** The implementation to use: that of `ws`, or one that takes the same. @defaultValue that of `ws` */
  readonly WebSocket?: new (
    url: string,
    subprotocol: string,
    options: { readonly headers?: Readonly<Record<string, string>> },
  ) => unknown;
}

/** Carries all operations over one WebSocket. */
export function websocket(options: WebSocketOptions = {}): Transport {
  const { WebSocket: Implementation = WebSocket, headers, ...common } = options;
  return createWebSocketTransport(
    { protocol: graphqlTransportWs, ...common },
    async (url, subprotocol) => {
      const given = await provide(headers);
      // what the WHATWG describes has all members, and handlers of wider types
      return new Implementation(
        url,
        subprotocol,
        given ? { headers: given } : {},
      ) as WebSocketLike & SocketHandlers;
    },
  );
}

import { graphqlTransportWs } from '../protocol/graphql-transport-ws/client-protocol.ts';
import { provide } from './transport.ts';
import type { Provided, Transport } from './transport.ts';
import { openNodeSocket } from './transports/node-socket.ts';
import type { SocketOptions, WebSocketConstructor } from './transports/node-socket.ts';
import { createWebSocketTransport } from './transports/websocket-transport.ts';
import type { WebSocketOptions as CommonOptions } from './transports/websocket-transport.ts';

export { graphqlTransportWs } from '../protocol/graphql-transport-ws/client-protocol.ts';
export { subscriptionsTransportWs } from '../protocol/subscriptions-transport-ws/client-protocol.ts';
export type { ClientProtocol, IncomingMessage } from '../protocol/client-protocol.ts';
export type { OperationId } from '../protocol/connection.ts';
export { toOperationId } from '../protocol/operation-id.ts';
export type { SocketOptions, WebSocketConstructor } from './transports/node-socket.ts';

/** Options of {@link websocket} on Node. */
export interface WebSocketOptions extends CommonOptions {
  /** Sent with the upgrade; a function is asked for each connection. */
  readonly headers?: Provided<Readonly<Record<string, string>> | undefined>;
  /**
   * The third argument of the implementation besides the headers.
   *
   * @defaultValue for that of `ws`: `perMessageDeflate: false`, `closeTimeout: 2_000`, and its own `maxPayload` of 100 MiB
   */
  readonly socketOptions?: SocketOptions;
  /**
   * The implementation to use. Those of browsers fit as long as there are neither `headers` nor `socketOptions`, of which they know nothing.
   *
   * @defaultValue that of `ws`
   */
  readonly WebSocket?: WebSocketConstructor;
}

/**
 * Carries all operations over one WebSocket.
 *
 * @remarks
 * With `ws` a server that refuses the upgrade is heard: the failure has its status, the beginning of the body, and how long it asks to be left alone.
 */
export function websocket(options: WebSocketOptions = {}): Transport {
  const { WebSocket, headers, socketOptions, ...common } = options;
  return createWebSocketTransport(
    { protocol: graphqlTransportWs, ...common },
    async (url, subprotocol) => {
      const given = await provide(headers);
      return openNodeSocket(WebSocket, url, subprotocol, {
        ...socketOptions,
        ...(given && { headers: given }),
      });
    },
  );
}

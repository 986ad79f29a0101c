import type { Instant, WebSocketProtocol } from '../vocabulary.ts';
import type { Handshake } from './appsync/handshake.ts';
import { AppsyncServer } from './appsync/server-connection.ts';
import type { ServerConnection, ServerConnectionOptions } from './connection.ts';
import { GraphqlTransportWsServer } from './graphql-transport-ws/server-connection.ts';
import { SubscriptionsTransportWsServer } from './subscriptions-transport-ws/server-connection.ts';

/**
 * The server's half of `protocol` for a socket that opened at `now`; sockets may share one `options` object.
 *
 * @param handshake - the request that was upgraded, for the protocol whose clients say there who they are
 */
export function createServerConnection(
  protocol: WebSocketProtocol,
  now: Instant,
  options?: ServerConnectionOptions,
  handshake?: Handshake,
): ServerConnection {
  switch (protocol) {
    case 'graphql-transport-ws':
      return new GraphqlTransportWsServer(now, options);
    case 'subscriptions-transport-ws':
      return new SubscriptionsTransportWsServer(now, options);
    case 'appsync':
      return new AppsyncServer(now, options, handshake);
  }
}

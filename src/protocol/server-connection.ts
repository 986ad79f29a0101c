import type { Instant, WebSocketProtocol } from '../vocabulary.ts';
import type { ServerConnection, ServerConnectionOptions } from './connection.ts';
import { GraphqlTransportWsServer } from './graphql-transport-ws/server-connection.ts';
import { SubscriptionsTransportWsServer } from './subscriptions-transport-ws/server-connection.ts';

/** The server's half of `protocol` for a socket that opened at `now`; sockets may share one `options` object. */
export function createServerConnection(
  protocol: WebSocketProtocol,
  now: Instant,
  options?: ServerConnectionOptions,
): ServerConnection {
  switch (protocol) {
    case 'graphql-transport-ws':
      return new GraphqlTransportWsServer(now, options);
    case 'subscriptions-transport-ws':
      return new SubscriptionsTransportWsServer(now, options);
  }
}

import type {
  Authorization,
  ClientHandshake,
  HandshakeVariant,
} from '../../protocol/appsync/client-handshake.ts';
import { UsageError } from '../../errors.ts';
import type { OperationRequest } from '../../vocabulary.ts';
import type { ConnectionSettings, Transport } from '../transport.ts';
import { AppsyncConnection } from './appsync-connection.ts';
import type { SocketHandlers, WebSocketLike } from './socket.ts';

/** What is to be authorized. */
export interface AuthorizationRequest {
  /** What a signature is over: the GraphQL endpoint, and for a connection `/connect` behind its path. */
  readonly url: string;
  /** The host of that endpoint. */
  readonly host: string;
  /** What a signature is over as well: the text that is sent, `{}` for a connection. */
  readonly data: string;
  /** The operation; absent for a connection. */
  readonly request?: OperationRequest;
}

/** An authorization object, or a function that makes one for each connection and each operation. */
export type AuthorizationProvider =
  | Authorization
  | ((request: AuthorizationRequest) => Authorization | PromiseLike<Authorization>);

/** Options that every transport to AppSync has; `Infinity` turns a period off. */
export interface AppsyncOptions {
  /** Who asks: an API key, a token, or a signature, as headers of a request have it. `host` is added. */
  readonly authorization: AuthorizationProvider;
  /** Where the authorization of a connection stands: in a subprotocol of its own, or in the URL, which proxies log. @defaultValue 'subprotocol' */
  readonly variant?: HandshakeVariant;
  /** Where sockets are, if that does not follow from the client's `url`. @defaultValue as AWS names it for hosts of its own, `/realtime` behind the path for others */
  readonly realtimeUrl?: ConnectionSettings['url'];
  /** How long it may take to open a connection and to authorize it, in milliseconds. @defaultValue 10_000 */
  readonly connectTimeoutMs?: number;
  /** How long the server may take to acknowledge the connection then, in milliseconds. @defaultValue 10_000 */
  readonly ackTimeoutMs?: number;
  /** How long it may take to acknowledge a subscription, in milliseconds. @defaultValue 15_000 */
  readonly startAckTimeoutMs?: number;
  /** Silence of the server after which the connection is given up, in milliseconds. @defaultValue what the server announces, 300_000 if that is nothing */
  readonly connectionTimeoutMs?: number;
}

/** Opens a socket with a handshake. May throw, or reject, for a URL or headers that cannot be used. */
export type OpenAppsyncSocket = (
  handshake: ClientHandshake,
) => (WebSocketLike & SocketHandlers) | PromiseLike<WebSocketLike & SocketHandlers>;

/**
 * A transport over the sockets that `open` opens.
 *
 * @throws UsageError without an authorization, and for a variant that there is not
 */
export function createAppsyncTransport(
  options: AppsyncOptions,
  open: OpenAppsyncSocket,
): Transport {
  // of a program without types: the server would only say that it knows nobody
  const { authorization, variant = 'subprotocol' }: Partial<AppsyncOptions> = options;
  if (!authorization || !['subprotocol', 'query', 'headers'].includes(variant)) {
    throw new UsageError('AppSync needs an `authorization`, and a `variant` that it knows');
  }
  return {
    isShared: true,
    connect: (settings, listener) =>
      new AppsyncConnection({ ...options, settings, listener, open }),
  };
}

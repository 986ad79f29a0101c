import { UsageError } from '../errors.ts';
import type { HandshakeVariant } from '../protocol/appsync/client-handshake.ts';
import { createAppsyncTransport } from './transports/appsync-transport.ts';
import type { AppsyncOptions as CommonOptions } from './transports/appsync-transport.ts';
import type { SocketHandlers, WebSocketLike } from './transports/socket.ts';
import type { Transport } from './transport.ts';

export type { Authorization } from '../protocol/appsync/client-handshake.ts';
export type {
  AuthorizationProvider,
  AuthorizationRequest,
} from './transports/appsync-transport.ts';

/** Options of {@link appsync} where the runtime has WebSockets. */
export interface AppsyncOptions extends CommonOptions {
  /** As for every transport to AppSync; browsers cannot send headers. */
  readonly variant?: Exclude<HandshakeVariant, 'headers'>;
  /** The implementation to use. @defaultValue the runtime's */
  readonly WebSocket?: new (url: string, subprotocols: string[]) => unknown;
}

/**
 * Carries subscriptions over one WebSocket to AWS AppSync, or to whatever speaks its real-time protocol; queries and mutations go over HTTP there.
 *
 * @throws UsageError for headers, which such sockets cannot send, without an implementation, and without an authorization
 */
export function appsync(options: AppsyncOptions): Transport {
  const { WebSocket = (globalThis as Pick<AppsyncOptions, 'WebSocket'>).WebSocket, ...common } =
    options;
  const variant = common.variant as HandshakeVariant | undefined; // what a program without types may say
  if (variant === 'headers' || 'headers' in options || !WebSocket) {
    throw new UsageError('No WebSocket, or one without headers: use another `variant`');
  }
  return createAppsyncTransport(
    common,
    // what the WHATWG describes has all members, and handlers of wider types
    ({ url, subprotocols }) =>
      new WebSocket(url, [...subprotocols]) as WebSocketLike & SocketHandlers,
  );
}

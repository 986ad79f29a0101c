import { provide } from './transport.ts';
import type { Provided, Transport } from './transport.ts';
import { createAppsyncTransport } from './transports/appsync-transport.ts';
import type { AppsyncOptions as CommonOptions } from './transports/appsync-transport.ts';
import { openNodeSocket } from './transports/node-socket.ts';
import type { SocketOptions } from './transports/node-socket.ts';

export type { Authorization } from '../protocol/appsync/client-handshake.ts';
export type {
  AuthorizationProvider,
  AuthorizationRequest,
} from './transports/appsync-transport.ts';
export type { SocketOptions } from './transports/node-socket.ts';

/** Options of {@link appsync} on Node. */
export interface AppsyncOptions extends CommonOptions {
  /** Sent with the upgrade; a function is asked for each connection. The variant `headers` adds the authorization to them. */
  readonly headers?: Provided<Readonly<Record<string, string>> | undefined>;
  /**
   * The third argument of the implementation besides the headers.
   *
   * @defaultValue for that of `ws`: `perMessageDeflate: false`, `closeTimeout: 2_000`, and its own `maxPayload` of 100 MiB
   */
  readonly socketOptions?: SocketOptions;
  /** The implementation to use. Those of browsers fit as long as there are neither headers nor `socketOptions`. @defaultValue that of `ws` */
  readonly WebSocket?: new (
    url: string,
    subprotocols: string[],
    options?: SocketOptions,
  ) => unknown;
}

/**
 * Carries subscriptions over one WebSocket to AWS AppSync, or to whatever speaks its real-time protocol; queries and mutations go over HTTP there.
 *
 * @throws UsageError without an authorization
 */
export function appsync(options: AppsyncOptions): Transport {
  const { WebSocket, headers, socketOptions, ...common } = options;
  return createAppsyncTransport(common, async ({ url, subprotocols, headers: authorization }) => {
    const given = await provide(headers);
    return openNodeSocket(WebSocket, url, [...subprotocols], {
      ...socketOptions,
      ...((given || authorization) && { headers: { ...given, ...authorization } }),
    });
  });
}

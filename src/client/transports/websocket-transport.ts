import type { ClientProtocol } from '../../protocol/client-protocol.ts';
import type { ConnectionSettings, Transport } from '../transport.ts';
import { SocketConnection } from './socket-connection.ts';
import type { OpenSocket } from './socket.ts';

/** Options that every WebSocket transport has; `Infinity` turns a period off. */
export interface WebSocketOptions {
  /** How messages are written and read. @defaultValue {@link graphqlTransportWs} */
  readonly protocol?: ClientProtocol;
  /** Where it connects to, if that is not the client's `url`. */
  readonly url?: ConnectionSettings['url'];
  /** How long it may take to open a connection and to find out its parameters, in milliseconds. @defaultValue 10_000 */
  readonly connectTimeoutMs?: number;
  /** How long the server may take to acknowledge the connection then, in milliseconds. @defaultValue 10_000 */
  readonly ackTimeoutMs?: number;
  /** Silence of the server after which it is asked whether it lives, in milliseconds, where the protocol can ask. @defaultValue 30_000 */
  readonly pingAfterMs?: number;
  /** How long it may take to answer, in milliseconds; where the protocol cannot ask, how long it may be silent after its first sign of life. @defaultValue 30_000 */
  readonly silenceMs?: number;
  /**
   * Whether an unreadable message is only reported, or also ends the connection as `graphql-transport-ws` has it.
   *
   * @defaultValue 'report'
   */
  readonly invalidMessages?: 'report' | 'close';
}

/** A transport over the sockets that `open` opens. */
export function createWebSocketTransport(
  options: WebSocketOptions & { readonly protocol: ClientProtocol },
  open: OpenSocket,
): Transport {
  // outlives a connection, for as long as its line: whether the server refused its parameters last
  const refused = new WeakSet<ConnectionSettings>();
  return {
    isShared: true,
    connect: (settings, listener) =>
      new SocketConnection({ ...options, settings, listener, open, refused }),
  };
}

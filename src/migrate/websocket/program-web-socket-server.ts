import type { IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';

import type { WebSocketLike, WebSocketServerLike } from '../../adapters/web-socket-server.ts';

/** What programs do with the `WebSocketServer` of a `SubscriptionServer`, whose package need not have types then. */
export interface ProgramWebSocketServer extends WebSocketServerLike {
  readonly clients: ReadonlySet<WebSocketLike>;
  /** Only with `noServer`: the socket that it gives is served once it was emitted as a `connection`. */
  handleUpgrade(
    request: IncomingMessage,
    socket: Duplex,
    head: Buffer,
    callback: (socket: WebSocketLike, request: IncomingMessage) => void,
  ): void;
  emit(name: 'connection', socket: WebSocketLike, request: IncomingMessage): boolean;
}

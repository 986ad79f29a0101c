import type { IncomingMessage } from 'node:http';

import type { WebSocketLike } from '../../adapters/web-socket-server.ts';
import type { RequestHead } from '../../server/index.ts';
import { UsageError } from '../../errors.ts';
import type { Context, Extra } from './graphql-ws-options.ts';

/** The context of hooks, which this side may write. */
type WritableContext = { -readonly [Member in keyof Context]: Context[Member] };

/** One socket, as the hooks of a program know it. */
export class Connection {
  readonly context: WritableContext;
  /** The disconnect hook, while it runs. */
  disconnecting: Promise<unknown> | undefined;
  /** The close hook was called, and no other is after it. */
  hasClosed = false;

  constructor(extra: Extra) {
    this.context = {
      connectionInitReceived: false,
      acknowledged: false,
      subscriptions: Object.create(null) as Context['subscriptions'], // ids may be any text
      extra: { ...extra },
    };
  }
}

/** Sockets by the heads of their requests, which is what a server knows them by. */
export class Connections {
  readonly #connections = new WeakMap<RequestHead, Connection>();
  readonly #sockets = new Set<WebSocketLike>();

  add(
    head: RequestHead,
    extra: { readonly socket: WebSocketLike; readonly request: IncomingMessage },
  ): Connection {
    const connection = new Connection(extra);
    const { socket } = extra;
    this.#connections.set(head, connection);
    this.#sockets.add(socket);
    socket.on('close', () => this.#sockets.delete(socket));
    return connection;
  }

  of(head: RequestHead): Connection {
    const connection = this.#connections.get(head);
    if (!connection) throw new UsageError('the request belongs to no socket');
    return connection;
  }

  closeAll(code: number, reason: string): void {
    for (const socket of this.#sockets) socket.close(code, reason);
  }
}

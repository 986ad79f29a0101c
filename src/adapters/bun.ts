import { UsageError } from '../errors.ts';
import type { MessageSocket, Server, SocketEvents } from '../server/index.ts';
import { createHandler } from './fetch-handler.ts';
import type { FetchHandlerOptions } from './fetch-handler.ts';
import type { WebSocketUse } from './fetch-upgrade.ts';
import { decideUse } from './fetch-upgrade.ts';
import { connectionsOfProcess } from './open-files.ts';

/** What is called of the `Server` of Bun. */
export interface BunServerLike {
  upgrade(
    request: Request,
    options: { readonly headers: Record<string, string>; readonly data: BunSocket },
  ): boolean;
  requestIP(request: Request): { readonly address: string } | null;
  timeout(request: Request, seconds: number): void;
}

/** What is called of a `ServerWebSocket` of Bun. */
export interface BunWebSocketLike {
  readonly data: BunSocket;
  send(frame: string): number;
  ping(): number;
  close(code: number, reason: string): void;
  terminate(): void;
  getBufferedAmount(): number;
}

/** What `Bun.serve` is given. */
export interface BunHandlers {
  fetch(this: void, request: Request, bunServer: BunServerLike): Promise<Response>;
  readonly websocket: {
    readonly maxPayloadLength: number;
    readonly backpressureLimit: number;
    readonly idleTimeout: number;
    readonly sendPings: boolean;
    readonly perMessageDeflate: boolean;
    open(webSocket: BunWebSocketLike): void;
    message(webSocket: BunWebSocketLike, frame: string | Uint8Array): void;
    ping(webSocket: BunWebSocketLike): void;
    pong(webSocket: BunWebSocketLike): void;
    drain(webSocket: BunWebSocketLike): void;
    close(webSocket: BunWebSocketLike, code: number, reason: string): void;
  };
}

/**
 * What `Bun.serve` needs to answer for `server`: `Bun.serve({ port: 4000, ...createBunHandlers(server) })`.
 *
 * @remarks
 * Both go together: without `websocket` Bun refuses to upgrade. The process, the port and signals are yours: drain `server` before you stop Bun's.
 */
export function createBunHandlers(server: Server, options: FetchHandlerOptions = {}): BunHandlers {
  const capacity = connectionsOfProcess();
  if (capacity !== undefined) server.assumeCapacity(capacity);
  const handle = createHandler<BunServerLike>(server, options, {
    addressOf: (request, bunServer) => bunServer.requestIP(request)?.address,
    upgrade(request, head, bunServer) {
      const use = decideUse(server, head);
      if (use instanceof Response) return use;
      const headers: Record<string, string> =
        use.kind === 'serve' ? { 'sec-websocket-protocol': use.subprotocol } : {};
      const isUpgraded = bunServer.upgrade(request, { headers, data: new BunSocket(server, use) });
      return new Response(null, { status: isUpgraded ? 200 : 400 }); // nobody is sent it after an upgrade
    },
  });
  return {
    fetch(request, bunServer) {
      if (typeof bunServer?.upgrade !== 'function')
        throw new UsageError(
          'fetch of createBunHandlers needs the server of Bun beside the request',
        );
      bunServer.timeout(request, 0); // streams may be silent longer than Bun lets them, and slow requests have limits of ours
      return handle(request, bunServer);
    },
    websocket: {
      maxPayloadLength: toBunLimit(server.limits.messageBytes),
      backpressureLimit: longestBytes, // Bun drops what is above; the server has limits of its own and drops nothing unsaid
      idleTimeout: 0, // the server finds out who is gone
      sendPings: false,
      perMessageDeflate: false,
      open: (webSocket) => webSocket.data.opened(webSocket),
      message: ({ data }, frame) => data.events?.message(frame),
      ping: ({ data }) => data.events?.heard(),
      pong: ({ data }) => data.events?.heard(),
      drain: ({ data }) => data.drained(),
      close: ({ data }, code, reason) => data.events?.closed(code, reason),
    },
  };
}

/** A WebSocket of Bun, as a server writes to it. */
class BunSocket implements MessageSocket {
  readonly #server: Server;
  readonly #use: WebSocketUse;
  #webSocket: BunWebSocketLike | undefined;
  events: SocketEvents | undefined;

  constructor(server: Server, use: WebSocketUse) {
    this.#server = server;
    this.#use = use;
  }

  opened(webSocket: BunWebSocketLike): void {
    const use = this.#use;
    this.#webSocket = webSocket;
    if (use.kind === 'close') {
      if (use.frame !== undefined) webSocket.send(use.frame);
      return webSocket.close(use.code, use.reason);
    }
    this.events = this.#server.open(this, use.accepted);
  }

  /** Some of what waited was taken. */
  drained(): void {
    if (this.bufferedBytes <= this.#server.limits.outboxHighWaterBytes / 2) this.events?.drained();
  }

  get bufferedBytes(): number {
    return this.#webSocket?.getBufferedAmount() ?? 0;
  }

  send(frame: string): void {
    // zero: it was dropped, and a peer that missed something must not go on
    if (this.#webSocket?.send(frame) === 0) this.destroy();
  }

  ping(): void {
    this.#webSocket?.ping();
  }

  close(code: number, reason: string): void {
    this.#webSocket?.close(code, reason);
  }

  destroy(): void {
    this.#webSocket?.terminate();
  }
}

/** Bun counts in 32 bits. */
const longestBytes = 2 ** 31 - 1;

function toBunLimit(limit: number): number {
  return Math.min(Math.ceil(limit), longestBytes);
}

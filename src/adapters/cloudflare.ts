import { UsageError } from '../errors.ts';
import type { Server } from '../server/index.ts';
import type { FetchHandlerOptions } from './fetch-handler.ts';
import { createHandler } from './fetch-handler.ts';
import type { WebSocketLike } from './fetch-socket.ts';
import { serveWebSocket } from './fetch-socket.ts';
import { decideUse } from './fetch-upgrade.ts';

/** The `fetch` of a Worker or a Durable Object. */
export type WorkerHandler = (request: Request) => Promise<Response>;

/** The end of a pair that a Worker keeps. */
interface WorkerWebSocketLike extends WebSocketLike {
  accept(): void;
}

/** What is called of the runtime. */
interface WorkersLike {
  readonly WebSocketPair?: new () => {
    readonly 0: WebSocketLike;
    readonly 1: WorkerWebSocketLike;
  };
}

/**
 * Answers requests and upgrades for `server` in a Durable Object of Cloudflare Workers, as its `fetch`.
 *
 * @remarks
 * A server is one program: its clients share sources and a timer. The runtime lets requests of a Worker share neither, so there a server serves one
 * request, made for it; those of one Durable Object share everything.
 * @throws UsageError outside Workers
 */
export function createWorkerHandler(
  server: Server,
  options: FetchHandlerOptions = {},
): WorkerHandler {
  const { WebSocketPair: Pair } = globalThis as WorkersLike; // elsewhere it is missing
  if (Pair === undefined)
    throw new UsageError(
      'createWorkerHandler needs Workers; elsewhere use the adapter of that runtime',
    );
  const handle = createHandler<void>(server, options, {
    // set by Cloudflare, whatever the client sends
    addressOf: ({ headers }) => headers.get('cf-connecting-ip') ?? undefined,
    upgrade(_request, head) {
      const use = decideUse(server, head);
      if (use instanceof Response) return use;
      const { 0: theirs, 1: ours } = new Pair();
      ours.accept();
      serveWebSocket(server, ours, use);
      const headers: Record<string, string> =
        use.kind === 'serve' ? { 'sec-websocket-protocol': use.subprotocol } : {};
      // `webSocket` is the runtime's own, and not known to the types
      const init: ResponseInit & { webSocket: WebSocketLike } = {
        status: 101,
        headers,
        webSocket: theirs,
      };
      return new Response(null, init);
    },
  });
  return (request) => handle(request);
}

import { UsageError } from '../errors.ts';
import type { Server } from '../server/index.ts';
import type { FetchHandlerOptions } from './fetch-handler.ts';
import { createHandler } from './fetch-handler.ts';
import type { WebSocketLike } from './fetch-socket.ts';
import { serveWebSocket } from './fetch-socket.ts';
import { decideUse } from './fetch-upgrade.ts';

/** What `Deno.serve` hands over beside a request. */
export interface DenoServeInfoLike {
  readonly remoteAddr?: { readonly hostname?: string } | object;
}

/** A handler of `Deno.serve`. */
export type DenoHandler = (request: Request, info?: DenoServeInfoLike) => Promise<Response>;

/** What is called of Deno. */
interface DenoLike {
  upgradeWebSocket(request: Request): {
    readonly socket: WebSocketLike;
    readonly response: Response;
  };
}

/**
 * Answers requests and upgrades for `server`: `Deno.serve(createDenoHandler(server))`.
 *
 * @remarks
 * The process, the port and signals are yours: drain `server` before you shut Deno's down.
 * @throws UsageError outside Deno
 */
export function createDenoHandler(server: Server, options: FetchHandlerOptions = {}): DenoHandler {
  const deno = findDeno();
  return createHandler<DenoServeInfoLike | undefined>(server, options, {
    addressOf: (_request, info) => addressIn(info),
    upgrade(request, head) {
      const use = decideUse(server, head);
      if (use instanceof Response) return use;
      const { socket, response } = deno.upgradeWebSocket(request);
      // its own option for that takes what is offered without spaces for one name, and refuses
      if (use.kind === 'serve') response.headers.set('sec-websocket-protocol', use.subprotocol);
      socket.addEventListener('open', () => serveWebSocket(server, socket, use));
      return response;
    },
  });
}

function findDeno(): DenoLike {
  const { Deno: deno } = globalThis as { readonly Deno?: DenoLike }; // elsewhere it is missing
  if (typeof deno?.upgradeWebSocket === 'function') return deno;
  throw new UsageError('createDenoHandler needs Deno; elsewhere use the adapter of that runtime');
}

function addressIn(info: DenoServeInfoLike | undefined): string | undefined {
  const address = info?.remoteAddr;
  return address && 'hostname' in address ? address.hostname : undefined;
}

import { UsageError } from '../errors.ts';
import type { Server } from '../server/index.ts';
import { createFetchHandler } from './fetch.ts';

/** What is read of a `Context` of Hono. */
export interface HonoContextLike {
  readonly req: { readonly raw: Request };
  /** What the runtime handed over beside the request. */
  readonly env: unknown;
}

/** The handler of a runtime, which carries its WebSockets. */
export type RuntimeHandler<Env> = (request: Request, env: Env) => Response | Promise<Response>;

/** A handler of Hono. */
export type HonoHandler = (context: HonoContextLike) => Promise<Response>;

/**
 * Answers on a route of Hono: `app.all('/graphql', createHonoHandler(server))`.
 *
 * @remarks
 * A server answers everything but WebSockets, which get 501. Where the runtime has WebSockets, give its handler in place of the server, with `path: '*'`
 * unless both have the same path: `createBunHandlers(server).fetch`, `createDenoHandler(server)`, `createWorkerHandler(server)`. Hono's own
 * `upgradeWebSocket` answers with the first subprotocol that is offered, or none, and does not tell how much waits in a socket.
 * @throws UsageError for anything else
 */
export function createHonoHandler<Env>(given: Server | RuntimeHandler<Env>): HonoHandler {
  if (typeof given === 'function') {
    // which runtime it is, and so what it hands over, knows whoever gave its handler
    return async ({ req, env }) => given(req.raw, env as Env);
  }
  if (typeof given?.handleRequest !== 'function')
    throw new UsageError('createHonoHandler needs a server, or the handler of a runtime');
  const handle = createFetchHandler(given, { path: '*' });
  return ({ req, env }) => {
    const remoteAddress = addressIn(env as NodeEnvLike | undefined); // every member is optional
    return handle(req.raw, remoteAddress === undefined ? {} : { remoteAddress });
  };
}

/** What `@hono/node-server` hands over. */
interface NodeEnvLike {
  readonly incoming?: { readonly socket?: { readonly remoteAddress?: string } };
}

function addressIn(env: NodeEnvLike | undefined): string | undefined {
  return env?.incoming?.socket?.remoteAddress;
}

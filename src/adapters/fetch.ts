import type { Server } from '../server/index.ts';
import type { FetchHandlerOptions } from './fetch-handler.ts';
import { createHandler } from './fetch-handler.ts';

export type { FetchHandlerOptions } from './fetch-handler.ts';

/** Answers a request as a runtime with `fetch` has it. Never rejects. */
export type FetchHandler = (request: Request, context?: FetchContext) => Promise<Response>;

/** What a request does not say of itself. */
export interface FetchContext {
  /** The address of the peer, for hooks. */
  readonly remoteAddress?: string;
}

/**
 * Answers requests as runtimes with `Request` and `Response` have them: queries, mutations, and subscriptions over server-sent events and multipart.
 *
 * @remarks
 * `fetch` knows no WebSockets: an upgrade gets 501. The adapters of runtimes that have them do what this one does, and carry those as well.
 * Draining and closing are the server's: {@link Server.drain}, {@link Server.close}.
 */
export function createFetchHandler(
  server: Server,
  options: FetchHandlerOptions = {},
): FetchHandler {
  return createHandler<FetchContext | undefined>(server, options, {
    addressOf: (_request, context) => context?.remoteAddress,
    upgrade: refuse,
  });
}

function refuse(): Response {
  const text =
    'No WebSockets here: subscribe over server-sent events or multipart, or serve them with the adapter of the runtime\n';
  return new Response(text, { status: 501, headers: { 'content-type': 'text/plain' } });
}

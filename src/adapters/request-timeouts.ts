import type { ServerOptions } from 'node:http';

import type { Server } from '../server/index.ts';

/** Time from the open connection to the end of a request's head. */
const headersTimeoutMs = 10_000;

/** How often connections are looked through for requests that take too long. */
const slownessCheckMs = 2_000;

/** Options of an HTTP server that ends what never becomes a request; a slow body is answered by `server` itself. */
export function requestTimeouts({ longestBodyMs }: Pick<Server, 'longestBodyMs'>): ServerOptions {
  return {
    headersTimeout: headersTimeoutMs,
    requestTimeout: Number.isFinite(longestBodyMs)
      ? headersTimeoutMs + Math.ceil(longestBodyMs)
      : 0,
    connectionsCheckingInterval: slownessCheckMs,
  };
}

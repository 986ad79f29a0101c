import { listen } from 'millrace/adapters/node';
import { createServer } from 'millrace/server';
import type { ServerGauges, ServerOptions } from 'millrace/server';
import { onTestFinished } from 'vitest';

import { createIncrementalApp } from './incremental-app.ts';
import type { IncrementalApp } from './incremental-app.ts';

/** The application with `@defer` and `@stream` on a port of 127.0.0.1, until the test ends. */
export interface IncrementalServer {
  readonly app: IncrementalApp;
  readonly httpUrl: string;
  readonly webSocketUrl: string;
  gauges(): ServerGauges;
}

export async function serveIncremental(
  options: Omit<ServerOptions, 'schema'> = {},
): Promise<IncrementalServer> {
  const app = createIncrementalApp();
  const server = createServer({ onInternalError: () => {}, ...options, schema: app.schema });
  const running = await listen(server, { port: 0, host: '127.0.0.1' });
  onTestFinished(() => running.close());
  return {
    app,
    httpUrl: running.url,
    webSocketUrl: running.url.replace('http:', 'ws:'),
    gauges: () => server.gauges(),
  };
}

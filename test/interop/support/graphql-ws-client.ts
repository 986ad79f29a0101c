import { createClient } from 'graphql-ws';
import type { Client, ClientOptions } from 'graphql-ws';
import { onTestFinished } from 'vitest';
import { WebSocket } from 'ws';

import type { FixtureServer } from '../../support/fixture-server.ts';

/** A client of graphql-ws that ends with the test. It retries at once. */
export function createGraphqlWsClient(
  { webSocketUrl }: FixtureServer,
  options: Partial<ClientOptions> = {},
): Client {
  const client = createClient({
    url: webSocketUrl,
    webSocketImpl: WebSocket,
    retryWait: () => Promise.resolve(),
    ...options,
  });
  onTestFinished(() => client.dispose());
  return client;
}

/** One that outlives a server without wasting its attempts while nobody listens. */
export function createPatientClient(server: FixtureServer): Client {
  return createGraphqlWsClient(server, { retryWait: server.reachable });
}

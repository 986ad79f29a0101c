import { serveFixture } from '../../support/fixture-server.ts';
import type { FixtureServer, FixtureServerOptions } from '../../support/fixture-server.ts';
import { startProxy } from './proxy.ts';
import type { ProxyOptions } from './proxy.ts';
import type { Setup } from './setups.ts';

/** The fixture application, and where a proxy in front of it answers. */
export interface Proxied {
  readonly server: FixtureServer;
  readonly url: string;
}

/** What a test sets of the server and of the proxy. */
export type ProxiedOptions = FixtureServerOptions &
  Partial<Pick<ProxyOptions, 'idleMs' | 'clientsSpeak'>>;

/** Starts the fixture application with every protocol, and a proxy in front of it; both end with the test. */
export async function serveBehind(
  { proxy, change }: Setup,
  { idleMs, clientsSpeak, ...options }: ProxiedOptions = {},
): Promise<Proxied> {
  const server = await serveFixture({
    protocols: [
      'graphql-transport-ws',
      'subscriptions-transport-ws',
      'sse',
      'sse-single',
      'multipart',
    ],
    ...options,
  });
  const { url } = await startProxy(proxy, {
    serverPort: server.port,
    idleMs,
    clientsSpeak,
    change,
  });
  return { server, url };
}

import { listen } from 'millrace/adapters/node';
import { createServer } from 'millrace/server';
import type { ServerCounters, ServerGauges, ServerOptions } from 'millrace/server';
import { onTestFinished } from 'vitest';

import { createFixtureApp } from './fixture-app.ts';
import type { FixtureApp } from './fixture-app.ts';
import { until } from './waiting.ts';

/** The fixture application on a port of 127.0.0.1, every protocol on one path. */
export interface FixtureServer {
  readonly app: FixtureApp;
  readonly port: number;
  readonly httpUrl: string;
  readonly webSocketUrl: string;
  /** What clients did not get to see. */
  readonly internalErrors: readonly unknown[];
  gauges(): ServerGauges;
  counters(): ServerCounters;
  /** Resolves once exactly `count` sources are open: what is published from then on reaches them, or nobody if it is 0. */
  sources(count: number): Promise<void>;
  /** Resolves once exactly `count` connections are open. */
  connections(count: number): Promise<void>;
  close(): Promise<void>;
  /** Once this one is closed: another on its port, with an application of its own. */
  startSuccessor(): Promise<FixtureServer>;
  /** Resolves once this one or a successor listens: for clients that would try again blindly. */
  readonly reachable: () => Promise<void>;
}

/** Options of {@link serveFixture}. */
export type FixtureServerOptions = Omit<ServerOptions, 'schema' | 'broker'>;

/** Starts a server. It ends with the test at the latest, after the clients that are registered later. */
export async function serveFixture(options: FixtureServerOptions = {}): Promise<FixtureServer> {
  const generations: FixtureServer[] = [];
  onTestFinished(async () => {
    for (const server of generations) await server.close();
  });
  let listening = 0;
  const reachable = (): Promise<void> => until(() => listening > 0, 'a server that listens');
  const start = async (port: number): Promise<FixtureServer> => {
    const running = await startServer(options, port);
    listening += 1;
    let closed: Promise<void> | undefined;
    const close = (): Promise<void> => {
      if (!closed) listening -= 1;
      closed ??= running.close();
      return closed;
    };
    const server = { ...running, close, reachable, startSuccessor: () => start(running.port) };
    generations.push(server);
    return server;
  };
  return start(0);
}

async function startServer(
  options: FixtureServerOptions,
  port: number,
): Promise<Omit<FixtureServer, 'reachable' | 'startSuccessor'>> {
  const app = createFixtureApp();
  const internalErrors: unknown[] = [];
  const server = createServer({
    protocols: [
      'graphql-transport-ws',
      'subscriptions-transport-ws',
      'appsync',
      'sse',
      'sse-single',
      'multipart',
    ],
    onInternalError: (error) => internalErrors.push(error),
    ...options,
    schema: app.schema,
    broker: app.broker,
  });
  const running = await listen(server, { port, host: '127.0.0.1' });
  return {
    app,
    port: running.port,
    httpUrl: running.url,
    webSocketUrl: running.url.replace('http:', 'ws:'),
    internalErrors,
    gauges: () => server.gauges(),
    counters: () => server.counters(),
    sources: (count) => until(() => app.openSources() === count, `${count} open sources`),
    connections: (count) =>
      until(() => server.gauges().connections === count, `${count} open connections`),
    close: () => running.close(),
  };
}

import { listen } from 'millrace/adapters/node';
import { createServer } from 'millrace/server';
import type { Server, ServerGauges, ServerOptions } from 'millrace/server';
import { VirtualClock } from 'millrace/testing';

import { createFixtureApp } from './fixture-app.ts';
import { until } from './waiting.ts';

type Open = Server['open'];
type Socket = Parameters<Open>[0];

/** Options of {@link FaultServer}. */
export interface FaultServerOptions extends Pick<ServerOptions, 'limits' | 'keepAlive'> {
  readonly clock?: VirtualClock;
}

/** The fixture application on one port, where one server after the other serves it; counts what was ever started and ended on all of them. */
export class FaultServer {
  readonly clock: VirtualClock;
  readonly internalErrors: unknown[] = [];
  /** Operations that clients asked for. */
  starts = 0;
  /** Those of them that ended. */
  ends = 0;
  port = 0;
  readonly #options: FaultServerOptions;
  readonly #app = createFixtureApp();
  readonly #sockets = new Set<Socket>();
  #server: Server | undefined;
  #stop: () => Promise<void> = () => Promise.resolve();

  constructor(options: FaultServerOptions = {}) {
    this.#options = options;
    this.clock = options.clock ?? new VirtualClock();
  }

  /** Serves, on the same port as before. */
  async start(): Promise<void> {
    const server = createServer({
      schema: this.#app.schema,
      broker: this.#app.broker,
      protocols: [
        'graphql-transport-ws',
        'subscriptions-transport-ws',
        'appsync',
        'sse-single',
        'sse',
        'multipart',
      ],
      ...this.#options,
      clock: this.clock,
      onSubscribe: () => {
        this.starts += 1;
      },
      onComplete: () => (this.ends += 1),
      onInternalError: (error) => this.internalErrors.push(error),
    });
    const running = await listen(this.#knowingSockets(server), {
      port: this.port,
      host: '127.0.0.1',
    });
    this.port = running.port;
    this.#server = server;
    this.#stop = () => running.close();
  }

  /** Stops serving, as a server does that has time to say so: closes with 1001, cuts streams, frees the port. Twice is harmless. */
  close(): Promise<void> {
    return this.#stop();
  }

  /** Lets time pass until every stream is gone that was reserved and never opened. */
  expireReservations(): Promise<void> {
    return this.clock.advance(this.#running.limits.reservationMs);
  }

  /** Announces to everybody that is connected over a socket that it restarts. */
  announceRestart(): void {
    for (const socket of this.#sockets) socket.close(1012, 'Service Restart');
    this.#sockets.clear();
  }

  publish(room: string, text: string): Promise<unknown> {
    return this.#app.publish(room, text);
  }

  get gauges(): ServerGauges {
    return this.#running.gauges();
  }

  /** Connections that were ended because their peer read too slowly. */
  get slowConsumers(): number {
    return this.#server?.counters().slowConsumerDisconnects ?? 0;
  }

  /** Operations that run, as the hooks have it. */
  get running(): number {
    return this.starts - this.ends;
  }

  /** Sources that are open: what is published from now on reaches so many, if each is of another room. */
  get openSources(): number {
    return this.#app.openSources();
  }

  /** Resolves once exactly `count` operations run, whoever is asked. */
  operations(count: number): Promise<void> {
    return until(() => this.#runs(count), `${count} operations on the server`);
  }

  get #running(): Server {
    if (!this.#server) throw new Error('the server was never started');
    return this.#server;
  }

  /** Whether exactly `count` operations run, whoever is asked. */
  #runs(count: number): boolean {
    const { gauges, running, openSources } = this;
    return gauges.operations === count && running === count && openSources === count;
  }

  #knowingSockets(server: Server): Server {
    return {
      limits: server.limits,
      longestBodyMs: server.longestBodyMs,
      get state() {
        return server.state;
      },
      hasLocalBroker: server.hasLocalBroker,
      assumeResumeKeys: (keys) => server.assumeResumeKeys(keys),
      revoke: (revocation) => server.revoke(revocation),
      revokeHere: (isMeant) => server.revokeHere(isMeant),
      drain: (options) => server.drain(options),
      execute: (request, init) => server.execute(request, init),
      subscribe: (request, init) => server.subscribe(request, init),
      handleRequest: (request) => server.handleRequest(request),
      upgradePaths: (path) => server.upgradePaths(path),
      decideUpgrade: (request) => server.decideUpgrade(request),
      open: (socket, accepted) => {
        this.#sockets.add(socket);
        return server.open(socket, accepted);
      },
      assumeCapacity: (connections) => server.assumeCapacity(connections),
      gauges: () => server.gauges(),
      sharing: () => server.sharing(),
      counters: () => server.counters(),
      close: () => server.close(),
    };
  }
}

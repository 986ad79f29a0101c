import { once } from 'node:events';
import { connect, createServer } from 'node:net';
import type { Server, Socket } from 'node:net';

import { systemClock } from '../client/system-clock.ts';
import type { LaneClock } from './lane.ts';
import type { Direction } from './memory-link.ts';
import { ProxiedConnection } from './proxied-connection.ts';
import type { Weather } from './proxy-pipe.ts';
import { seededRandom } from './seeded-random.ts';

/** Options of {@link startTcpProxy}. */
export interface TcpProxyOptions {
  /** Where the server is that it stands in front of. */
  readonly port: number;
  /** @defaultValue '127.0.0.1' */
  readonly host?: string;
  /** Makes the jitter repeatable. @defaultValue 1 */
  readonly seed?: number;
  /** Passes the time of latency and throttling. @defaultValue the clock of the runtime */
  readonly clock?: LaneClock;
  /** Called for each connection before anything passes, for what shall go wrong on it. */
  readonly onConnection?: (connection: ProxiedConnection) => void;
}

/** A TCP server in front of another, for what really goes wrong on networks. */
export interface TcpProxy extends AsyncDisposable {
  /** Where it listens, on 127.0.0.1; the same for as long as it lives. */
  readonly port: number;
  /** Those that are open, the oldest first. */
  readonly connections: readonly ProxiedConnection[];
  /** What it is like from now on, in one direction or both; what is not named stays. */
  setWeather(weather: Partial<Weather>, direction?: Direction): void;
  /** Resets all connections. */
  reset(): void;
  /** Loses everything on all connections, and on those that come until `recover`. */
  goHalfOpen(): void;
  /** Ends that; connections on which something may have been lost are reset. */
  recover(): void;
  /** Does not listen any more: connections are refused by the system. Those that are open stay. */
  refuse(): void;
  /** Listens again on the same port. */
  accept(): Promise<void>;
  /** Resets all connections, and listens again. */
  restart(): Promise<void>;
  /** Ends everything; twice is harmless. */
  close(): Promise<void>;
}

/** Starts a proxy on a free port of 127.0.0.1. */
export async function startTcpProxy(options: TcpProxyOptions): Promise<TcpProxy> {
  const proxy = new NodeTcpProxy(options);
  await proxy.accept();
  return proxy;
}

const fairWeather = {
  latencyMs: 0,
  jitterMs: 0,
  bytesPerSecond: Number.POSITIVE_INFINITY,
} as const satisfies Weather;

class NodeTcpProxy implements TcpProxy {
  readonly #options: TcpProxyOptions;
  readonly #weather: Readonly<Record<Direction, Weather>> = {
    'to-server': { ...fairWeather },
    'to-client': { ...fairWeather },
  };
  readonly #connections = new Set<ProxiedConnection>();
  readonly #random: () => number;
  #listener: Server | undefined;
  #port = 0;
  #isHalfOpen = false;

  constructor(options: TcpProxyOptions) {
    this.#options = options;
    this.#random = seededRandom(options.seed ?? 1);
  }

  get port(): number {
    return this.#port;
  }

  get connections(): readonly ProxiedConnection[] {
    return [...this.#connections];
  }

  setWeather(weather: Partial<Weather>, direction?: Direction): void {
    if (direction !== 'to-client') Object.assign(this.#weather['to-server'], weather);
    if (direction !== 'to-server') Object.assign(this.#weather['to-client'], weather);
  }

  reset(): void {
    for (const connection of this.#connections) connection.reset();
  }

  goHalfOpen(): void {
    this.#isHalfOpen = true;
    for (const connection of this.#connections) connection.goHalfOpen();
  }

  recover(): void {
    this.#isHalfOpen = false;
    for (const connection of this.#connections) {
      if (connection.isHalfOpen) connection.reset();
    }
  }

  refuse(): void {
    this.#listener?.close();
    this.#listener = undefined;
  }

  async accept(): Promise<void> {
    if (this.#listener) return;
    const listener = createServer({ allowHalfOpen: true }, (client) => this.#connect(client));
    this.#listener = listener;
    listener.listen(this.#port, '127.0.0.1');
    await once(listener, 'listening');
    const address = listener.address();
    if (typeof address === 'object' && address) this.#port = address.port;
  }

  async restart(): Promise<void> {
    this.refuse();
    this.reset();
    await this.accept();
  }

  async close(): Promise<void> {
    const listener = this.#listener;
    this.refuse();
    this.reset();
    if (listener) await once(listener, 'close');
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  #connect(client: Socket): void {
    const { port, host = '127.0.0.1', clock = systemClock, onConnection } = this.#options;
    const connection = new ProxiedConnection({
      client,
      server: connect({ port, host, allowHalfOpen: true }),
      weather: this.#weather,
      clock,
      random: this.#random,
      onGone: (gone) => this.#connections.delete(gone),
    });
    this.#connections.add(connection);
    if (this.#isHalfOpen) connection.goHalfOpen();
    onConnection?.(connection);
  }
}

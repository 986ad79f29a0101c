import assert from 'node:assert/strict';

import { createClient } from 'millrace/client';
import type {
  Client,
  ClientOptions,
  OperationHandle,
  OperationResult,
  OperationState,
} from 'millrace/client';
import type { ServerGauges } from 'millrace/server';
import { VirtualClock, manualSignals } from 'millrace/testing';
import { startTcpProxy } from 'millrace/testing/node';
import type { ProxiedConnection, TcpProxy, TcpProxyOptions } from 'millrace/testing/node';
import { onTestFinished } from 'vitest';

import type { FaultCarrier, Patience } from './fault-carriers.ts';
import { FaultServer } from './fault-server.ts';
import type { FaultServerOptions } from './fault-server.ts';
import { RunLedger } from './run-ledger.ts';
import type { Run } from './run-ledger.ts';
import { until } from './waiting.ts';
import { Consumer } from './watched-client.ts';
import type { Loss } from './watched-client.ts';

/** Options of {@link raiseFaultStage}. */
export interface FaultStageOptions {
  readonly patience?: Patience;
  /** One that serves already, or how one has to. */
  readonly server?: FaultServer | FaultServerOptions;
  readonly clock?: VirtualClock;
  readonly client?: Partial<ClientOptions>;
  readonly proxy?: Omit<TcpProxyOptions, 'port'>;
  /** Puts something between proxy and server, whose port it is given; returns its own. */
  readonly insert?: (serverPort: number) => Promise<number>;
}

/** A client on a virtual clock, a server on another, and a proxy for what happens between them. */
export async function raiseFaultStage(
  carrier: FaultCarrier,
  options: FaultStageOptions = {},
): Promise<FaultStage> {
  const server =
    options.server instanceof FaultServer ? options.server : await serveFaults(options.server);
  const port = (await options.insert?.(server.port)) ?? server.port;
  const proxy = await startTcpProxy({ ...options.proxy, port });
  onTestFinished(() => proxy.close());
  return new FaultStage(carrier, { server, proxy, options });
}

/** Starts a server; it ends with the test. */
export async function serveFaults(options: FaultServerOptions = {}): Promise<FaultServer> {
  const server = new FaultServer(options);
  await server.start();
  onTestFinished(() => server.close());
  return server;
}

/** What is left when a client has closed, and what may never have been. */
export interface Leftovers {
  readonly gauges: ServerGauges;
  readonly timers: number;
  readonly watchers: number;
  /** Runs to which the same event came twice. */
  readonly repetitive: readonly Run[];
  readonly internalErrors: readonly unknown[];
}

export const nothing: Leftovers = {
  gauges: { connections: 0, operations: 0, deadlines: 0, readers: 0 },
  timers: 0,
  watchers: 0,
  repetitive: [],
  internalErrors: [],
};

const stepMs = 250;

interface FaultStageParts {
  readonly server: FaultServer;
  readonly proxy: TcpProxy;
  readonly options: FaultStageOptions;
}

/** What {@link raiseFaultStage} makes. */
export class FaultStage {
  readonly server: FaultServer;
  readonly proxy: TcpProxy;
  readonly clock: VirtualClock;
  readonly client: Client;
  readonly ledger = new RunLedger();
  readonly losses: Loss[] = [];
  readonly signals = manualSignals();
  readonly #carrier: FaultCarrier;
  readonly #internalErrors: unknown[] = [];
  readonly #subscribers: Subscriber[] = [];
  /** Losses after which the pause was waited for. */
  #awaitedLosses = 0;
  #lastEvent = 0;

  constructor(carrier: FaultCarrier, { server, proxy, options }: FaultStageParts) {
    this.#carrier = carrier;
    this.server = server;
    this.proxy = proxy;
    this.clock = options.clock ?? new VirtualClock();
    this.client = createClient({
      url: `http://127.0.0.1:${proxy.port}/graphql`,
      transport: this.ledger.watch(carrier.createTransport(options.patience)),
      clock: this.clock,
      random: () => 0.5,
      signals: this.signals.signals,
      onDisconnected: (failure, retryInMs) => this.losses.push({ failure, retryInMs }),
      onInternalError: (error) => this.#internalErrors.push(error),
      ...options.client,
    });
    onTestFinished(() => this.client.close());
  }

  /** The TCP connection that brings results, if there is one operation. */
  get resultsConnection(): ProxiedConnection {
    const connection = this.proxy.connections[this.#carrier.streamAt ?? 0];
    assert.ok(connection);
    return connection;
  }

  /** Subscribes to a room, which shall be nobody else's. */
  subscribe(room: string): Subscriber {
    return this.observe(
      room,
      this.client.subscribe({
        query: 'subscription ($room: ID!) { message(room: $room) { text } }',
        variables: { room },
      }),
    );
  }

  /** Follows an operation of any kind. */
  observe(room: string, handle: OperationHandle<OperationResult>): Subscriber {
    const subscriber = new Subscriber(room, handle);
    this.#subscribers.push(subscriber);
    return subscriber;
  }

  /** Resolves once `condition` holds; pauses between attempts pass by themselves. */
  async until(condition: () => boolean, what: string): Promise<void> {
    const isPausing = (): boolean => this.losses.length > this.#awaitedLosses;
    for (;;) {
      await until(() => condition() || isPausing(), what);
      if (condition()) return;
      await this.passPause();
    }
  }

  /** Lets the pauses pass that follow the losses so far. */
  async passPause(): Promise<void> {
    const pauses = this.losses.slice(this.#awaitedLosses).map(({ retryInMs = 0 }) => retryInMs);
    this.#awaitedLosses = this.losses.length;
    await this.#expireReservations();
    await this.clock.advance(Math.max(0, ...pauses));
  }

  /** Resolves once there were `count` losses, before the pause after the last of them. */
  async lost(count: number): Promise<void> {
    await until(() => this.losses.length >= count, `${count} losses`);
  }

  /** Lets time pass until there were `count` losses, but so slowly that what comes of it finds its way. */
  async loseWithin(durationMs: number, count: number): Promise<void> {
    const end = this.clock.now() + durationMs;
    while (this.losses.length < count && this.clock.now() < end) await this.clock.advance(stepMs);
    await this.lost(count);
  }

  /** Resolves once everybody is live without help, and has had one event once, from exactly one operation on the server. */
  async live(...subscribers: readonly Subscriber[]): Promise<void> {
    const { server } = this;
    await this.until(
      () =>
        subscribers.every(({ handle }) => handle.status.current === 'live') &&
        server.openSources === subscribers.length,
      'subscribers that are live',
    );
    await server.operations(subscribers.length);
    for (const subscriber of subscribers) await this.deliver(subscriber);
  }

  /** Publishes an event that has to arrive, and nothing else before it. */
  async deliver({ room, consumer }: Subscriber): Promise<void> {
    assert.deepEqual(consumer.rest, []);
    const text = this.nextText();
    await this.server.publish(room, text);
    assert.deepEqual(await consumer.next(), { data: { message: { text } } });
  }

  /** A text that no other event has. */
  nextText(): string {
    this.#lastEvent += 1;
    return `event ${this.#lastEvent}`;
  }

  /** Closes the client; resolves with what is left on either side, which has to be {@link nothing}. */
  async leave(): Promise<Leftovers> {
    const { client, clock, server, ledger, proxy, signals } = this;
    client.close();
    // what others have on the same clock takes its time
    if (server.clock === clock) await until(() => clock.timerCount === 0, 'the end of all timers');
    assert.equal(clock.timerCount, 0);
    for (const subscriber of this.#subscribers) await subscriber.ended();
    await this.#expireReservations();
    await until(() => server.gauges.connections === 0, 'the end of the connections');
    await server.operations(0);
    await until(() => server.gauges.deadlines === 0, 'the end of the deadlines');
    // after an abort `fetch` of Node opens a connection that nobody asked for, and keeps it for a while
    if (this.#carrier.kind === 'socket') {
      await until(() => proxy.connections.length === 0, 'the end of the connections of the proxy');
    }
    await proxy.close();
    return {
      gauges: server.gauges,
      timers: clock.timerCount + server.clock.timerCount,
      watchers: signals.watcherCount,
      repetitive: ledger.repetitive,
      internalErrors: [...this.#internalErrors, ...server.internalErrors],
    };
  }

  /** A server that reserves streams does not learn that nobody will open one: it waits for that, and what was started meanwhile runs. */
  async #expireReservations(): Promise<void> {
    if (this.#carrier.streamAt !== undefined) await this.server.expireReservations();
  }
}

/** One subscription and what its consumer sees. */
export class Subscriber {
  readonly room: string;
  readonly handle: OperationHandle<OperationResult>;
  /** Complains, by way of the client's `onInternalError`, if it ends twice. */
  readonly consumer: Consumer;
  readonly states: OperationState[] = [];

  constructor(room: string, handle: OperationHandle<OperationResult>) {
    this.room = room;
    this.handle = handle;
    void this.#watch(); // ends with the operation, never rejects
    this.consumer = new Consumer(handle);
  }

  /** Resolves once it has ended, without a failure. */
  async ended(): Promise<void> {
    // whoever stopped by itself is not told
    await until(() => this.handle.status.current === 'ended', 'the end of an operation');
    assert.equal(this.consumer.end ?? 'complete', 'complete');
  }

  async #watch(): Promise<void> {
    for await (const state of this.handle.status) this.states.push(state);
  }
}

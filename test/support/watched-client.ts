import { createClient } from 'millrace/client';
import type {
  Client,
  ClientOptions,
  ClientClock,
  OperationHandle,
  OperationResult,
  TransportError,
  Unsubscribable,
} from 'millrace/client';
import { websocket } from 'millrace/client/websocket';
import type { WebSocketOptions } from 'millrace/client/websocket';
import { VirtualClock } from 'millrace/testing';
import { onTestFinished } from 'vitest';

import { Inbox, until } from './waiting.ts';

/** A client on a virtual clock, and what it told its application. */
export interface WatchedClient {
  readonly client: Client;
  readonly clock: VirtualClock;
  readonly acks: readonly unknown[];
  readonly losses: readonly Loss[];
  readonly violations: readonly string[];
  /** What was told to `onInternalError`. */
  readonly internalErrors: readonly unknown[];
  /** Says to the client that the network is back. */
  readonly wake: () => void;
  /** How many connections are watched for that. */
  readonly watching: () => number;
  /** The next loss that was not taken. */
  readonly lost: () => Promise<Loss>;
  /** Resolves once the pause before the next attempt has begun, then lets it pass. */
  readonly comeBack: () => Promise<Loss>;
}

/** What `onDisconnected` was told. */
export interface Loss {
  readonly failure: TransportError;
  readonly retryInMs: number | undefined;
}

/** Options of {@link watchClient}: those of the client, and of its WebSocket transport. */
export interface WatchedClientOptions extends Partial<ClientOptions> {
  readonly socket?: WebSocketOptions;
  readonly clock?: ClientClock & VirtualClock;
}

/** Makes a client of the server at `url`; it is closed with the test. Pauses are half as long as they may be. */
export function watchClient(
  url: string,
  { socket, clock = new VirtualClock(), ...options }: WatchedClientOptions = {},
): WatchedClient {
  const acks: unknown[] = [];
  const losses: Loss[] = [];
  const arrivals = new Inbox<Loss>('the loss of a connection');
  const violations: string[] = [];
  const internalErrors: unknown[] = [];
  const wakes = new Set<() => void>();
  const client = createClient({
    url,
    transport: websocket(socket),
    clock,
    random: () => 0.5,
    signals: (wake) => {
      wakes.add(wake);
      return () => wakes.delete(wake);
    },
    onConnected: (ackPayload) => acks.push(ackPayload),
    onDisconnected: (failure, retryInMs) => {
      losses.push({ failure, retryInMs });
      arrivals.push({ failure, retryInMs });
    },
    onProtocolViolation: (message) => violations.push(message),
    onInternalError: (error) => internalErrors.push(error),
    ...options,
  });
  onTestFinished(() => client.close());
  const lost = (): Promise<Loss> => arrivals.next();
  return {
    client,
    clock,
    acks,
    losses,
    violations,
    internalErrors,
    wake: () => {
      for (const wake of wakes) wake();
    },
    watching: () => wakes.size,
    lost,
    async comeBack() {
      const loss = await lost();
      await clock.advance(loss.retryInMs ?? 0);
      return loss;
    },
  };
}

/** Starts an operation and keeps what it brings. */
export function consume(handle: OperationHandle<OperationResult>): Consumer {
  return new Consumer(handle);
}

/** Observes one operation. */
export class Consumer {
  readonly #results = new Inbox<OperationResult>('a result');
  readonly #subscription: Unsubscribable;
  /** The last thing that it heard, if there was one. */
  end: 'complete' | TransportError | undefined;

  constructor(handle: OperationHandle<OperationResult>) {
    this.#subscription = handle.subscribe({
      next: this.#results.push,
      error: (failure) => this.#end(failure),
      complete: () => this.#end('complete'),
    });
  }

  /** The next result that was not taken. */
  next(): Promise<OperationResult> {
    return this.#results.next();
  }

  /** Results that came and were not taken. */
  get rest(): readonly OperationResult[] {
    return this.#results.rest;
  }

  /** How the operation ended. */
  async ended(): Promise<'complete' | TransportError> {
    await until(() => this.end !== undefined, 'the end of an operation');
    return this.end ?? 'complete'; // there is one
  }

  /** How the operation failed. */
  async failed(): Promise<TransportError> {
    const end = await this.ended();
    if (end === 'complete') throw new Error('the operation did not fail');
    return end;
  }

  stop(): void {
    this.#subscription.unsubscribe();
  }

  #end(end: 'complete' | TransportError): void {
    if (this.end) throw new Error('an operation ended twice');
    this.end = end;
  }
}

import { UsageError } from '../errors.ts';
import type { OperationRequest } from '../vocabulary.ts';
import type { Client, ConnectOptions, HeldConnection } from './client.ts';
import type { ClientOptions } from './client-options.ts';
import { toText } from './document.ts';
import { Holder } from './holder.ts';
import { Line } from './line.ts';
import { Operation } from './operation.ts';
import type { Running } from './operation.ts';
import type { OperationHandle, OperationOptions, OperationResult } from './operation-handle.ts';
import { toRetryPolicy } from './retry.ts';
import { systemSignals } from './signals.ts';
import { systemClock } from './system-clock.ts';
import type { OperationKind, Transport } from './transport.ts';
import { TransportError } from './transport-error.ts';

/** Makes a client; it connects when there is something to do. */
export function createClient(options: ClientOptions): Client {
  return new GraphqlClient(options);
}

/** Blank and comments, then a mutation. */
const beginsWithMutation = /^(?:[\s,]|#.*)*mutation\b/;

class GraphqlClient implements Client, HeldConnection {
  ackPayload: HeldConnection['ackPayload'];
  readonly #options: ClientOptions;
  readonly #running = new Set<Running>();
  readonly #held = new Set<GraphqlClient>();
  readonly #lines = new Map<Transport, Line>();
  #isClosed = false;
  #leaveParent: () => void = () => {};

  constructor(options: ClientOptions) {
    this.#options = options;
  }

  subscribe<Data, Variables>(
    options: OperationOptions<Data, Variables>,
  ): OperationHandle<OperationResult<Data>> {
    return this.#create('subscription', options);
  }

  query<Data, Variables>(
    options: OperationOptions<Data, Variables>,
  ): Promise<OperationResult<Data>> {
    return this.#execute('query', options);
  }

  mutate<Data, Variables>(
    options: OperationOptions<Data, Variables>,
  ): Promise<OperationResult<Data>> {
    return this.#execute('mutation', options);
  }

  connect({ connectionParams, signal }: ConnectOptions = {}): Promise<HeldConnection> {
    return new Promise((resolve, reject) => {
      signal?.throwIfAborted();
      const held = new GraphqlClient({
        ...this.#options,
        ...(connectionParams && { connectionParams }),
      });
      const line = held.#lineFor('subscription');
      if (held.#lines.size === 0) throw new UsageError('This transport has no connection to hold.');
      const giveUp = (): void => {
        held.close();
        reject(signal?.reason);
      };
      signal?.addEventListener('abort', giveUp);
      this.#held.add(held);
      held.#leaveParent = () => this.#held.delete(held);
      line.add(
        new Holder(
          (ackPayload) => {
            signal?.removeEventListener('abort', giveUp);
            held.ackPayload = ackPayload;
            resolve(held);
          },
          (failure) => {
            signal?.removeEventListener('abort', giveUp);
            reject(failure);
          },
        ),
      );
    });
  }

  reconnect(): void {
    const lines = [...this.#running].flatMap(({ line }) => line ?? []);
    for (const line of new Set([...lines, ...this.#lines.values()])) line.reconnect();
    for (const held of this.#held) held.reconnect();
  }

  close(): void {
    this.#isClosed = true;
    for (const operation of this.#running) operation.dismiss();
    for (const held of this.#held) held.close();
    for (const line of this.#lines.values()) line.close(clientClosed());
    this.#leaveParent();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.close();
  }

  #execute<Data, Variables>(
    kind: OperationKind,
    options: OperationOptions<Data, Variables>,
  ): Promise<OperationResult<Data>> {
    return new Promise((resolve, reject) => {
      this.#create<Data, Variables>(kind, options).subscribe({
        next: resolve,
        error: reject,
        cancelled: reject,
        complete: () =>
          reject(
            new TransportError('BAD_RESPONSE', 'The operation ended without a result.', false),
          ),
      });
    });
  }

  #create<Data, Variables>(
    kind: OperationKind,
    options: OperationOptions<Data, Variables>,
  ): Operation<OperationResult<Data>> {
    const { query, variables, operationName, extensions, signal, buffer } = options;
    const text = toText(query, this.#options.print);
    const request: OperationRequest = {
      query: text,
      ...(operationName !== undefined && { operationName }),
      ...(variables !== undefined && { variables: variables as Readonly<Record<string, unknown>> }), // an object, by its type
      ...(extensions !== undefined && { extensions }),
    };
    return new Operation({
      kind,
      request,
      signal,
      buffer,
      isRetried: options.retry ?? (kind === 'subscription' && !beginsWithMutation.test(text)),
      resume: kind === 'subscription' ? this.#options.resume : undefined,
      onInternalError: this.#onInternalError,
      again: () => this.#create(kind, options),
      enlist: (operation) => {
        if (this.#isClosed) throw new UsageError('The client was closed.');
        this.#running.add(operation);
        return this.#lineFor(kind);
      },
      discharge: (operation) => this.#running.delete(operation),
    });
  }

  /** Connections that carry many operations are kept; the others come and go with theirs. */
  #lineFor(kind: OperationKind): Line {
    const { transport: chosen } = this.#options;
    const transport =
      'connect' in chosen ? chosen : chosen[kind === 'subscription' ? 'subscriptions' : 'queries'];
    const line = this.#lines.get(transport) ?? this.#createLine(transport);
    if (transport.isShared) this.#lines.set(transport, line);
    return line;
  }

  #createLine(transport: Transport): Line {
    const { retry, url, connectionParams, idleTimeoutMs = 60_000 } = this.#options;
    return new Line({
      transport,
      url,
      connectionParams,
      clock: this.#options.clock ?? systemClock,
      retry: toRetryPolicy(retry),
      idleTimeoutMs: transport.isShared ? idleTimeoutMs : 0,
      random: this.#options.random ?? Math.random,
      signals: this.#options.signals ?? systemSignals,
      onConnected: this.#guarded('onConnected'),
      onDisconnected: this.#guarded('onDisconnected'),
      onProtocolViolation: this.#guarded('onProtocolViolation'),
    });
  }

  /** A hook that does not throw. */
  #guarded<Name extends 'onConnected' | 'onDisconnected' | 'onProtocolViolation'>(
    name: Name,
  ): NonNullable<ClientOptions[Name]> {
    const hook = this.#options[name] as ((...values: unknown[]) => void) | undefined; // called with what the hook of this name takes
    return (...values: unknown[]) => {
      try {
        hook?.(...values);
      } catch (error) {
        this.#onInternalError(error);
      }
    };
  }

  readonly #onInternalError = (error: unknown): void => {
    (this.#options.onInternalError ?? console.error)(error);
  };
}

function clientClosed(): TransportError {
  return new TransportError('NORMAL_CLOSURE', 'The client was closed.', false);
}

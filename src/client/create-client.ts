import { UsageError } from '../errors.ts';
import type { OperationRequest } from '../vocabulary.ts';
import type { Client, ConnectOptions, HeldConnection } from './client.ts';
import type { ClientOptions } from './client-options.ts';
import { beginsWithMutation, toText } from './document.ts';
import { Holder } from './holder.ts';
import { Line } from './line.ts';
import type { LineOptions } from './line.ts';
import { Operation } from './operation.ts';
import type { Running } from './operation.ts';
import type { OperationHandle, OperationOptions, OperationResult } from './operation-handle.ts';
import { mayRetry, toRetryPolicy } from './retry.ts';
import { systemSignals } from './signals.ts';
import { systemClock } from './system-clock.ts';
import type { OperationKind, Transport } from './transport.ts';
import { TransportError } from './transport-error.ts';

/** Makes a client; it connects when there is something to do. */
export function createClient(options: ClientOptions): Client {
  return new GraphqlClient(options);
}

class GraphqlClient implements Client, HeldConnection {
  ackPayload: HeldConnection['ackPayload'];
  readonly #options: ClientOptions;
  readonly #running = new Set<Running>();
  readonly #held = new Set<GraphqlClient>();
  readonly #lines = new Map<Transport, Line>();
  readonly #home: Set<GraphqlClient> | undefined;
  #isClosed = false;

  /** @param home - where it is listed until it is closed */
  constructor(options: ClientOptions, home?: Set<GraphqlClient>) {
    this.#options = options;
    this.#home = home?.add(this);
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

  async connect({ connectionParams, signal }: ConnectOptions = {}): Promise<HeldConnection> {
    this.#assertOpen();
    throwIfAborted(signal);
    const held = new GraphqlClient(
      { ...this.#options, ...(connectionParams && { connectionParams }) },
      this.#held,
    );
    const giveUp = (): void => held.close();
    signal?.addEventListener('abort', giveUp);
    try {
      held.ackPayload = await new Promise((resolve, reject) => {
        const hold = (holder: Holder): void => {
          const line = held.#lineFor('subscription');
          if (line.isShared) line.add(holder);
          else reject(new UsageError('This transport holds no connection'));
        };
        hold(new Holder(resolve, reject, hold));
      });
    } catch (error) {
      giveUp();
      throwIfAborted(signal);
      throw error;
    } finally {
      signal?.removeEventListener('abort', giveUp);
    }
    return held;
  }

  reconnect(): void {
    const lines = new Set(this.#lines.values());
    for (const { line } of this.#running) if (line) lines.add(line);
    for (const each of [...lines, ...this.#held]) each.reconnect();
  }

  close(): void {
    this.#isClosed = true;
    this.#home?.delete(this);
    for (const operation of this.#running) operation.dismiss();
    for (const held of this.#held) held.close();
    for (const line of this.#lines.values()) {
      line.close(new TransportError('NORMAL_CLOSURE', 'The client was closed', false));
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.close();
  }

  async #execute<Data, Variables>(
    kind: OperationKind,
    options: OperationOptions<Data, Variables>,
  ): Promise<OperationResult<Data>> {
    const operation = this.#create(kind, options);
    const results = operation[Symbol.asyncIterator]();
    for (;;) {
      const { done, value } = await results.next();
      if (done) break;
      // a part of a result that nobody put together is none
      if (value.hasNext || !('data' in value || value.errors)) continue;
      // that is all; the end that follows it is the server's business, and holds up nobody who wants another connection
      if (operation.line?.isShared) operation.complete();
      return value;
    }
    throwIfAborted(options.signal);
    throw new TransportError('BAD_RESPONSE', 'The operation ended without a result', false);
  }

  #create<Data, Variables>(
    kind: OperationKind,
    options: OperationOptions<Data, Variables>,
  ): Operation<OperationResult<Data>> {
    const { query, variables, operationName, extensions, signal, buffer, retry } = options;
    const { print, resume, onResult, clock = systemClock } = this.#options;
    const text = toText(query, print);
    const isSubscription = kind === 'subscription';
    return new Operation({
      kind,
      request: { query: text, operationName, variables, extensions } as OperationRequest, // JSON leaves out what is undefined
      signal,
      buffer,
      isRetried: retry ?? (isSubscription && !beginsWithMutation.test(text)),
      resume: isSubscription ? resume : undefined,
      clock,
      report: this.#report,
      onResult: onResult && this.#guard(onResult),
      again: () => this.#create(kind, options),
      enlist: (operation) => {
        this.#assertOpen();
        this.#running.add(operation);
        return this.#lineFor(kind);
      },
      discharge: (operation) => this.#running.delete(operation),
    });
  }

  #assertOpen(): void {
    if (this.#isClosed) throw new UsageError('The client was closed');
  }

  /** Connections that carry many operations are kept; the others come and go with theirs. */
  #lineFor(kind: OperationKind): Line {
    const { transport: given } = this.#options;
    const carrier =
      'queries' in given ? given[kind === 'subscription' ? 'subscriptions' : 'queries'] : given;
    const choice = 'current' in carrier ? carrier : undefined;
    const transport = 'current' in carrier ? carrier.current : carrier;
    let line = this.#lines.get(transport);
    if (!line) {
      line = new Line({ ...this.#settings(), transport, choice });
      if (transport.isShared) this.#lines.set(transport, line);
    }
    return line;
  }

  #settings(): Omit<LineOptions, 'transport' | 'choice'> {
    const {
      retry: given,
      clock = systemClock,
      idleTimeoutMs = 60_000,
      random = Math.random,
      signals = systemSignals,
      onConnected,
      onDisconnected,
      onProtocolViolation,
      ...rest
    } = this.#options;
    const retry = toRetryPolicy(given);
    return {
      ...rest,
      clock,
      idleTimeoutMs,
      random,
      signals,
      retry,
      mayRetry: this.#guard((failure, attempts) => mayRetry(retry, failure, attempts)),
      onConnected: this.#guard(onConnected),
      onDisconnected: this.#guard(onDisconnected),
      onProtocolViolation: this.#guard(onProtocolViolation),
    };
  }

  /** A hook that does not throw. */
  #guard<Values extends readonly unknown[], Answer>(
    hook: ((...values: Values) => Answer) | undefined,
  ): (...values: Values) => Answer | undefined {
    return (...values) => {
      try {
        return hook?.(...values);
      } catch (error) {
        this.#report(error);
        return undefined;
      }
    };
  }

  readonly #report = (error: unknown): void => {
    try {
      // eslint-disable-next-line no-console -- the default for programs that gave no `onInternalError`
      (this.#options.onInternalError ?? console.error)(error);
    } catch {
      // there is nobody left to tell
    }
  };
}

/** Signals of React Native have neither this method nor a reason. */
function throwIfAborted(signal: AbortSignal | undefined): void {
  if (!signal?.aborted) return;
  throw (signal.reason ?? Object.assign(new Error('Aborted'), { name: 'AbortError' })) as Error; // whatever it is
}

import { jetstream, jetstreamManager } from '@nats-io/jetstream';
import type { JetStreamClient, JetStreamManager } from '@nats-io/jetstream';
import type { NatsConnection } from '@nats-io/transport-node';

import { SourceError } from '../../errors.ts';
import type { Clock } from '../../vocabulary.ts';

/** What there is to work with while NATS can be reached. */
export interface NatsApi {
  readonly connection: NatsConnection;
  readonly publisher: JetStreamClient;
  readonly manager: JetStreamManager;
}

/** Something to ask of NATS. */
export interface NatsRequest<Answer> {
  readonly perform: (api: NatsApi) => Promise<Answer>;
  /** Whether it does no harm if NATS carries it out twice. @defaultValue 'once' */
  readonly repeat?: 'once' | 'until-answered';
}

/** Whose a connection is: the user's is neither closed nor renewed. */
export type ConnectionOwner = 'broker' | 'user';

/** What a {@link NatsLink} is made from. */
export interface NatsLinkOptions {
  readonly connect: () => Promise<NatsConnection>;
  readonly owner: ConnectionOwner;
  readonly clock: Clock;
  /** How long a request may take. */
  readonly timeoutMs: number;
  /** The connection came up, or was lost. */
  readonly onChange: () => void;
}

const firstDelayMs = 50;
const longestDelayMs = 1_000;

/** Requests that may wait for the connection; each of them for no longer than its time-out. */
const waitingRequests = 10_000;

/**
 * A connection that comes back whenever it is lost.
 *
 * @remarks
 * Requests reach NATS in the order of their calls. One that was under way when the connection was lost is repeated only if that does no
 * harm: nobody knows whether NATS carried it out. Every request settles within its time-out, with `BROKER_UNAVAILABLE` where NATS did not do it.
 */
export class NatsLink {
  readonly #options: NatsLinkOptions;
  #state: LinkState = { kind: 'connecting' };
  readonly #waiting = new Set<PendingRequest>();
  readonly #sent = new Set<PendingRequest>();
  /** What requests come to, each of which settles within its time-out. */
  readonly #running = new Set<Promise<unknown>>();
  readonly #onLoss = new Set<() => void>();
  #failures = 0;
  /** Requests that were answered. */
  #answers = 0;
  #lastError: unknown;

  constructor(options: NatsLinkOptions) {
    this.#options = options;
    void this.#connect(); // never rejects
  }

  get isReady(): boolean {
    return this.#state.kind === 'ready';
  }

  /** Why it is not up; `undefined` before it was ever lost. */
  get lastError(): unknown {
    return this.#lastError;
  }

  run<Answer>({ perform, repeat = 'once' }: NatsRequest<Answer>): Promise<Answer> {
    const outcome = new Promise<Answer>((resolve, reject) => {
      if (this.#state.kind === 'closed') return reject(closed());
      if (this.#state.kind !== 'ready' && this.#waiting.size >= waitingRequests)
        return reject(this.#unavailable('too many requests wait for NATS'));
      const pending: PendingRequest = {
        perform: async (api) => {
          const answer = await perform(api);
          return () => resolve(answer);
        },
        reject,
        repeat,
        stopTimer: () => {},
        answersBefore: 0,
      };
      pending.stopTimer = this.#options.clock.schedule(
        () => this.#expire(pending),
        this.#options.timeoutMs,
      );
      if (this.#state.kind === 'ready') this.#send(pending, this.#state.api);
      else this.#waiting.add(pending);
    });
    const forget = () => this.#running.delete(outcome);
    this.#running.add(outcome);
    outcome.then(forget, forget);
    return outcome;
  }

  /** Calls `listener` when the connection is lost, or given up; returns what ends that. */
  watchLoss(listener: () => void): () => void {
    this.#onLoss.add(listener);
    return () => this.#onLoss.delete(listener);
  }

  /** Requests that are under way are awaited. */
  async close(): Promise<void> {
    const state = this.#state;
    if (state.kind === 'closed') return;
    this.#state = { kind: 'closed' };
    if (state.kind === 'pausing') state.stopTimer();
    for (const pending of this.#waiting) this.#settle(pending, () => pending.reject(closed()));
    if (state.kind === 'ready') await Promise.allSettled(this.#running);
    if (state.kind === 'ready' || state.kind === 'away') await this.#discard(state.api.connection);
  }

  async #connect(): Promise<void> {
    this.#state = { kind: 'connecting' };
    const { connect, timeoutMs } = this.#options;
    try {
      const connection = await connect();
      const manager = await jetstreamManager(connection, { checkAPI: false, timeout: timeoutMs });
      const api = { connection, manager, publisher: jetstream(connection, { timeout: timeoutMs }) };
      if (this.#isClosed()) return await this.#discard(connection);
      void this.#watch(api); // never rejects
      void this.#watchEnd(api); // never rejects
      this.#become(api);
    } catch (error) {
      this.#pause(error);
    }
  }

  async #watch(api: NatsApi): Promise<void> {
    for await (const status of api.connection.status()) {
      if (status.type === 'disconnect') this.#lose(api, new Error('the connection was lost'));
      if (status.type === 'reconnect') this.#become(api);
      if (status.type === 'error') this.#lastError = status.error;
    }
  }

  async #watchEnd(api: NatsApi): Promise<void> {
    const cause = await api.connection.closed();
    this.#giveUp(api, cause ?? new Error('the connection was closed'));
  }

  #become(api: NatsApi): void {
    if (this.#isClosed()) return;
    this.#state = { kind: 'ready', api };
    for (const pending of this.#waiting) {
      this.#waiting.delete(pending);
      this.#send(pending, api);
    }
    this.#options.onChange();
  }

  /** It may come back by itself. */
  #lose(api: NatsApi, error: unknown): void {
    if (!this.#uses(api)) return;
    this.#lastError = error;
    this.#state = { kind: 'away', api };
    this.#giveUpSent(error);
    this.#options.onChange();
  }

  /** It will not come back. */
  #giveUp(api: NatsApi, error: unknown): void {
    if (!this.#uses(api)) return;
    this.#pause(error);
    void this.#discard(api.connection).catch(() => undefined); // nobody uses it any more
  }

  #uses(api: NatsApi): boolean {
    const state = this.#state;
    return (state.kind === 'ready' || state.kind === 'away') && state.api === api;
  }

  #pause(error: unknown): void {
    if (this.#isClosed()) return;
    this.#lastError = error;
    const delayMs = Math.min(firstDelayMs * 2 ** this.#failures, longestDelayMs);
    this.#failures += 1;
    const stopTimer = this.#options.clock.schedule(() => {
      void this.#connect(); // never rejects
    }, delayMs);
    this.#state = { kind: 'pausing', stopTimer };
    this.#giveUpSent(error);
    this.#options.onChange();
  }

  #giveUpSent(error: unknown): void {
    for (const pending of this.#sent) {
      this.#sent.delete(pending);
      if (pending.repeat === 'until-answered') this.#waiting.add(pending);
      else this.#fail(pending, 'the connection was lost', error);
    }
    for (const listener of this.#onLoss) listener();
  }

  #send(pending: PendingRequest, api: NatsApi): void {
    this.#sent.add(pending);
    pending.answersBefore = this.#answers;
    // what settles later than the loss of its connection concerns nobody any more
    const isCurrent = () => this.#sent.has(pending) && pending.attempt === attempt;
    const attempt = {};
    pending.attempt = attempt;
    void pending.perform(api).then(
      (resolve) => {
        this.#failures = 0;
        this.#answers += 1;
        return isCurrent() ? this.#settle(pending, resolve) : undefined;
      },
      (error: unknown) => {
        if (isCurrent()) this.#fail(pending, 'NATS did not do it', error);
      },
    );
  }

  #expire(pending: PendingRequest): void {
    const isSilent = this.#sent.has(pending) && pending.answersBefore === this.#answers;
    this.#fail(pending, 'NATS did not answer in time', this.#lastError);
    // A connection that says nothing may be dead, which could take minutes to show. Where others were answered only this answer is
    // missing: it went with the stream, for example.
    if (isSilent && this.#state.kind === 'ready' && this.#options.owner === 'broker')
      this.#giveUp(this.#state.api, new Error('NATS did not answer in time'));
  }

  #fail(pending: PendingRequest, message: string, cause: unknown): void {
    const error = cause instanceof SourceError ? cause : this.#unavailable(message, cause);
    this.#settle(pending, () => pending.reject(error));
  }

  #settle(pending: PendingRequest, act: () => void): void {
    pending.stopTimer();
    this.#sent.delete(pending);
    this.#waiting.delete(pending);
    act();
  }

  async #discard(connection: NatsConnection): Promise<void> {
    if (this.#options.owner === 'broker') await connection.close();
  }

  #isClosed(): boolean {
    return this.#state.kind === 'closed';
  }

  #unavailable(message: string, cause?: unknown): SourceError {
    if (this.#isClosed()) return closed();
    return new SourceError('BROKER_UNAVAILABLE', message, { cause });
  }
}

type LinkState =
  | { readonly kind: 'connecting' | 'closed' }
  | { readonly kind: 'ready' | 'away'; readonly api: NatsApi }
  | { readonly kind: 'pausing'; readonly stopTimer: () => void };

interface PendingRequest {
  /** Resolves with what tells the one who asked. */
  readonly perform: (api: NatsApi) => Promise<() => void>;
  readonly reject: (error: SourceError) => void;
  readonly repeat: 'once' | 'until-answered';
  stopTimer: () => void;
  /** Those that the link had when this was sent. */
  answersBefore: number;
  attempt?: object;
}

function closed(): SourceError {
  return new SourceError('BROKER_CLOSED', 'the nats broker was closed');
}

import assert from 'node:assert/strict';

import type { OperationHandle, OperationResult, OperationState, Operations } from 'millrace/client';
import { TransportError } from 'millrace/client';

import type { ServedOperation } from './client-server-session.ts';

/** Who takes the results of an operation, and how. */
export type Consumer = 'observer' | 'iterator' | 'query' | 'mutation';

/** What a consumer does by itself when it first hears something: a result, or the end. */
export type Habit = 'leave' | 'cancel another' | 'start another' | 'reconnect';

/** What an account is of. */
export interface AccountParts {
  readonly client: Operations;
  readonly number: number;
  readonly consumer: Consumer;
  /** Told what breaks the contract. */
  readonly offend: (offence: string) => void;
  /** Called once, from inside of the first call that the consumer gets. */
  readonly heard: () => void;
}

interface Data {
  readonly number: number;
  readonly attempt: number;
  readonly index: number;
}

/** Keeps account of what one operation brings, and reports what breaks the contract. */
export class ClientAccount {
  readonly number: number;
  readonly client: Operations;
  readonly isSubscription: boolean;
  /** Its client was closed: what it has then is all. */
  wasDismissed = false;
  end: 'complete' | 'cancelled' | 'failed' | undefined;
  readonly #results: Data[] = [];
  readonly #attempts: ServedOperation[] = [];
  readonly #controller = new AbortController();
  readonly #handle: OperationHandle<OperationResult<Data>> | undefined;
  readonly #offend: (offence: string) => void;
  #heard: () => void;
  #hasErrors = false;

  constructor({ client, number, consumer, offend, heard }: AccountParts) {
    this.number = number;
    this.client = client;
    this.isSubscription = consumer === 'observer' || consumer === 'iterator';
    this.#offend = offend;
    this.#heard = heard;
    const { signal } = this.#controller;
    const variables = { number };
    if (consumer === 'query' || consumer === 'mutation') {
      const result =
        consumer === 'query'
          ? client.query<Data>({ query: '{ a }', variables, signal })
          : client.mutate<Data>({ query: 'mutation { a }', variables, signal });
      void this.#await(result);
      return;
    }
    this.#handle = client.subscribe<Data>({ query: 'subscription { a }', variables, signal });
    if (consumer === 'iterator') void this.#iterate(this.#handle);
    else {
      this.#handle.subscribe({
        next: (result) => this.#take(result),
        error: (error) => this.#fail(error),
        complete: () => this.#finish('complete'),
      });
    }
  }

  get state(): OperationState | undefined {
    return this.#handle?.status.current;
  }

  /** The server has started it, perhaps not for the first time. */
  served(operation: ServedOperation): void {
    if (!this.isSubscription && this.#attempts.length > 0) this.#offend('a query was sent twice');
    operation.attempt = this.#attempts.length;
    operation.isSubscription = this.isSubscription;
    this.#attempts.push(operation);
  }

  cancel(means: 'return' | 'abort'): void {
    // what is over is on its way to the consumer
    if (this.end || this.state === 'ended') return;
    // before: nothing may come from inside of the call
    this.end = 'cancelled';
    if (means === 'abort' || !this.#handle) this.#controller.abort(new Error('enough'));
    else this.#handle.return();
    if (this.#handle && this.#handle.status.current !== 'ended')
      this.#offend('a cancelled operation goes on');
  }

  /** Each result once, in order, from the first of its attempt on; none is missing before an end of the server. */
  auditResults(): void {
    for (const attempt of new Set(this.#results.map((result) => result.attempt))) {
      const indexes = this.#results.filter((result) => result.attempt === attempt);
      assert.deepEqual(
        indexes.map(({ index }) => index),
        indexes.map((_, index) => index),
      );
    }
    const attempts = this.#results.map(({ attempt }) => attempt);
    assert.deepEqual(
      attempts,
      attempts.toSorted((one, other) => one - other),
    );
    if (this.end !== 'complete' || !this.isSubscription || this.wasDismissed) return;
    const last = this.#attempts.at(-1);
    assert(last, 'an operation was completed that the server never started');
    assert.equal(
      this.#results.filter(({ attempt }) => attempt === last.attempt).length,
      last.delivered,
      'a result was lost before the end',
    );
  }

  async #iterate(handle: AsyncIterable<OperationResult<Data>>): Promise<void> {
    try {
      for await (const result of handle) this.#take(result);
      if (this.end !== 'cancelled') this.#finish('complete');
    } catch (error) {
      this.#fail(error);
    }
  }

  async #await(promise: Promise<OperationResult<Data>>): Promise<void> {
    try {
      const result = await promise;
      // a result that was on its way to the caller
      if (this.end !== 'cancelled') this.#take(result);
      if (this.end !== 'cancelled') this.#finish('complete');
    } catch (error) {
      if (this.end !== 'cancelled') this.#fail(error);
      else if (!(error instanceof TransportError || error === this.#controller.signal.reason)) {
        this.#offend(`a cancelled query rejects with ${String(error)}`);
      }
    }
  }

  #take({ data, errors }: OperationResult<Data>): void {
    if (this.end) this.#offend(`a result follows the end, ${this.end}`);
    if (this.#hasErrors) this.#offend('a result follows request errors');
    if (errors) this.#hasErrors = true;
    else if (data?.number === this.number) this.#results.push(data);
    else this.#offend('a result of another operation');
    this.#hear();
  }

  #fail(error: unknown): void {
    if (!(error instanceof TransportError)) this.#offend(`thrown: ${String(error)}`);
    else if (this.isSubscription && error.retryable) {
      this.#offend('a subscription was given up although it could go on');
    }
    this.#finish('failed');
  }

  #finish(end: 'complete' | 'failed'): void {
    if (this.end) this.#offend(`${end} follows ${this.end}`);
    this.end = end;
    this.#hear();
  }

  #hear(): void {
    const heard = this.#heard;
    this.#heard = () => {};
    heard();
  }
}

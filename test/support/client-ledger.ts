import assert from 'node:assert/strict';

import type {
  ClientConnection,
  ClientOperation,
  ClientOutput,
} from '../../src/protocol/connection.ts';
import { utf8Length } from '../../src/protocol/utf8-length.ts';
import type { FormattedResult } from '../../src/vocabulary.ts';
import { messageOf } from './transition-contract.ts';

interface Account {
  end: 'none' | 'error' | 'complete' | 'lost' | 'cancelled';
  readonly results: FormattedResult[];
}

/** Keeps account of a client connection's outputs, and throws at the first that breaks the contract. */
export class ClientLedger {
  readonly #connection: ClientConnection;
  readonly #accounts = new Map<ClientOperation, Account>();
  readonly #starts = new Set<unknown>();
  readonly #stops = new Set<unknown>();
  #isOver = false;

  constructor(connection: ClientConnection) {
    this.#connection = connection;
  }

  /** In the order in which they were asked for. */
  get operations(): readonly ClientOperation[] {
    return [...this.#accounts.keys()];
  }

  subscribe(): readonly ClientOutput[] {
    const { operation, outputs } = this.#connection.subscribe({ query: 'subscription { a }' });
    this.#accounts.set(operation, { end: 'none', results: [] });
    return this.enter(outputs);
  }

  cancel(operation: ClientOperation): readonly ClientOutput[] {
    const account = this.#accountOf(operation);
    if (account.end === 'none') account.end = 'cancelled';
    return this.enter(this.#connection.cancel(operation));
  }

  /** Enters what one call put out. */
  enter(outputs: readonly ClientOutput[]): readonly ClientOutput[] {
    for (const output of outputs) this.#enter(output);
    return outputs;
  }

  resultsOf(operation: ClientOperation): readonly FormattedResult[] {
    return this.#accountOf(operation).results;
  }

  endOf(operation: ClientOperation): Account['end'] {
    return this.#accountOf(operation).end;
  }

  /** After the socket is gone. */
  finish(): void {
    assert.equal(this.#connection.operationCount, 0);
    assert.equal(this.#connection.deadline, Number.POSITIVE_INFINITY);
    for (const [operation, account] of this.#accounts) {
      assert.notEqual(account.end, 'none', 'an operation ended in silence');
      assert.equal(operation.state, 'done');
    }
  }

  #enter(output: ClientOutput): void {
    // `lost` is the answer to those that come too late.
    assert(!this.#isOver || output.kind === 'lost', `${output.kind} follows close`);
    if (output.kind === 'send') this.#enterMessage(output.frame);
    if ('operation' in output) this.#enterAnswer(output);
    if (output.kind !== 'close') return;
    this.#isOver = true;
    assert(output.code === 1000 || output.code >= 3000, 'browsers refuse the code');
    assert(utf8Length(output.reason) <= 123, 'the reason does not fit');
  }

  #enterAnswer(output: Extract<ClientOutput, { operation: ClientOperation }>): void {
    const account = this.#accountOf(output.operation);
    assert.equal(account.end, 'none', `${output.kind} follows the end of an operation`);
    if (output.kind === 'result') {
      account.results.push(output.result);
      return;
    }
    if (output.kind === 'started') return;
    assert.equal(output.operation.state, 'done');
    account.end = output.kind;
  }

  #enterMessage(frame: string): void {
    const { id, type } = messageOf(frame);
    if (type === 'subscribe' || type === 'start') {
      assert(!this.#starts.has(id), 'an id was used twice');
      this.#starts.add(id);
    }
    if (type === 'complete' || type === 'stop') {
      assert(this.#starts.has(id), 'an operation was stopped that never started');
      assert(!this.#stops.has(id), 'an operation was stopped twice');
      this.#stops.add(id);
    }
  }

  #accountOf(operation: ClientOperation): Account {
    const account = this.#accounts.get(operation);
    assert(account, 'an operation that nobody asked for');
    return account;
  }
}

import assert from 'node:assert/strict';

import type {
  ServerConnection,
  ServerOperation,
  ServerOutput,
} from '../../src/protocol/connection.ts';
import { utf8Length } from '../../src/protocol/utf8-length.ts';
import type { WebSocketProtocol } from '../../src/vocabulary.ts';
import { messageOf } from './transition-contract.ts';

const messageTypes: Readonly<Record<WebSocketProtocol, readonly string[]>> = {
  'graphql-transport-ws': ['connection_ack', 'ping', 'pong', 'next', 'error', 'complete'],
  'subscriptions-transport-ws': [
    'connection_ack',
    'connection_error',
    'ka',
    'data',
    'error',
    'complete',
  ],
  appsync: ['connection_ack', 'connection_error', 'ka', 'start_ack', 'data', 'error', 'complete'],
};

/** Keeps account of a server connection's outputs, and throws at the first that breaks the contract. */
export class ServerLedger {
  /** In the order in which they started. */
  readonly started: ServerOperation[] = [];
  readonly #connection: ServerConnection;
  readonly #running = new Set<ServerOperation>();
  #isOver = false;

  constructor(connection: ServerConnection) {
    this.#connection = connection;
  }

  /** Enters what one call put out. */
  enter(outputs: readonly ServerOutput[]): readonly ServerOutput[] {
    for (const output of outputs) this.#enter(output);
    for (const operation of this.#running) {
      if (operation.mayDeliver) continue;
      assert(outputs.length > 0, 'an operation ended without a word');
      this.#running.delete(operation);
    }
    return outputs;
  }

  /** After `closed`. */
  finish(): void {
    assert.equal(this.#running.size, 0, 'an operation outlived its connection');
    assert.equal(this.#connection.operationCount, 0);
    assert.equal(this.#connection.idBytes, 0);
    assert.equal(this.#connection.deadline, Number.POSITIVE_INFINITY);
  }

  #enter(output: ServerOutput): void {
    assert(!this.#isOver || output.kind === 'destroy', `${output.kind} follows close`);
    switch (output.kind) {
      case 'start':
        assert(output.operation.mayDeliver, 'an operation started that may not deliver');
        assert(!this.started.includes(output.operation), 'an operation started twice');
        this.started.push(output.operation);
        this.#running.add(output.operation);
        break;
      case 'cancel':
        assert(this.#running.delete(output.operation), 'an operation ended twice');
        break;
      case 'send':
        assert(messageTypes[this.#connection.protocol].includes(messageOf(output.frame).type));
        break;
      case 'close':
        this.#isOver = true;
        assert.equal(this.#running.size, 0, 'an operation was not cancelled before close');
        assert(utf8Length(output.reason) <= 123, 'the reason does not fit');
        assert(isSendable(output.code), 'the code may not be sent');
        break;
      case 'connect':
      case 'renew':
      case 'ping':
      case 'destroy':
        break;
    }
  }
}

/** RFC 6455 section 7.4. */
function isSendable(code: number): boolean {
  if (code >= 3000) return code < 5000;
  return code >= 1000 && code <= 1014 && ![1004, 1005, 1006].includes(code);
}

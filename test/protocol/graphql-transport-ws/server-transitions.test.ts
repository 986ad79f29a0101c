import type {
  ServerConnection,
  ServerConnectionOptions,
  ServerOperation,
  ServerOutput,
} from '../../../src/protocol/connection.ts';
import {
  serverConnectionTransitions,
  serverOperationTransitions,
} from '../../../src/protocol/graphql-transport-ws/server-transitions.ts';
import type {
  ServerConnectionEvent,
  ServerOperationEvent,
  ServerOperationState,
} from '../../../src/protocol/graphql-transport-ws/server-transitions.ts';
import { toOperationId } from '../../../src/protocol/operation-id.ts';
import { createServerConnection } from '../../../src/protocol/server-connection.ts';
import { transitionContract } from '../../support/transition-contract.ts';
import type { Cause } from '../../support/transition-contract.ts';

type ConnectionCause = Cause<ServerConnection, ServerConnectionOptions>;

const off = Number.POSITIVE_INFINITY;
const init = '{"type":"connection_init"}';
const subscribe = '{"id":"a","type":"subscribe","payload":{"query":"{ a }"}}';
const complete = '{"id":"a","type":"complete"}';

function waitInit(options: ServerConnectionOptions): ServerConnection {
  return createServerConnection('graphql-transport-ws', 0, options);
}

function initPending(options: ServerConnectionOptions): ServerConnection {
  const connection = waitInit(options);
  connection.receive(init, 0);
  return connection;
}

function ready(options: ServerConnectionOptions): ServerConnection {
  const connection = initPending(options);
  connection.accept(0);
  return connection;
}

function closing(options: ServerConnectionOptions): ServerConnection {
  const connection = ready(options);
  connection.close(0, 'GOING_AWAY');
  return connection;
}

function closed(options: ServerConnectionOptions): ServerConnection {
  const connection = ready(options);
  connection.closed();
  return connection;
}

function receiving(frame: string): ConnectionCause {
  return { apply: (connection) => connection.receive(frame, 0) };
}

transitionContract(
  'graphql-transport-ws server connection',
  serverConnectionTransitions,
  {
    reach: { 'wait-init': waitInit, 'init-pending': initPending, ready, closing, closed },
    cause: {
      connection_init: receiving(init),
      subscribe: receiving(subscribe),
      complete: receiving(complete),
      ping: receiving('{"type":"ping"}'),
      'ping with credentials': receiving('{"type":"ping","payload":{"auth":{"token":"t"}}}'),
      pong: receiving('{"type":"pong"}'),
      foreign: receiving('{"type":"connection_ack"}'),
      malformed: receiving('{'),
      'flood of control messages': {
        options: { controlMessageBurst: 2 },
        apply(connection) {
          connection.receive('{"type":"pong"}', 0);
          connection.receive('{"type":"ping"}', 0);
          return connection.receive('{"type":"pong"}', 0);
        },
      },
      'init deadline': {
        options: { pingAfterMs: off, closeHandshakeMs: off },
        apply: (connection) => connection.tick(5_000),
      },
      silence: {
        options: { initDeadlineMs: off, closeHandshakeMs: off },
        apply: (connection) => connection.tick(12_000),
      },
      'silence after ping': {
        options: { initDeadlineMs: off, closeHandshakeMs: off },
        apply(connection) {
          connection.tick(12_000);
          return connection.tick(24_000);
        },
      },
      'close unanswered': {
        options: { initDeadlineMs: off, pingAfterMs: off },
        apply: (connection) => connection.tick(5_000),
      },
      accept: { apply: (connection) => connection.accept(0) },
      refuse: { apply: (connection) => connection.refuse(0, {}) },
      fail: { apply: (connection) => connection.fail(0) },
      renewed: { apply: (connection) => connection.renewed({}) },
      close: { apply: (connection) => connection.close(0, 'GOING_AWAY') },
      closed: { apply: (connection) => connection.closed() },
    } satisfies Record<ServerConnectionEvent, ConnectionCause>,
    stateOf: (connection) => connection.state,
  },
  {},
);

/** A connection and the latest operation that it started, or one that it never saw. */
interface OperationDriver {
  readonly connection: ServerConnection;
  operation: ServerOperation;
}

const stranger: ServerOperation = { id: toOperationId('a'), mayDeliver: false };

function observe(
  driver: OperationDriver,
  outputs: readonly ServerOutput[],
): readonly ServerOutput[] {
  for (const output of outputs) if (output.kind === 'start') driver.operation = output.operation;
  return outputs;
}

function free(): OperationDriver {
  return { connection: ready({}), operation: stranger };
}

function running(): OperationDriver {
  const driver = free();
  observe(driver, driver.connection.receive(subscribe, 0));
  return driver;
}

function ended(): OperationDriver {
  const driver = running();
  driver.connection.complete(driver.operation);
  return driver;
}

transitionContract(
  'graphql-transport-ws server operation',
  serverOperationTransitions,
  {
    reach: { free, running, ended },
    cause: {
      subscribe: { apply: (driver) => observe(driver, driver.connection.receive(subscribe, 0)) },
      complete: { apply: ({ connection }) => connection.receive(complete, 0) },
      'source ends': { apply: ({ connection, operation }) => connection.complete(operation) },
      'source fails': {
        apply: ({ connection, operation }) => connection.error(operation, [{ message: 'broken' }]),
      },
      close: { apply: ({ connection }) => connection.close(0, 'GOING_AWAY') },
      closed: { apply: ({ connection }) => connection.closed() },
    } satisfies Record<ServerOperationEvent, Cause<OperationDriver, object>>,
    stateOf({ operation }): ServerOperationState {
      if (operation === stranger) return 'free';
      return operation.mayDeliver ? 'running' : 'ended';
    },
  },
  {},
);

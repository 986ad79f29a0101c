import type {
  ServerConnectionOptions,
  ServerOperation,
  ServerOutput,
} from '../../../src/protocol/connection.ts';
import type { Handshake } from '../../../src/protocol/appsync/handshake.ts';
import { AppsyncServer } from '../../../src/protocol/appsync/server-connection.ts';
import {
  serverConnectionTransitions,
  serverOperationTransitions,
} from '../../../src/protocol/appsync/server-transitions.ts';
import type {
  ServerConnectionEvent,
  ServerOperationEvent,
  ServerOperationState,
} from '../../../src/protocol/appsync/server-transitions.ts';
import { toOperationId } from '../../../src/protocol/operation-id.ts';
import { transitionContract } from '../../support/transition-contract.ts';
import type { Cause } from '../../support/transition-contract.ts';

interface Options extends ServerConnectionOptions {
  readonly handshake?: Handshake;
}

type ConnectionCause = Cause<AppsyncServer, Options>;

const off = Number.POSITIVE_INFINITY;
const init = '{"type":"connection_init"}';
const startOf = (id: string, authorization = '"authorization":{"host":"h"}'): string =>
  `{"id":"${id}","type":"start","payload":{"data":"{\\"query\\":\\"{ a }\\"}","extensions":{${authorization}}}}`;
const start = startOf('a');
const stop = '{"id":"a","type":"stop"}';

function waitInit({ handshake, ...options }: Options): AppsyncServer {
  return new AppsyncServer(0, options, handshake);
}

function initPending({ handshake: _handshake, ...options }: Options): AppsyncServer {
  const connection = waitInit(options);
  connection.receive(init, 0);
  return connection;
}

function pendingUninitialised({ handshake: _handshake, ...options }: Options): AppsyncServer {
  const connection = waitInit(options);
  connection.receive(startOf('z'), 0);
  return connection;
}

function ready(options: Options): AppsyncServer {
  const connection = initPending(options);
  connection.accept(0);
  return connection;
}

function readyUninitialised(options: Options): AppsyncServer {
  const connection = pendingUninitialised(options);
  for (const output of connection.accept(0)) {
    if (output.kind === 'start') connection.complete(output.operation);
  }
  return connection;
}

function closing(options: Options): AppsyncServer {
  const connection = ready(options);
  connection.close(0, 'GOING_AWAY');
  return connection;
}

function closed(options: Options): AppsyncServer {
  const connection = ready(options);
  connection.closed();
  return connection;
}

function receiving(frame: string): ConnectionCause {
  return { apply: (connection) => connection.receive(frame, 0) };
}

transitionContract(
  'appsync server connection',
  serverConnectionTransitions,
  {
    reach: {
      'wait-init': waitInit,
      'init-pending': initPending,
      'pending-uninitialised': pendingUninitialised,
      ready,
      'ready-uninitialised': readyUninitialised,
      closing,
      closed,
    },
    cause: {
      connection_init: receiving(init),
      'connection_init of an unreadable handshake': {
        options: { handshake: { url: '/graphql?header=%%%&payload=e30=', headers: {} } },
        apply: (connection) => connection.receive(init, 0),
      },
      connection_terminate: receiving('{"type":"connection_terminate"}'),
      pong: receiving('{"type":"pong"}'),
      'start without authorization': receiving(startOf('b', '')),
      start: receiving(start),
      stop: receiving(stop),
      unknown: receiving('{"id":"b","type":"connection_ack"}'),
      malformed: receiving('{'),
      'flood of control messages': {
        options: { controlMessageBurst: 2 },
        apply(connection) {
          connection.receive('{', 0);
          connection.receive('{"type":"pong"}', 0);
          return connection.receive('{', 0);
        },
      },
      'init deadline': {
        options: { pingAfterMs: off, closeHandshakeMs: off, keepAliveMs: off },
        apply: (connection) => connection.tick(5_000),
      },
      'keep-alive due': {
        options: { initDeadlineMs: off, pingAfterMs: off, closeHandshakeMs: off },
        apply: (connection) => connection.tick(12_000),
      },
      silence: {
        options: { initDeadlineMs: off, closeHandshakeMs: off, keepAliveMs: off },
        apply: (connection) => connection.tick(12_000),
      },
      'silence after ping': {
        options: { initDeadlineMs: off, closeHandshakeMs: off, keepAliveMs: off },
        apply(connection) {
          connection.tick(12_000);
          return connection.tick(24_000);
        },
      },
      'close unanswered': {
        options: { initDeadlineMs: off, pingAfterMs: off, keepAliveMs: off },
        apply: (connection) => connection.tick(5_000),
      },
      accept: { apply: (connection) => connection.accept(0) },
      refuse: { apply: (connection) => connection.refuse(0, {}) },
      fail: { apply: (connection) => connection.fail(0) },
      close: { apply: (connection) => connection.close(0, 'GOING_AWAY') },
      closed: { apply: (connection) => connection.closed() },
    } satisfies Record<ServerConnectionEvent, ConnectionCause>,
    stateOf: (connection) => connection.phase,
  },
  {},
);

/** A connection and the latest operation that it started, or one that it never saw. */
interface OperationDriver {
  readonly connection: AppsyncServer;
  operation: ServerOperation;
}

const stranger: ServerOperation = { id: toOperationId('a'), mayDeliver: false };
/** Stands for an operation that is held: nobody outside knows the object. */
const unseen: ServerOperation = { id: toOperationId('a'), mayDeliver: false };

function observe(
  driver: OperationDriver,
  outputs: readonly ServerOutput[],
): readonly ServerOutput[] {
  for (const output of outputs) if (output.kind === 'start') driver.operation = output.operation;
  return outputs;
}

function held(): OperationDriver {
  const driver = { connection: initPending({}), operation: unseen };
  driver.connection.receive(start, 0);
  return driver;
}

function free(): OperationDriver {
  return { connection: ready({}), operation: stranger };
}

function running(): OperationDriver {
  const driver = free();
  observe(driver, driver.connection.receive(start, 0));
  return driver;
}

function ended(): OperationDriver {
  const driver = running();
  driver.connection.complete(driver.operation);
  return driver;
}

transitionContract(
  'appsync server operation',
  serverOperationTransitions,
  {
    reach: { held, free, running, ended },
    cause: {
      start: { apply: (driver) => observe(driver, driver.connection.receive(start, 0)) },
      stop: { apply: ({ connection }) => connection.receive(stop, 0) },
      accept: { apply: (driver) => observe(driver, driver.connection.accept(0)) },
      refuse: { apply: ({ connection }) => connection.refuse(0, {}) },
      'source opens': { apply: ({ connection, operation }) => connection.started(operation) },
      'source ends': { apply: ({ connection, operation }) => connection.complete(operation) },
      'source fails': {
        apply: ({ connection, operation }) => connection.error(operation, [{ message: 'broken' }]),
      },
      close: { apply: ({ connection }) => connection.close(0, 'GOING_AWAY') },
      closed: { apply: ({ connection }) => connection.closed() },
    } satisfies Record<ServerOperationEvent, Cause<OperationDriver, object>>,
    stateOf({ connection, operation }): ServerOperationState {
      if (operation === stranger) return 'free';
      if (operation === unseen) return connection.operationCount > 0 ? 'held' : 'ended';
      return operation.mayDeliver ? 'running' : 'ended';
    },
  },
  {},
);

import type {
  ClientConnection,
  ClientConnectionOptions,
  ClientOperation,
} from '../../../src/protocol/connection.ts';
import { createSubscriptionsTransportWsClient } from '../../../src/protocol/subscriptions-transport-ws/client-connection.ts';
import {
  clientConnectionTransitions,
  clientOperationTransitions,
} from '../../../src/protocol/subscriptions-transport-ws/client-transitions.ts';
import type {
  ClientConnectionEvent,
  ClientOperationEvent,
} from '../../../src/protocol/subscriptions-transport-ws/client-transitions.ts';
import { transitionContract } from '../../support/transition-contract.ts';
import type { Cause } from '../../support/transition-contract.ts';

type ConnectionCause = Cause<ClientConnection, ClientConnectionOptions>;

const off = Number.POSITIVE_INFINITY;
const ack = '{"type":"connection_ack"}';
const ka = '{"type":"ka"}';
const data = '{"id":"1","type":"data","payload":{"data":{"a":1}}}';

function connecting(options: ClientConnectionOptions): ClientConnection {
  return createSubscriptionsTransportWsClient(options);
}

function initialising(options: ClientConnectionOptions): ClientConnection {
  const connection = connecting(options);
  connection.opened(0, 'graphql-ws');
  return connection;
}

function waitAck(options: ClientConnectionOptions): ClientConnection {
  const connection = initialising(options);
  connection.initialise(0);
  return connection;
}

function ready(options: ClientConnectionOptions): ClientConnection {
  const connection = waitAck(options);
  connection.receive(ack, 0);
  return connection;
}

function closed(options: ClientConnectionOptions): ClientConnection {
  const connection = ready(options);
  connection.closed(1006, '');
  return connection;
}

function receiving(frame: string): ConnectionCause {
  return { apply: (connection) => connection.receive(frame, 0) };
}

transitionContract(
  'subscriptions-transport-ws client connection',
  clientConnectionTransitions,
  {
    reach: { connecting, initialising, 'wait-ack': waitAck, ready, closed },
    cause: {
      opened: { apply: (connection) => connection.opened(0, 'graphql-ws') },
      'opened without subprotocol': { apply: (connection) => connection.opened(0, '') },
      initialise: { apply: (connection) => connection.initialise(0) },
      connection_ack: receiving(ack),
      connection_error: receiving('{"type":"connection_error","payload":{"message":"no"}}'),
      ka: receiving(ka),
      data: receiving(data),
      malformed: receiving('{'),
      'ack deadline': { apply: (connection) => connection.tick(10_000) },
      silence: { options: { ackTimeoutMs: off }, apply: (connection) => connection.tick(30_000) },
      'silence after ka': {
        options: { ackTimeoutMs: off },
        apply(connection) {
          connection.receive(ka, 0);
          return connection.tick(30_000);
        },
      },
      close: { apply: (connection) => connection.close() },
      closed: { apply: (connection) => connection.closed(1006, '') },
    } satisfies Record<ClientConnectionEvent, ConnectionCause>,
    stateOf: (connection) => connection.state,
  },
  {},
);

interface OperationDriver {
  readonly connection: ClientConnection;
  readonly operation: ClientOperation;
}

function queued(): OperationDriver {
  const connection = waitAck({});
  return { connection, operation: connection.subscribe({ query: '{ a }' }).operation };
}

function active(): OperationDriver {
  const driver = queued();
  driver.connection.receive(ack, 0);
  return driver;
}

function done(): OperationDriver {
  const driver = active();
  driver.connection.cancel(driver.operation);
  return driver;
}

transitionContract(
  'subscriptions-transport-ws client operation',
  clientOperationTransitions,
  {
    reach: { queued, active, done },
    cause: {
      connection_ack: { apply: ({ connection }) => connection.receive(ack, 0) },
      data: { apply: ({ connection }) => connection.receive(data, 0) },
      error: {
        apply: ({ connection }) =>
          connection.receive('{"id":"1","type":"error","payload":{"message":"no"}}', 0),
      },
      complete: {
        apply: ({ connection }) =>
          connection.receive('{"id":"1","type":"complete","payload":null}', 0),
      },
      cancel: { apply: ({ connection, operation }) => connection.cancel(operation) },
      close: { apply: ({ connection }) => connection.close() },
      closed: { apply: ({ connection }) => connection.closed(1006, '') },
    } satisfies Record<ClientOperationEvent, Cause<OperationDriver, object>>,
    stateOf: ({ operation }) => operation.state,
  },
  {},
);

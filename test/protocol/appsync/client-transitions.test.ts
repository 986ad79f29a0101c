import { createAppsyncClient } from '../../../src/protocol/appsync/client-connection.ts';
import { ClientSubscription } from '../../../src/protocol/appsync/client-subscription.ts';
import type { ClientSubscriptionState } from '../../../src/protocol/appsync/client-subscription.ts';
import {
  clientConnectionTransitions,
  clientSubscriptionTransitions,
} from '../../../src/protocol/appsync/client-transitions.ts';
import type {
  ClientConnectionEvent,
  ClientSubscriptionEvent,
} from '../../../src/protocol/appsync/client-transitions.ts';
import type {
  ClientConnection,
  ClientConnectionOptions,
} from '../../../src/protocol/connection.ts';
import { transitionContract } from '../../support/transition-contract.ts';
import type { Cause } from '../../support/transition-contract.ts';

type ConnectionCause = Cause<ClientConnection, ClientConnectionOptions>;

const off = Number.POSITIVE_INFINITY;
const ack = '{"type":"connection_ack","payload":{"connectionTimeoutMs":60000}}';

function connecting(options: ClientConnectionOptions): ClientConnection {
  return createAppsyncClient(options);
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

function receiving(message: object | string): ConnectionCause {
  const frame = typeof message === 'string' ? message : JSON.stringify(message);
  return { apply: (connection) => connection.receive(frame, 0) };
}

const limited = { payload: { errors: { errorType: 'LimitExceededError', message: 'no' } } };

transitionContract(
  'appsync client connection',
  clientConnectionTransitions,
  {
    reach: { connecting, initialising, 'wait-ack': waitAck, ready, closed },
    cause: {
      opened: { apply: (connection) => connection.opened(0, 'graphql-ws') },
      'opened without subprotocol': { apply: (connection) => connection.opened(0, '') },
      initialise: { apply: (connection) => connection.initialise(0) },
      connection_ack: receiving(ack),
      connection_error: receiving({
        type: 'connection_error',
        payload: { errors: [{ message: 'no', errorCode: 401 }] },
      }),
      'connection_error that passes': receiving({ type: 'connection_error', ...limited }),
      'error without id': receiving({ type: 'error', ...limited }),
      ka: receiving({ type: 'ka' }),
      data: receiving({ id: '1', type: 'data', payload: { data: { a: 1 } } }),
      unknown: receiving({ type: 'ping' }),
      malformed: receiving('{'),
      'ack deadline': { apply: (connection) => connection.tick(10_000) },
      silence: { options: { ackTimeoutMs: off }, apply: (connection) => connection.tick(60_000) },
      close: { apply: (connection) => connection.close() },
      closed: { apply: (connection) => connection.closed(1006, '') },
    } satisfies Record<ClientConnectionEvent, ConnectionCause>,
    stateOf: (connection) => connection.state,
  },
  {},
);

const authorization = { 'x-api-key': 'k' };

function queued(): ClientSubscription {
  return new ClientSubscription(15_000);
}

function authorizing(): ClientSubscription {
  const subscription = queued();
  subscription.connected();
  return subscription;
}

function starting(): ClientSubscription {
  const subscription = authorizing();
  subscription.authorized(0, authorization);
  return subscription;
}

function active(): ClientSubscription {
  const subscription = starting();
  subscription.receive({ type: 'start_ack' });
  return subscription;
}

function stopping(): ClientSubscription {
  const subscription = starting();
  subscription.cancel();
  return subscription;
}

function done(): ClientSubscription {
  const subscription = active();
  subscription.cancel();
  return subscription;
}

transitionContract(
  'appsync client subscription',
  clientSubscriptionTransitions,
  {
    reach: { queued, authorizing, starting, active, stopping, done } satisfies Record<
      ClientSubscriptionState,
      () => ClientSubscription
    >,
    cause: {
      connection_ack: { apply: (subscription) => subscription.connected() },
      authorized: { apply: (subscription) => subscription.authorized(0, authorization) },
      refused: { apply: (subscription) => subscription.refused(new Error('no token')) },
      start_ack: { apply: (subscription) => subscription.receive({ type: 'start_ack' }) },
      data: {
        apply: (subscription) => subscription.receive({ type: 'next', payload: { data: {} } }),
      },
      error: {
        apply: (subscription) =>
          subscription.receive({ type: 'error', payload: [{ message: 'no' }] }),
      },
      complete: { apply: (subscription) => subscription.receive({ type: 'complete' }) },
      'start_ack deadline': { apply: (subscription) => subscription.tick(15_000) },
      cancel: { apply: (subscription) => subscription.cancel() },
      closed: {
        apply(subscription) {
          subscription.closed();
          return [];
        },
      },
    } satisfies Record<ClientSubscriptionEvent, Cause<ClientSubscription, object>>,
    stateOf: ({ state }) => state,
  },
  {},
);

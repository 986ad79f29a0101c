import { describe, expect, it } from 'vitest';

import type { ClientConnection } from '../../src/protocol/connection.ts';
import { createGraphqlTransportWsClient } from '../../src/protocol/graphql-transport-ws/client-connection.ts';
import { createSubscriptionsTransportWsClient } from '../../src/protocol/subscriptions-transport-ws/client-connection.ts';
import { actionOf } from '../support/transition-contract.ts';

const roles = [
  { protocol: 'graphql-transport-ws', create: createGraphqlTransportWsClient },
  { protocol: 'subscriptions-transport-ws', create: createSubscriptionsTransportWsClient },
] as const;

const unwritable = { query: '{ a }', variables: { big: 1n } };

function open(connection: ClientConnection): ClientConnection {
  connection.opened(0, connection.subprotocol);
  return connection;
}

function ready(connection: ClientConnection): ClientConnection {
  open(connection).initialise(0);
  connection.receive('{"type":"connection_ack"}', 0);
  return connection;
}

describe.each(roles)('a $protocol client', ({ protocol, create }) => {
  it('is named after its protocol', () => {
    expect(create().protocol).toBe(protocol);
  });

  it.each([
    ['before the ack', open],
    ['after the ack', ready],
  ])('throws at the call, %s, for variables that JSON cannot hold', (_when, reach) => {
    const connection = reach(create());

    expect(() => connection.subscribe(unwritable)).toThrow(TypeError);
    expect(connection.operationCount).toBe(0);
    expect(connection.subscribe({ query: '{ a }' }).operation.id).toBe('1');
  });

  it('throws at the call for parameters that JSON cannot hold, and can be asked again', () => {
    const connection = open(create());

    expect(() => connection.initialise(0, { big: 1n })).toThrow(TypeError);
    expect(connection.initialise(0).map(actionOf)).toEqual(['send connection_init']);
  });

  it('says of an operation that comes too late that another connection may take it', () => {
    const connection = ready(create());
    connection.close();
    const { operation, outputs } = connection.subscribe({ query: '{ a }' });

    expect(outputs).toEqual([{ kind: 'lost', operation, code: 1006, reason: '', retryable: true }]);
    expect(operation.state).toBe('done');
    expect(connection.operationCount).toBe(0);
  });

  it('knows the operations of no other connection', () => {
    const other = ready(create()).subscribe({ query: '{ a }' }).operation;
    const connection = ready(create());
    const { operation } = connection.subscribe({ query: '{ a }' });

    expect(connection.cancel(other)).toEqual([]);
    expect(operation.state).toBe('active');
  });

  it('counts what is queued or active', () => {
    const connection = open(create());
    const { operation } = connection.subscribe({ query: '{ a }' });
    connection.subscribe({ query: '{ b }' });

    expect(connection.operationCount).toBe(2);
    connection.cancel(operation);
    expect(connection.operationCount).toBe(1);
  });

  it('keeps the words of the close for the application', () => {
    const connection = ready(create());
    const { operation } = connection.subscribe({ query: '{ a }' });

    expect(connection.closed(4500, 'Internal server error')).toEqual([
      { kind: 'lost', operation, code: 4500, reason: 'Internal server error', retryable: false },
    ]);
  });

  it('has no deadline before the init and after the end', () => {
    const connection = create();

    expect(connection.deadline).toBe(Number.POSITIVE_INFINITY);
    ready(connection).close();
    expect(connection.deadline).toBe(Number.POSITIVE_INFINITY);
    expect(connection.tick(1_000_000)).toEqual([]);
  });
});

describe('a graphql-transport-ws client', () => {
  it('closes on an unreadable message, as the protocol has it', () => {
    const connection = ready(createGraphqlTransportWsClient());

    expect(connection.receive('{"id":"1","type":"next"}', 0)).toEqual([
      { kind: 'close', code: 4004, reason: 'Bad response' },
    ]);
  });

  it('reports an unreadable message and goes on, if told so', () => {
    const connection = ready(createGraphqlTransportWsClient({ invalidMessages: 'report' }));
    const { operation } = connection.subscribe({ query: '{ a }' });

    expect(connection.receive('{"id":"1","type":"next"}', 0)).toEqual([
      { kind: 'violation', message: 'Unreadable: {"id":"1","type":"next"}' },
    ]);
    expect(connection.receive('{"id":"1","type":"complete"}', 0)).toEqual([
      { kind: 'complete', operation },
    ]);
  });

  it('closes on an unreadable message before the ack, whatever it was told', () => {
    const connection = open(createGraphqlTransportWsClient({ invalidMessages: 'report' }));

    expect(connection.receive('{', 0)).toEqual([
      { kind: 'close', code: 4004, reason: 'Bad response' },
    ]);
  });

  it('asks at once whether the server lives, but not twice', () => {
    const connection = ready(createGraphqlTransportWsClient({ pingAfterMs: 30_000 }));

    expect(connection.probe(5).map(actionOf)).toEqual(['send ping']);
    expect(connection.probe(6)).toEqual([]);
    expect(connection.tick(30_005).map(actionOf)).toEqual(['close 4499']);
  });
});

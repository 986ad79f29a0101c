import { describe, expect, it } from 'vitest';

import type { ServerConnectionOptions } from '../../../src/protocol/connection.ts';
import { ServerConversation } from '../../support/server-conversation.ts';

function wait(options?: ServerConnectionOptions): ServerConversation {
  return new ServerConversation('subscriptions-transport-ws', options);
}

function pending(options?: ServerConnectionOptions): ServerConversation {
  const conversation = wait(options);
  conversation.receive({ type: 'connection_init', payload: {} });
  return conversation;
}

function ready(options?: ServerConnectionOptions): ServerConversation {
  const conversation = pending(options);
  conversation.connection.accept(0);
  return conversation;
}

function start(id: unknown, query = '{ a }'): object {
  return { id, type: 'start', payload: { query, variables: null, operationName: null } };
}

function connectionError(message: string): object {
  return { send: { id: null, type: 'connection_error', payload: { message } } };
}

const ack = { send: { type: 'connection_ack' } };
const ka = { send: { type: 'ka' } };

describe('the init', () => {
  it.each([[{}], [{ payload: null }], [{ payload: {} }]])(
    'LW-4 takes %j for no parameters',
    (more) => {
      expect(wait().receive({ type: 'connection_init', ...more })).toEqual([
        { kind: 'connect', connectionParams: {} },
      ]);
    },
  );

  it('is not read when its payload is no object, and may come again', () => {
    const conversation = wait();

    expect(conversation.receive({ type: 'connection_init', payload: 'token' })).toEqual([
      connectionError('`payload` is missing or malformed.'),
    ]);
    expect(conversation.receive({ type: 'connection_init' })).toHaveLength(1);
  });

  it('L6, LW-5 is acknowledged first, then comes the first ka', () => {
    const conversation = pending();

    expect(conversation.tell(conversation.connection.accept(0, { region: 'eu' }))).toEqual([
      { send: { type: 'connection_ack', payload: { region: 'eu' } } },
      ka,
    ]);
  });

  it('LW-7, LW-8 is refused in words, then with 1011', () => {
    const conversation = pending();

    expect(conversation.tell(conversation.connection.refuse(0, { reason: 'Banned' }))).toEqual([
      { send: { type: 'connection_error', payload: { message: 'Banned' } } },
      { close: 1011, reason: '' },
    ]);
    expect(conversation.connection.accept(0)).toEqual([]);
  });

  it('is refused as prohibited without a reason of its own', () => {
    const conversation = pending();

    expect(conversation.tell(conversation.connection.refuse(0, {}))[0]).toEqual({
      send: { type: 'connection_error', payload: { message: 'Prohibited connection!' } },
    });
  });

  it('fails without a leak, and is logged as our failure', () => {
    const { connection } = pending();

    expect(connection.fail(0)).toEqual([
      {
        kind: 'send',
        frame: '{"type":"connection_error","payload":{"message":"Internal server error"}}',
      },
      { kind: 'close', code: 1011, reason: '', error: 'INTERNAL_SERVER_ERROR' },
    ]);
    expect(connection.fail(0)).toEqual([]);
  });

  it('closes 4408 when it does not come', () => {
    const conversation = wait();

    expect(conversation.tell(conversation.connection.tick(5_000))).toEqual([
      { close: 4408, reason: 'Connection initialisation timeout' },
    ]);
  });

  it('LW-32 has no effect the second time', () => {
    const conversation = ready({ pingAfterMs: Number.POSITIVE_INFINITY });
    const { deadline } = conversation.connection;

    expect(conversation.receive({ type: 'connection_init' }, 5_000)).toEqual([]);
    expect(conversation.connection.deadline).toBe(deadline);
    expect(pending().receive({ type: 'connection_init' })).toEqual([]);
  });
});

describe('starts before the connection is accepted', () => {
  it('L1, LW-9 are held behind the init and run in order after the ack', () => {
    const conversation = pending();

    expect(conversation.receive(start('a'))).toEqual([]);
    expect(conversation.receive(start('b'))).toEqual([]);
    expect(conversation.tell(conversation.connection.accept(0))).toEqual([
      ack,
      ka,
      { start: 0 },
      { start: 1 },
    ]);
    expect(conversation.started.map(({ id }) => id)).toEqual(['a', 'b']);
  });

  it('LW-10 close the connection with 4401 when there was no init at all', () => {
    expect(wait().receive(start('a'))).toEqual([
      {
        send: {
          type: 'connection_error',
          payload: { message: 'The connection must be initialised first.' },
        },
      },
      { close: 4401, reason: 'Unauthorized' },
    ]);
  });

  it.each(['refuse', 'fail'] as const)('LW-11 never run when the hook %ss', (verdict) => {
    const conversation = pending();
    conversation.receive(start('a'));
    const outputs =
      verdict === 'refuse'
        ? conversation.connection.refuse(0, {})
        : conversation.connection.fail(0);

    expect(conversation.tell(outputs)).toEqual([
      { send: expect.objectContaining({ type: 'connection_error' }) },
      { close: 1011, reason: '' },
    ]);
    expect(conversation.connection.operationCount).toBe(0);
    expect(conversation.connection.accept(0)).toEqual([]);
  });

  it('L4, LW-17 can be stopped: they complete and never run', () => {
    const conversation = pending();
    conversation.receive(start('a'));

    expect(conversation.receive({ id: 'a', type: 'stop' })).toEqual([
      { send: { id: 'a', type: 'complete', payload: null } },
    ]);
    expect(conversation.tell(conversation.connection.accept(0))).toEqual([ack, ka]);
  });

  it('are replaced by another with the same id', () => {
    const conversation = pending();
    conversation.receive(start('a', '{ old }'));

    expect(conversation.receive(start('a', '{ new }'))).toEqual([]);
    expect(conversation.connection.accept(0).slice(2)).toEqual([
      expect.objectContaining({ kind: 'start', request: { query: '{ new }' } }),
    ]);
  });

  it('are bounded in number: the surplus one gets an error', () => {
    const conversation = pending();
    for (let i = 0; i < 100; i++) expect(conversation.receive(start(i))).toEqual([]);

    expect(conversation.receive(start('surplus'))).toEqual([
      {
        send: {
          id: 'surplus',
          type: 'error',
          payload: {
            message: 'At most 100 operations may wait for the connection to be accepted.',
            extensions: { code: 'TOO_MANY_OPERATIONS' },
          },
        },
      },
    ]);
    expect(conversation.connection.accept(0)).toHaveLength(102);
  });

  it('are bounded in length', () => {
    const conversation = pending();
    for (let i = 0; i < 4; i++) {
      expect(conversation.receive(start(i, 'q'.repeat(250_000)))).toEqual([]);
    }

    expect(conversation.receive(start('surplus', 'q'.repeat(250_000)))).toEqual([
      { send: expect.objectContaining({ id: 'surplus', type: 'error' }) },
    ]);
    conversation.receive({ id: 0, type: 'stop' });
    expect(conversation.receive(start('fits', 'q'.repeat(250_000)))).toEqual([]);
  });

  it('cancel nothing when the socket closes, for nobody knew of them', () => {
    const conversation = pending();
    conversation.receive(start('a'));

    expect(conversation.connection.closed()).toEqual([]);
    expect(conversation.connection.operationCount).toBe(0);
  });
});

describe('messages that cannot be read', () => {
  it.each(['{', '', 'null', '[]', '7', '\uFEFF{}'])(
    'LW-25 %j is answered and the connection goes on',
    (frame) => {
      const conversation = ready();

      expect(conversation.receiveFrame(frame)).toEqual([
        connectionError('A message must be a JSON object.'),
      ]);
      expect(conversation.receive(start('a'))).toEqual([{ start: 0 }]);
    },
  );

  it('LW-24 get an error under their id when the type is unknown', () => {
    expect(ready().receive({ id: 7, type: 'subscribe' })).toEqual([
      {
        send: {
          id: 7,
          type: 'error',
          payload: {
            message: '`type` is missing or malformed.',
            extensions: { code: 'BAD_REQUEST' },
          },
        },
      },
    ]);
  });

  it('do not end an operation that has the same id', () => {
    const conversation = ready();
    conversation.receive(start('a'));

    expect(conversation.receive({ id: 'a', type: 'pause' })).toEqual([
      connectionError('`type` is missing or malformed.'),
    ]);
    expect(conversation.latest().mayDeliver).toBe(true);
  });

  it.each([[undefined], [null], [true], [{}], [[]]])(
    'are answered without id when the id is %j',
    (id) => {
      expect(ready().receive(start(id))).toEqual([
        connectionError('`id` is missing or malformed.'),
      ]);
      expect(ready().receive({ id, type: 'stop' })).toHaveLength(1);
      expect(ready().receive({ id, type: 'unknown' })).toHaveLength(1);
    },
  );

  it('include numbers that cannot be echoed exactly', () => {
    expect(ready().receiveFrame('{"id":1e400,"type":"stop"}')).toHaveLength(1);
    expect(ready().receiveFrame('{"id":9007199254740993,"type":"stop"}')).toHaveLength(1);
  });

  it.each([
    ['without payload', undefined, '`payload` is missing or malformed.'],
    ['without query', {}, '`payload.query` is missing or malformed.'],
    ['with a document as query', { query: {} }, '`payload.query` is missing or malformed.'],
    [
      'with bad variables',
      { query: 'q', variables: [] },
      '`payload.variables` is missing or malformed.',
    ],
  ])('get an error under their id when they are a start %s', (_what, payload, message) => {
    expect(ready().receive({ id: 'a', type: 'start', payload })).toEqual([
      {
        send: { id: 'a', type: 'error', payload: { message, extensions: { code: 'BAD_REQUEST' } } },
      },
    ]);
  });

  it.each([
    ['unreadable frames', '{'],
    ['unknown types', '{"id":"a","type":"x"}'],
    ['second inits', '{"type":"connection_init"}'],
    ['stops for unknown ids', '{"id":"a","type":"stop"}'],
    ['connection errors', '{"type":"connection_error"}'],
    ['malformed starts', '{"id":"a","type":"start"}'],
  ])('close the connection in the end when there are too many %s', (_what, frame) => {
    const conversation = ready({ controlMessageBurst: 3 });
    for (let i = 0; i < 3; i++) conversation.receiveFrame(frame);

    expect(conversation.receiveFrame(frame)).toEqual([
      { close: 4400, reason: 'Too many control messages' },
    ]);
  });

  it.each([
    ['replaced starts', [start('a')]],
    ['stopped starts', [start('a'), { id: 'a', type: 'stop' }]],
  ])(
    'close the connection in the end when there are too many %s before the ack',
    (_what, messages) => {
      const conversation = pending({ controlMessageBurst: 3 });
      for (let i = 0; i < 10; i++) for (const message of messages) conversation.receive(message);

      expect(conversation.connection.state).toBe('closing');
    },
  );

  it('reads binary like text', () => {
    expect(ready().receiveFrame(new TextEncoder().encode(JSON.stringify(start('a'))))).toEqual([
      { start: 0 },
    ]);
  });
});

describe('operations', () => {
  it('LW-27 with numeric ids are answered with numbers, and 1 is not "1"', () => {
    const conversation = ready();

    expect(conversation.receive(start(1))).toEqual([{ start: 0 }]);
    expect(conversation.receive(start('1'))).toEqual([{ start: 1 }]);
    expect(conversation.connection.encodeResult(conversation.latest().id, '{}')).toBe(
      '{"id":"1","type":"data","payload":{}}',
    );
    const [first] = conversation.started;
    expect(first && conversation.connection.encodeResult(first.id, '{}')).toBe(
      '{"id":1,"type":"data","payload":{}}',
    );
    expect(conversation.receive({ id: 1, type: 'stop' })).toEqual([
      { cancel: 0 },
      { send: { id: 1, type: 'complete', payload: null } },
    ]);
    expect(conversation.connection.operationCount).toBe(1);
  });

  it('LW-15, LW-28 are stopped and completed', () => {
    const conversation = ready();
    conversation.receive(start('a'));

    expect(conversation.receive({ id: 'a', type: 'stop' })).toEqual([
      { cancel: 0 },
      { send: { id: 'a', type: 'complete', payload: null } },
    ]);
  });

  it('L2 deliver nothing after a stop', () => {
    const conversation = ready();
    conversation.receive(start('a'));
    conversation.receive({ id: 'a', type: 'stop' });
    const operation = conversation.latest();

    expect(operation.mayDeliver).toBe(false);
    expect(conversation.connection.error(operation, [{ message: 'late' }])).toEqual([]);
    expect(conversation.connection.complete(operation)).toEqual([]);
  });

  it('L3, LW-18 ignore a stop that crosses their complete', () => {
    const conversation = ready();
    conversation.receive(start('a'));
    conversation.connection.complete(conversation.latest());

    expect(conversation.receive({ id: 'a', type: 'stop' })).toEqual([]);
  });

  it('L5, LW-23 are replaced in silence: one terminal message, for the new one', () => {
    const conversation = ready();
    conversation.receive(start('a'));
    const old = conversation.latest();

    expect(conversation.receive(start('a'))).toEqual([{ cancel: 0 }, { start: 1 }]);
    expect(old.mayDeliver).toBe(false);
    expect(conversation.connection.complete(old)).toEqual([]);
    expect(conversation.tell(conversation.connection.complete(conversation.latest()))).toEqual([
      { send: { id: 'a', type: 'complete', payload: null } },
    ]);
  });

  it('L7 have ids that mean nothing on another socket', () => {
    const first = ready();
    first.receive(start('a'));
    first.connection.closed();

    expect(ready().receive(start('a'))).toEqual([{ start: 0 }]);
  });

  it('end with one error as error', () => {
    const conversation = ready();
    conversation.receive(start('a'));

    expect(conversation.connection.error(conversation.latest(), [{ message: 'no' }])).toEqual([
      { kind: 'send', frame: '{"id":"a","type":"error","payload":{"message":"no"}}' },
    ]);
  });

  it('LW-20 end with several errors as data and complete', () => {
    const conversation = ready();
    conversation.receive(start('a'));
    const errors = [{ message: 'one' }, { message: 'two' }];

    expect(conversation.tell(conversation.connection.error(conversation.latest(), errors))).toEqual(
      [
        { send: { id: 'a', type: 'data', payload: { errors } } },
        { send: { id: 'a', type: 'complete', payload: null } },
      ],
    );
  });

  it('end on the wire although JSON cannot hold their errors', () => {
    const conversation = ready();
    conversation.receive(start('a'));
    const extensions = { big: 1n };

    expect(
      conversation.tell(
        conversation.connection.error(conversation.latest(), [
          { message: 'one', extensions },
          { message: 'two', extensions },
        ]),
      )[0],
    ).toEqual({
      send: {
        id: 'a',
        type: 'data',
        payload: { errors: [{ message: 'one' }, { message: 'two' }] },
      },
    });
  });

  it('LW-26 are cancelled by connection_terminate, which closes with 1000', () => {
    const conversation = ready();
    conversation.receive(start('a'));

    expect(conversation.receive({ type: 'connection_terminate', payload: null })).toEqual([
      { cancel: 0 },
      { close: 1000, reason: 'Normal Closure' },
    ]);
  });
});

describe('keep-alive', () => {
  it('LW-6 comes every period until the close', () => {
    const conversation = ready({ keepAliveMs: 5_000, pingAfterMs: Number.POSITIVE_INFINITY });
    const { connection } = conversation;
    const instants: number[] = [];
    while (instants.length < 3) {
      instants.push(connection.deadline);
      expect(conversation.tell(connection.tick(connection.deadline))).toEqual([ka]);
    }
    connection.close(16_000, 'GOING_AWAY');

    expect(instants).toEqual([5_000, 10_000, 15_000]);
    expect(connection.tick(20_000)).toEqual([]);
  });

  it('is absent altogether when it is turned off', () => {
    const conversation = pending({ keepAliveMs: Number.POSITIVE_INFINITY });

    expect(conversation.tell(conversation.connection.accept(0))).toEqual([ack]);
    expect(conversation.connection.deadline).toBe(12_000);
  });

  it('goes together with the WebSocket ping when both are due', () => {
    const conversation = ready();

    expect(conversation.tell(conversation.connection.tick(12_000))).toEqual([ka, { kind: 'ping' }]);
    expect(conversation.tell(conversation.connection.tick(24_000))).toEqual([
      ka,
      { close: 4408, reason: 'Ping timeout' },
    ]);
  });
});

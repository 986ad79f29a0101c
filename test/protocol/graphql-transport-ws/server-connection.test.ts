import { describe, expect, it } from 'vitest';

import type { ServerConnectionOptions } from '../../../src/protocol/connection.ts';
import { ServerConversation } from '../../support/server-conversation.ts';

const invalid = { close: 4400, reason: 'Invalid message received' };

function wait(options?: ServerConnectionOptions): ServerConversation {
  return new ServerConversation('graphql-transport-ws', options);
}

function pending(options?: ServerConnectionOptions): ServerConversation {
  const conversation = wait(options);
  conversation.receive({ type: 'connection_init' });
  return conversation;
}

function ready(options?: ServerConnectionOptions): ServerConversation {
  const conversation = pending(options);
  conversation.connection.accept(0);
  return conversation;
}

function subscribe(id: unknown, more: object = {}): object {
  return { id, type: 'subscribe', payload: { query: '{ a }', ...more } };
}

describe('the init', () => {
  it.each([[{}], [{ payload: null }], [{ payload: {} }]])(
    'TW-6 takes %j for no parameters',
    (more) => {
      expect(wait().receive({ type: 'connection_init', ...more })).toEqual([
        { kind: 'connect', connectionParams: {} },
      ]);
    },
  );

  it('hands the parameters to the connect hook', () => {
    expect(wait().receive({ type: 'connection_init', payload: { token: 't' } })).toEqual([
      { kind: 'connect', connectionParams: { token: 't' } },
    ]);
  });

  it.each([['text'], [7], [[]], [true]])('TW-7 refuses %j as payload', (payload) => {
    expect(wait().receive({ type: 'connection_init', payload })).toEqual([invalid]);
  });

  it('TW-8 closes 4408 at the deadline and not before', () => {
    const { connection } = wait({ initDeadlineMs: 700 });

    expect(connection.deadline).toBe(700);
    expect(connection.tick(699)).toEqual([]);
    expect(connection.tick(700)).toEqual([
      {
        kind: 'close',
        code: 4408,
        reason: 'Connection initialisation timeout',
        error: 'INIT_TIMEOUT',
      },
    ]);
  });

  it('TW-9 has no deadline while the connect hook runs', () => {
    const { connection } = pending({ pingAfterMs: Number.POSITIVE_INFINITY });

    expect(connection.deadline).toBe(Number.POSITIVE_INFINITY);
    expect(connection.tick(1_000_000)).toEqual([]);
  });

  it('acknowledges with the payload of the hook', () => {
    const conversation = pending();

    expect(conversation.tell(conversation.connection.accept(0, { region: 'eu' }))).toEqual([
      { send: { type: 'connection_ack', payload: { region: 'eu' } } },
    ]);
  });

  it('is not acknowledged by a payload that JSON cannot hold', () => {
    const { connection } = pending();

    expect(() => connection.accept(0, { big: 1n })).toThrow(TypeError);
    expect(connection.state).toBe('init-pending');
  });

  it('TW-12 is refused with 4403 and the reason of the refusal', () => {
    const { connection } = pending();

    expect(connection.refuse(0, { reason: 'Banned' })).toEqual([
      { kind: 'close', code: 4403, reason: 'Banned', error: 'FORBIDDEN' },
    ]);
  });

  it('is refused as Forbidden without a reason of its own', () => {
    const conversation = pending();

    expect(conversation.tell(conversation.connection.refuse(0, {}))).toEqual([
      { close: 4403, reason: 'Forbidden' },
    ]);
  });

  it('TW-52 fails with a reason that leaks nothing', () => {
    const conversation = pending();

    expect(conversation.tell(conversation.connection.fail(0))).toEqual([
      { close: 4500, reason: 'Internal server error' },
    ]);
  });

  it('R8 runs the connect hook once when init comes twice', () => {
    expect(pending().receive({ type: 'connection_init' })).toEqual([
      { close: 4429, reason: 'Too many initialisation requests' },
    ]);
  });

  it('R7 has no effect when it comes after the deadline', () => {
    const conversation = wait();
    conversation.connection.tick(5_000);

    expect(conversation.receive({ type: 'connection_init' }, 5_001)).toEqual([]);
  });

  it('R6 is decided before the ack is written, so that a subscribe right behind it runs', () => {
    const conversation = pending();
    const outputs = conversation.connection.accept(0);

    expect(conversation.connection.state).toBe('ready');
    expect(outputs).toHaveLength(1);
    expect(conversation.receive(subscribe('a'))).toEqual([{ start: 0 }]);
  });
});

describe('messages that break the protocol', () => {
  it.each([
    ['TW-18', '{'],
    ['TW-18', ''],
    ['TW-19', '[]'],
    ['TW-19', 'null'],
    ['TW-19', '"ping"'],
    ['TW-19', '7'],
    ['TW-20', '{}'],
    ['TW-20', '{"type":""}'],
    ['TW-20', '{"type":7}'],
    ['TW-20', '{"type":"start"}'],
    ['TW-20', '{"type":"toString"}'],
    ['TW-21', '{"type":"subscribe","payload":{"query":"{ a }"}}'],
    ['TW-21', '{"id":"","type":"subscribe","payload":{"query":"{ a }"}}'],
    ['TW-21', '{"id":1,"type":"subscribe","payload":{"query":"{ a }"}}'],
    ['TW-21', '{"id":"","type":"complete"}'],
    ['TW-22', '{"id":"a","type":"subscribe"}'],
    ['TW-22', '{"id":"a","type":"subscribe","payload":[]}'],
    ['TW-22', '{"id":"a","type":"subscribe","payload":{}}'],
    ['TW-22', '{"id":"a","type":"subscribe","payload":{"query":7}}'],
    ['TW-23', '{"id":"a","type":"subscribe","payload":{"query":"q","variables":[]}}'],
    ['TW-23', '{"id":"a","type":"subscribe","payload":{"query":"q","variables":"v"}}'],
    ['TW-23', '{"id":"a","type":"subscribe","payload":{"query":"q","extensions":1}}'],
    ['TW-23', '{"id":"a","type":"subscribe","payload":{"query":"q","operationName":{}}}'],
    ['TW-24', '{"type":"connection_ack"}'],
    ['TW-24', '{"id":"a","type":"next","payload":{}}'],
    ['TW-24', '{"id":"a","type":"error","payload":[{"message":"m"}]}'],
    ['the type of ping payloads', '{"type":"ping","payload":[]}'],
    ['the type of pong payloads', '{"type":"pong","payload":"p"}'],
    ['byte order marks', '\uFEFF{"type":"ping"}'],
  ])('%s: %s closes 4400', (_statement, frame) => {
    expect(ready().receiveFrame(frame)).toEqual([invalid]);
  });

  it('TW-53 reads binary like text', () => {
    const encoder = new TextEncoder();
    const conversation = ready();

    expect(conversation.receiveFrame(encoder.encode('{"type":"ping"}'))).toEqual([
      { send: { type: 'pong' } },
    ]);
    expect(conversation.receiveFrame(encoder.encode('\uFEFF{"type":"ping"}'))).toEqual([invalid]);
  });

  it('TW-53 closes 4400 for binary that is not UTF-8', () => {
    expect(ready().receiveFrame(new Uint8Array([0x22, 0xc0, 0x22]))).toEqual([invalid]);
  });

  it('TW-13 closes 4401 for a subscribe before init', () => {
    expect(wait().receive(subscribe('a'))).toEqual([{ close: 4401, reason: 'Unauthorized' }]);
  });

  it('cancels what runs before it closes', () => {
    const conversation = ready();
    conversation.receive(subscribe('a'));
    conversation.receive(subscribe('b'));

    expect(conversation.receiveFrame('{')).toEqual([{ cancel: 0 }, { cancel: 1 }, invalid]);
    expect(conversation.started.map((operation) => operation.mayDeliver)).toEqual([false, false]);
    expect(conversation.connection.operationCount).toBe(0);
  });
});

describe('requests', () => {
  it('TW-23 drops members that are null and TW-25 members that it does not know', () => {
    const conversation = ready();
    const [output] = conversation.connection.receive(
      JSON.stringify({
        ...subscribe('a', { variables: null, extensions: null, operationName: null, more: 1 }),
        unknown: true,
      }),
      0,
    );

    expect(output).toEqual({
      kind: 'start',
      operation: expect.objectContaining({ id: 'a', mayDeliver: true }),
      request: { query: '{ a }' },
    });
  });

  it('keeps every member that says something', () => {
    const payload =
      '{"query":"","operationName":"A","variables":{"__proto__":1},"extensions":{"e":1}}';
    const [output] = ready().connection.receive(
      `{"id":"a","type":"subscribe","payload":${payload}}`,
      0,
    );

    expect(output?.kind === 'start' && JSON.stringify(output.request)).toBe(payload);
  });
});

describe('operations', () => {
  it('TW-29 writes results around the text of the payload', () => {
    const conversation = ready();
    conversation.receive(subscribe('say "hi"'));
    const { id } = conversation.latest();

    expect(conversation.connection.encodeResult(id, '{"data":null}')).toBe(
      '{"id":"say \\"hi\\"","type":"next","payload":{"data":null}}',
    );
  });

  it('writes id, type and payload in this order', () => {
    const conversation = ready();
    conversation.receive(subscribe('a'));

    expect(conversation.connection.error(conversation.latest(), [{ message: 'no' }])).toEqual([
      { kind: 'send', frame: '{"id":"a","type":"error","payload":[{"message":"no"}]}' },
    ]);
  });

  it.each([
    ['a bigint', { code: 1n }],
    ['a toJSON that throws', { code: { toJSON: () => JSON.parse('{') as unknown } }],
  ])('end on the wire although JSON cannot hold %s in the errors', (_what, extensions) => {
    const conversation = ready();
    conversation.receive(subscribe('a'));
    const outputs = conversation.connection.error(conversation.latest(), [
      { message: 'no', extensions },
    ]);

    expect(conversation.tell(outputs)).toEqual([
      { send: { id: 'a', type: 'error', payload: [{ message: 'no' }] } },
    ]);
  });

  it('R1, TW-38 deliver nothing from the moment the client completes', () => {
    const conversation = ready();
    conversation.receive(subscribe('a'));
    const operation = conversation.latest();

    expect(operation.mayDeliver).toBe(true);
    expect(conversation.receive({ id: 'a', type: 'complete' })).toEqual([{ cancel: 0 }]);
    expect(operation.mayDeliver).toBe(false);
  });

  it('R2 ignore a complete that crosses ours', () => {
    const conversation = ready();
    conversation.receive(subscribe('a'));
    const operation = conversation.latest();

    expect(conversation.tell(conversation.connection.complete(operation))).toEqual([
      { send: { id: 'a', type: 'complete' } },
    ]);
    expect(conversation.receive({ id: 'a', type: 'complete' })).toEqual([]);
  });

  it('R3 say nothing when they were cancelled while they were prepared', () => {
    const conversation = ready();
    conversation.receive(subscribe('a'));
    const operation = conversation.latest();
    conversation.receive({ id: 'a', type: 'complete' });

    expect(conversation.connection.error(operation, [{ message: 'late' }])).toEqual([]);
    expect(conversation.connection.complete(operation)).toEqual([]);
  });

  it('R4, TW-46 do not disturb a successor that has their id', () => {
    const conversation = ready();
    conversation.receive(subscribe('a'));
    const first = conversation.latest();
    conversation.receive({ id: 'a', type: 'complete' });
    conversation.receive(subscribe('a'));
    const second = conversation.latest();

    expect(conversation.connection.complete(first)).toEqual([]);
    expect(conversation.connection.error(first, [{ message: 'late' }])).toEqual([]);
    expect(second.mayDeliver).toBe(true);
    expect(conversation.receive({ id: 'a', type: 'complete' })).toEqual([{ cancel: 1 }]);
  });

  it('R5, TW-51 say nothing when the socket closed while they were prepared', () => {
    const conversation = ready();
    conversation.receive(subscribe('a'));

    expect(conversation.tell(conversation.connection.closed())).toEqual([{ cancel: 0 }]);
    expect(conversation.connection.complete(conversation.latest())).toEqual([]);
    expect(conversation.connection.closed()).toEqual([]);
  });

  it('R9, TW-56 are cancelled before the server goes away with 1001', () => {
    const conversation = ready();
    conversation.receive(subscribe('a'));

    expect(conversation.tell(conversation.connection.close(0, 'GOING_AWAY'))).toEqual([
      { cancel: 0 },
      { close: 1001, reason: 'Going away' },
    ]);
  });

  it('R10 that arrive behind the close are not started', () => {
    const conversation = ready();
    conversation.connection.close(0, 'NORMAL_CLOSURE');

    expect(conversation.receive(subscribe('a'))).toEqual([]);
    expect(conversation.connection.operationCount).toBe(0);
  });

  it('TW-42 with an id in use close the connection with 4409', () => {
    const conversation = ready();
    conversation.receive(subscribe('a'));

    expect(conversation.receive(subscribe('a'))).toEqual([
      { cancel: 0 },
      { close: 4409, reason: 'Subscriber for a already exists' },
    ]);
  });

  it('TW-49 with a long id in use close with a reason of at most 123 bytes', () => {
    const conversation = ready();
    const id = '😀'.repeat(5_000);
    conversation.receive(subscribe(id));

    // 15 bytes before the id leave 108, which is 27 times 4.
    expect(conversation.receive(subscribe(id)).at(-1)).toEqual({
      close: 4409,
      reason: `Subscriber for ${'😀'.repeat(27)}`,
    });
  });

  it.each([
    ['constructor'],
    ['__proto__'],
    ['toString'],
    ['x'.repeat(10_000)],
    ['ключ 😀'],
    ['\uD800'],
  ])('TW-48 may have an id like %.20s', (id) => {
    const conversation = ready();

    expect(conversation.receive(subscribe(id))).toEqual([{ start: 0 }]);
    expect(conversation.receive({ id, type: 'complete' })).toEqual([{ cancel: 0 }]);
    expect(conversation.receive(subscribe(id))).toEqual([{ start: 1 }]);
    expect(conversation.tell(conversation.connection.complete(conversation.latest()))).toEqual([
      { send: { id, type: 'complete' } },
    ]);
    expect(conversation.connection.idBytes).toBe(0);
  });

  it('are counted, and the bytes of their ids are', () => {
    const { connection } = ready();
    connection.receive(JSON.stringify(subscribe('é')), 0);
    connection.receive(JSON.stringify(subscribe('abc')), 0);

    expect(connection.operationCount).toBe(2);
    expect(connection.idBytes).toBe(5);
    connection.receive('{"id":"é","type":"complete"}', 0);
    expect(connection.operationCount).toBe(1);
    expect(connection.idBytes).toBe(3);
  });
});

describe('pings of the client', () => {
  it.each([[wait], [pending], [ready]])('TW-15 are answered in every state (%o)', (reach) => {
    expect(reach().receive({ type: 'ping' })).toEqual([{ send: { type: 'pong' } }]);
  });

  it('TW-16 have their payload echoed', () => {
    expect(ready().receive({ type: 'ping', payload: { at: 7 } })).toEqual([
      { send: { type: 'pong', payload: { at: 7 } } },
    ]);
  });

  it.each([
    ['before the init', wait],
    ['while the connect hook runs', pending],
  ])('never have credentials echoed %s, and renew nothing', (_, reach) => {
    expect(reach().receive({ type: 'ping', payload: { auth: { token: 't' }, at: 7 } })).toEqual([
      { send: { type: 'pong', payload: { at: 7 } } },
    ]);
  });

  it.each(['t', 7, null, ['t']])('never have credentials echoed that are no object: %j', (auth) => {
    expect(ready().receive({ type: 'ping', payload: { auth, at: 7 } })).toEqual([
      { send: { type: 'pong', payload: { at: 7 } } },
    ]);
  });

  it('with credentials renew the session, and are answered without them', () => {
    const conversation = ready();
    const payload = { auth: { token: 't' }, at: 7, extensions: { trace: 'x' } };

    expect(conversation.receive({ type: 'ping', payload })).toEqual([
      {
        kind: 'renew',
        connectionParams: { token: 't' },
        echo: { at: 7, extensions: { trace: 'x' } },
      },
    ]);
    expect(conversation.connection.renewed({ at: 7, extensions: { trace: 'x' } }, 1_000.9)).toEqual(
      [
        {
          kind: 'send',
          frame:
            '{"type":"pong","payload":{"at":7,"extensions":{"trace":"x","session":{"expiresInMs":1000}}}}',
        },
      ],
    );
  });

  it('with credentials count as control messages', () => {
    const conversation = ready({ controlMessagesPerSecond: 1, controlMessageBurst: 1 });
    const ping = { type: 'ping', payload: { auth: {} } };
    conversation.receive(ping);

    expect(conversation.receive(ping)).toEqual([
      { close: 4400, reason: 'Too many control messages' },
    ]);
  });

  it('are answered without payload if it is nested too deep to be written', () => {
    const deep = `${'{"a":'.repeat(12_000)}1${'}'.repeat(12_000)}`;

    expect(ready().receiveFrame(`{"type":"ping","payload":${deep}}`)).toEqual([
      { send: { type: 'pong' } },
    ]);
  });
});

describe('control messages', () => {
  const limits = { controlMessagesPerSecond: 2, controlMessageBurst: 3 };
  const tooMany = { close: 4400, reason: 'Too many control messages' };

  it.each([
    ['pings', { type: 'ping' }],
    ['pongs', { type: 'pong' }],
    ['completes for unknown ids', { id: 'x', type: 'complete' }],
  ])('close the connection when there are too many %s', (_what, message) => {
    const conversation = ready(limits);
    for (let i = 0; i < 3; i++) expect(conversation.receive(message)).not.toContainEqual(tooMany);

    expect(conversation.receive(message)).toEqual([tooMany]);
  });

  it('may go on for ever at the permitted rate', () => {
    const conversation = ready(limits);
    for (let i = 0; i < 1_000; i++) {
      expect(conversation.receive({ type: 'pong' }, i * 500)).toEqual([]);
    }
  });

  it('do not include one late complete for each operation that we ended', () => {
    const conversation = ready(limits);
    for (let i = 0; i < 50; i++) {
      conversation.receive(subscribe(`q${i}`));
      conversation.connection.complete(conversation.latest());
    }
    for (let i = 0; i < 50; i++) {
      expect(conversation.receive({ id: `q${i}`, type: 'complete' })).toEqual([]);
    }
    expect(conversation.connection.state).toBe('ready');
  });

  it('do not include completes that stop something', () => {
    const conversation = ready(limits);
    for (let i = 0; i < 50; i++) {
      conversation.receive(subscribe('a'));
      expect(conversation.receive({ id: 'a', type: 'complete' })).toEqual([{ cancel: i }]);
    }
  });
});

describe('a silent peer', () => {
  it('is pinged after 12 s and closed with 4408 after another 12 s', () => {
    const { connection } = ready();

    expect(connection.deadline).toBe(12_000);
    expect(connection.tick(11_999)).toEqual([]);
    expect(connection.tick(12_000)).toEqual([{ kind: 'ping' }]);
    expect(connection.deadline).toBe(24_000);
    expect(connection.tick(24_000)).toEqual([
      { kind: 'close', code: 4408, reason: 'Ping timeout', error: 'PING_TIMEOUT' },
    ]);
  });

  it('WS-20 is destroyed 1 s later', () => {
    const { connection } = ready();
    connection.tick(12_000);
    connection.tick(24_000);

    expect(connection.deadline).toBe(25_000);
    expect(connection.tick(25_000)).toEqual([{ kind: 'destroy' }]);
    expect(connection.deadline).toBe(Number.POSITIVE_INFINITY);
  });

  it('lives on when a WebSocket pong is heard', () => {
    const { connection } = ready();
    connection.tick(12_000);
    connection.heard(13_000);

    expect(connection.tick(24_999)).toEqual([]);
    expect(connection.tick(25_000)).toEqual([{ kind: 'ping' }]);
  });

  it('lives on when any message comes', () => {
    const conversation = ready();
    conversation.connection.tick(12_000);
    conversation.receive({ type: 'pong' }, 23_999);

    expect(conversation.connection.deadline).toBe(35_999);
  });

  it('gets its whole time to answer although we pinged late', () => {
    const { connection } = ready();

    expect(connection.tick(60_000)).toEqual([{ kind: 'ping' }]);
    expect(connection.tick(71_999)).toEqual([]);
  });
});

describe('closing', () => {
  it('WS-21 destroys the socket when the close is not answered in 5 s', () => {
    const { connection } = ready();
    connection.close(100, 'SERVICE_RESTART');

    expect(connection.deadline).toBe(5_100);
    expect(connection.tick(5_099)).toEqual([]);
    expect(connection.tick(5_100)).toEqual([{ kind: 'destroy' }]);
    expect(connection.tick(9_999)).toEqual([]);
  });

  it('waits only 1 s for a peer that does not read', () => {
    const { connection } = ready();
    connection.close(0, 'SLOW_CONSUMER');

    expect(connection.deadline).toBe(1_000);
  });

  it('takes a reason of the caller, cut to 123 bytes', () => {
    const conversation = ready();

    expect(
      conversation.tell(conversation.connection.close(0, 'FORBIDDEN', 'é'.repeat(100))),
    ).toEqual([{ close: 4403, reason: 'é'.repeat(61) }]);
  });

  it('is over, with no deadline, once the socket is gone', () => {
    const { connection } = ready();
    connection.close(0, 'GOING_AWAY');
    connection.closed();

    expect(connection.state).toBe('closed');
    expect(connection.deadline).toBe(Number.POSITIVE_INFINITY);
  });
});

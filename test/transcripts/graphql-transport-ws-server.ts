import { refuse } from 'millrace/server';

import type { Step, Transcripts } from './server-transcript.ts';

const init: Step = { client: { type: 'connection_init' } };
const ack: Step = { server: { type: 'connection_ack' } };
const ready: readonly Step[] = [init, ack];

const subscribe = (id: unknown, query: unknown, more: object = {}): Step => ({
  client: { id, type: 'subscribe', payload: { query, ...more } },
});
const next = (id: unknown, data: unknown, more: object = {}): Step => ({
  server: { id, type: 'next', payload: { data, ...more } },
});
const completed = (id: unknown): Step => ({ server: { id, type: 'complete' } });
const cancel = (id: unknown): Step => ({ client: { id, type: 'complete' } });

/** An `error` message whose errors have these messages, whatever else they carry. */
const failed = (id: string, ...messages: readonly string[]): Step => ({
  server: {
    id,
    type: 'error',
    payload: messages.map((message) => expectObject({ message })),
  },
});

/** A probe that shows that the connection still works. */
const alive: readonly Step[] = [
  subscribe('alive', '{ hello }'),
  next('alive', { hello: 'world' }),
  completed('alive'),
];

const roomQuery = 'subscription ($room: ID!) { message(room: $room) { text } }';
const listen = (id: string, room: string): Step =>
  subscribe(id, roomQuery, { variables: { room } });

const slowConnect = { onConnect: () => new Promise<object>(() => {}) };
const invalid: Step = { close: 4400, reason: 'Invalid message received' };

/** An asymmetric matcher without a dependency of this data file on the test runner. */
function expectObject(expected: object): unknown {
  return {
    asymmetricMatch: (actual: unknown) =>
      Object.entries(expected).every(
        ([name, value]) =>
          typeof actual === 'object' && actual !== null && Reflect.get(actual, name) === value,
      ),
    toString: () => `object with ${JSON.stringify(expected)}`,
  };
}

/** Server statements of the graphql-transport-ws reference that are conversations on an open socket. */
export const graphqlTransportWsServer = {
  'TW-5': {
    says: 'an accepted init is acknowledged exactly once',
    steps: [...ready, { quiet: true }],
  },
  'TW-6': [
    { says: 'accepts an init without payload', steps: ready },
    {
      says: 'accepts an empty payload',
      steps: [{ client: { type: 'connection_init', payload: {} } }, ack],
    },
    {
      says: 'accepts a payload',
      steps: [{ client: { type: 'connection_init', payload: { token: 't' } } }, ack],
    },
    {
      says: 'accepts a null payload',
      steps: [{ client: { type: 'connection_init', payload: null } }, ack],
    },
  ],
  'TW-7': ['text', 7, ['x']].map((payload) => ({
    says: `refuses the init payload ${JSON.stringify(payload)}`,
    steps: [{ client: { type: 'connection_init', payload } }, invalid],
  })),
  'TW-8': {
    says: 'closes 4408 when no init comes within the deadline',
    steps: [
      { afterMs: 4_900 },
      { quiet: true },
      { afterMs: 200 },
      { close: 4408, reason: 'Connection initialisation timeout' },
    ],
  },
  'TW-9': {
    says: 'a slow connect hook is no late init',
    options: slowConnect,
    steps: [init, { afterMs: 11_000 }, { quiet: true }],
  },
  'TW-10': {
    says: 'closes 4429 on a second init after the ack',
    steps: [...ready, init, { close: 4429, reason: 'Too many initialisation requests' }],
  },
  'TW-11': {
    says: 'closes 4429 on a second init while the first is pending',
    options: slowConnect,
    steps: [init, init, { close: 4429, reason: 'Too many initialisation requests' }],
  },
  'TW-12': [
    {
      says: 'closes 4403 without ack when the hook returns false',
      options: { onConnect: () => false },
      steps: [init, { close: 4403, reason: 'Forbidden' }],
    },
    {
      says: 'closes 4403 with the reason of the refusal',
      options: { onConnect: () => refuse({ reason: 'Token expired' }) },
      steps: [init, { close: 4403, reason: 'Token expired' }],
    },
  ],
  'TW-13': {
    says: 'closes 4401 on subscribe before init',
    steps: [subscribe('1', '{ hello }'), { close: 4401, reason: 'Unauthorized' }],
  },
  'TW-14': {
    says: 'closes 4401 on subscribe while init is pending',
    options: slowConnect,
    steps: [init, subscribe('1', '{ hello }'), { close: 4401, reason: 'Unauthorized' }],
  },
  'TW-15': [
    {
      says: 'answers ping before init',
      steps: [{ client: { type: 'ping' } }, { server: { type: 'pong' } }],
    },
    {
      says: 'answers ping while init is pending',
      options: slowConnect,
      steps: [init, { client: { type: 'ping' } }, { server: { type: 'pong' } }],
    },
    {
      says: 'answers ping after the ack',
      steps: [...ready, { client: { type: 'ping' } }, { server: { type: 'pong' } }],
    },
  ],
  'TW-16': [
    {
      says: 'echoes the payload of a ping',
      steps: [
        ...ready,
        { client: { type: 'ping', payload: { n: 1 } } },
        { server: { type: 'pong', payload: { n: 1 } } },
      ],
    },
    {
      says: 'never echoes a credential',
      steps: [
        ...ready,
        { client: { type: 'ping', payload: { n: 1, auth: 'secret' } } },
        { server: { type: 'pong', payload: { n: 1 } } },
      ],
    },
  ],
  'TW-17': {
    says: 'accepts an unsolicited pong silently',
    steps: [
      { client: { type: 'pong', payload: {} } },
      ...ready,
      { client: { type: 'pong' } },
      { quiet: true },
      ...alive,
    ],
  },
  'TW-18': ['{', '', 'hello'].map((raw) => ({
    says: `closes 4400 on the text ${JSON.stringify(raw)}`,
    steps: [...ready, { raw }, invalid],
  })),
  'TW-19': ['[]', '"text"', '7', 'null', 'true'].map((raw) => ({
    says: `closes 4400 on the JSON ${raw}`,
    steps: [...ready, { raw }, invalid],
  })),
  'TW-20': [
    {},
    { type: '' },
    { type: 7 },
    { type: null },
    { type: 'start' },
    { type: '__proto__' },
  ].map((client) => ({
    says: `closes 4400 on ${JSON.stringify(client)}`,
    steps: [...ready, { client }, invalid],
  })),
  'TW-21': [undefined, '', 7, null, {}].map((id) => ({
    says: `closes 4400 on the id ${JSON.stringify(id)}`,
    steps: [...ready, subscribe(id, '{ hello }'), invalid],
  })),
  'TW-22': [undefined, null, [], 'text', {}, { query: 7 }, { query: null }].map((payload) => ({
    says: `closes 4400 on the payload ${JSON.stringify(payload)}`,
    steps: [...ready, { client: { id: '1', type: 'subscribe', payload } }, invalid],
  })),
  'TW-23': [
    ...[
      { variables: [] },
      { variables: 'x' },
      { extensions: [] },
      { extensions: 7 },
      { operationName: 7 },
    ].map((more) => ({
      says: `closes 4400 on ${JSON.stringify(more)}`,
      steps: [...ready, subscribe('1', '{ hello }', more), invalid],
    })),
    {
      says: 'takes null for absent',
      steps: [
        ...ready,
        subscribe('1', '{ hello }', { variables: null, extensions: null, operationName: null }),
        next('1', { hello: 'world' }),
        completed('1'),
      ],
    },
  ],
  'TW-24': ['connection_ack', 'next', 'error'].map((type) => ({
    says: `closes 4400 on ${type} from a client`,
    steps: [
      ...ready,
      { client: { id: '1', type, payload: type === 'error' ? [{ message: 'x' }] : {} } },
      invalid,
    ],
  })),
  'TW-25': {
    says: 'ignores members that it does not know',
    steps: [
      { client: { type: 'connection_init', extra: 1 } },
      ack,
      {
        client: {
          id: '1',
          type: 'subscribe',
          extra: [],
          payload: { query: '{ hello }', context: 1 },
        },
      },
      next('1', { hello: 'world' }),
      completed('1'),
    ],
  },
  'TW-26': {
    says: 'answers a query with one next and complete',
    steps: [
      ...ready,
      subscribe('q', '{ hello }'),
      next('q', { hello: 'world' }),
      completed('q'),
      { quiet: true },
    ],
  },
  'TW-27': {
    says: 'answers a mutation with one next and complete',
    steps: [
      ...ready,
      subscribe('m', 'mutation { post(room: "a", text: "x") }'),
      next('m', { post: true }),
      completed('m'),
      { quiet: true },
    ],
  },
  'TW-28': {
    says: 'delivers each event in order and completes when the source ends',
    steps: [
      ...ready,
      subscribe('s', 'subscription { countdown(from: 3) }'),
      next('s', { countdown: 3 }),
      next('s', { countdown: 2 }),
      next('s', { countdown: 1 }),
      completed('s'),
      { openSources: 0 },
    ],
  },
  'TW-29': [
    {
      says: 'next and complete carry the id',
      steps: [
        ...ready,
        subscribe('é✓', '{ hello }'),
        next('é✓', { hello: 'world' }),
        completed('é✓'),
      ],
    },
    {
      says: 'error carries the id',
      steps: [
        ...ready,
        subscribe('x', '{'),
        failed('x', 'Syntax Error: Expected Name, found <EOF>.'),
      ],
    },
  ],
  'TW-30': {
    says: 'a slow operation does not delay another',
    steps: [
      ...ready,
      subscribe('slow', '{ slow }'),
      subscribe('fast', '{ hello }'),
      next('fast', { hello: 'world' }),
      completed('fast'),
      { release: 'slow' },
      next('slow', { slow: 'late' }),
      completed('slow'),
    ],
  },
  'TW-31': {
    says: 'a validation error is an error message and nothing else',
    steps: [
      ...ready,
      subscribe('1', '{ nope }'),
      failed('1', 'Cannot query field "nope" on type "Query".'),
      { quiet: true },
      ...alive,
    ],
  },
  'TW-32': {
    says: 'a syntax error ends its operation alone',
    steps: [
      ...ready,
      listen('s', 'a'),
      subscribe('1', '{ hello'),
      failed('1', 'Syntax Error: Expected Name, found <EOF>.'),
      { publish: 'still here', to: 'a' },
      next('s', { message: { text: 'still here' } }),
      ...alive,
    ],
  },
  'TW-33': [
    {
      says: 'an unknown operation name is an error',
      steps: [
        ...ready,
        subscribe('1', 'query A { hello }', { operationName: 'B' }),
        failed('1', 'Unknown operation named "B".'),
        ...alive,
      ],
    },
    {
      says: 'an ambiguous operation is an error',
      steps: [
        ...ready,
        subscribe('1', 'query A { hello } query B { hello }'),
        failed('1', 'Must provide operation name if query contains multiple operations.'),
        ...alive,
      ],
    },
  ],
  'TW-34': {
    says: 'variables that cannot be coerced are one error',
    steps: [
      ...ready,
      subscribe('1', 'query ($n: Int!) { double(n: $n) }', { variables: { n: 'many' } }),
      {
        server: {
          id: '1',
          type: 'error',
          payload: [expectObject({})],
        },
      },
      { quiet: true },
      ...alive,
    ],
  },
  'TW-35': {
    says: 'an execution error comes with data in next',
    steps: [
      ...ready,
      subscribe('1', '{ hello fails }'),
      {
        server: {
          id: '1',
          type: 'next',
          payload: {
            data: { hello: 'world', fails: null },
            errors: [expectObject({ message: 'lookup failed' })],
          },
        },
      },
      completed('1'),
    ],
  },
  'TW-36': {
    says: 'an error in one event does not end the subscription',
    steps: [
      ...ready,
      subscribe('1', 'subscription { flaky }'),
      next('1', { flaky: 1 }),
      next('1', { flaky: null }, { errors: [expectObject({ message: 'flaky' })] }),
      next('1', { flaky: 3 }),
      completed('1'),
    ],
  },
  'TW-37': {
    says: 'a failing source is an error without complete, and leaks nothing',
    steps: [
      ...ready,
      listen('other', 'a'),
      subscribe('1', 'subscription { breaks }'),
      next('1', { breaks: 1 }),
      failed('1', 'Internal server error'),
      { quiet: true },
      { publish: 'unaffected', to: 'a' },
      next('other', { message: { text: 'unaffected' } }),
    ],
  },
  'TW-38': {
    says: 'nothing follows the complete of the client',
    steps: [
      ...ready,
      listen('1', 'a'),
      cancel('1'),
      { openSources: 0 },
      { publish: 'x', to: 'a' },
      { quiet: true },
    ],
  },
  'TW-39': {
    says: 'the result of a cancelled query is not sent',
    steps: [
      ...ready,
      subscribe('1', '{ slow }'),
      cancel('1'),
      { release: 'slow' },
      { quiet: true },
      ...alive,
    ],
  },
  'TW-40': {
    says: 'the complete of the client stops the source',
    steps: [...ready, listen('1', 'a'), { openSources: 1 }, cancel('1'), { openSources: 0 }],
  },
  'TW-41': {
    says: 'the complete of the client is not answered',
    steps: [...ready, listen('1', 'a'), cancel('1'), { quiet: true }],
  },
  'TW-42': {
    says: 'a duplicate id of a subscription closes 4409',
    steps: [
      ...ready,
      listen('1', 'a'),
      listen('1', 'a'),
      { close: 4409, reason: 'Subscriber for 1 already exists' },
      { openSources: 0 },
    ],
  },
  'TW-43': {
    says: 'a duplicate id of a running query closes 4409',
    steps: [
      ...ready,
      subscribe('1', '{ slow }'),
      subscribe('1', '{ hello }'),
      { close: 4409, reason: 'Subscriber for 1 already exists' },
    ],
  },
  'TW-44': {
    says: 'a duplicate id of an operation in preparation closes 4409',
    options: { onSubscribe: () => new Promise<void>(() => {}) },
    steps: [
      ...ready,
      subscribe('1', '{ hello }'),
      subscribe('1', '{ hello }'),
      { close: 4409, reason: 'Subscriber for 1 already exists' },
    ],
  },
  'TW-45': [
    {
      says: 'an id is free after the complete of the server',
      steps: [...ready, ...alive, ...alive],
    },
    {
      says: 'an id is free after error',
      steps: [
        ...ready,
        subscribe('1', '{'),
        failed('1', 'Syntax Error: Expected Name, found <EOF>.'),
        subscribe('1', '{ hello }'),
        next('1', { hello: 'world' }),
        completed('1'),
      ],
    },
    {
      says: 'an id is free after the complete of the client',
      steps: [
        ...ready,
        listen('1', 'a'),
        cancel('1'),
        subscribe('1', '{ hello }'),
        next('1', { hello: 'world' }),
        completed('1'),
      ],
    },
  ],
  'TW-46': {
    says: 'a re-used id gets the new result alone',
    steps: [
      ...ready,
      subscribe('1', '{ slow }'),
      cancel('1'),
      subscribe('1', 'subscription { countdown(from: 1) }'),
      { release: 'slow' },
      next('1', { countdown: 1 }),
      completed('1'),
      { quiet: true },
    ],
  },
  'TW-47': {
    says: 'complete for an unknown id is ignored',
    steps: [...ready, cancel('nobody'), { quiet: true }, ...alive],
  },
  'TW-48': ['constructor', '__proto__', 'toString', 'x'.repeat(10_000), 'Straße ✓ 🚰', ' '].map(
    (id) => ({
      says: `the id ${id.slice(0, 20)} is like any id`,
      steps: [
        ...ready,
        listen(id, 'a'),
        { openSources: 1 },
        { publish: 'x', to: 'a' },
        next(id, { message: { text: 'x' } }),
        cancel(id),
        { openSources: 0 },
        subscribe(id, '{ hello }'),
        next(id, { hello: 'world' }),
        completed(id),
      ],
    }),
  ),
  'TW-49': ['✓'.repeat(100), 'y'.repeat(10_000)].map((id) => ({
    says: `the close reason for the id ${id.slice(0, 3)}… has at most 123 bytes`,
    steps: [
      ...ready,
      subscribe(id, '{ slow }'),
      subscribe(id, '{ slow }'),
      {
        close: 4409,
        reason: `Subscriber for ${id.startsWith('✓') ? '✓'.repeat(36) : 'y'.repeat(108)}`,
      },
    ],
  })),
  'TW-50': {
    says: 'a socket that its client closes leaves no source behind',
    steps: [
      ...ready,
      listen('1', 'a'),
      listen('2', 'b'),
      { openSources: 2 },
      { clientCloses: 1000 },
      { openSources: 0 },
    ],
  },
  'TW-51': {
    says: 'a source that is created after the socket closed is closed at once',
    steps: [
      ...ready,
      subscribe('1', 'subscription { slowStart }'),
      { quiet: true },
      { clientCloses: 1000 },
      { release: 'slowStart' },
      { openSources: 0 },
    ],
  },
  'TW-52': {
    says: 'a connect hook that throws closes 4500 and leaks nothing',
    options: {
      onConnect: () => {
        throw new Error('database password is hunter2');
      },
    },
    steps: [init, { close: 4500, reason: 'Internal server error' }],
  },
  'TW-53': [
    {
      says: 'JSON in a binary message is treated like text',
      steps: [{ raw: new TextEncoder().encode('{"type":"connection_init"}') }, ack, ...alive],
    },
    {
      says: 'binary that is no UTF-8 closes 4400',
      steps: [...ready, { raw: new Uint8Array([0xc3, 0x28]) }, invalid],
    },
  ],
  'TW-54': {
    says: 'a result without errors has no member errors',
    steps: [
      ...ready,
      subscribe('1', '{ echo(text: "x") }'),
      next('1', { echo: 'x' }),
      completed('1'),
    ],
  },
} as const satisfies Transcripts;

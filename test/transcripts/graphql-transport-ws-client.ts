import type { Outcome, Step, Transcript, Transcripts } from './client-transcript.ts';

const init: Outcome = { send: { type: 'connection_init' } };
const ack: Step = { server: { type: 'connection_ack' } };
const connected: Outcome = { connected: undefined };

const opened: readonly Step[] = [{ opens: 'graphql-transport-ws' }, { expect: ['initialise'] }];
const waiting: readonly Step[] = [
  ...opened,
  { initialise: 'without parameters' },
  { expect: [init] },
];
const ready: readonly Step[] = [...waiting, ack, { expect: [connected] }];

const sent = (id: string, query: string): Outcome => ({
  send: { id, type: 'subscribe', payload: { query } },
});
const next = (id: string, payload: unknown): Step => ({ server: { id, type: 'next', payload } });
const completed = (id: string): Step => ({ server: { id, type: 'complete' } });
const failed = (id: string, payload: unknown): Step => ({ server: { id, type: 'error', payload } });
const lost = (name: string, code: number, retryable: boolean): Outcome => ({
  lost: name,
  code,
  retryable,
});

/** One operation `a`, active under the id 1. */
const active: readonly Step[] = [
  ...ready,
  { subscribe: 'a' },
  { expect: [sent('1', 'subscription { a }')] },
];

const refusesMessage = (says: string, message: Step): Transcript => ({
  says: `closes with a 4xxx code on ${says}`,
  steps: [...active, message, { expect: [lost('a', 4004, false), { close: 4004 }] }],
});

const closesWith = (code: number, retryable: boolean): Transcript => ({
  says: `after close ${code} operations are ${retryable ? 'retryable' : 'not retryable'}`,
  steps: [...active, { socketCloses: code }, { expect: [lost('a', code, retryable)] }],
});

/** Client statements of the graphql-transport-ws reference. */
export const graphqlTransportWsClient = {
  'TW-60': { says: 'offers the subprotocol', steps: [{ offers: 'graphql-transport-ws' }] },
  'TW-61': [
    {
      says: 'sends connection_init as its first message right after open',
      steps: [
        { subscribe: 'early' },
        ...opened,
        { initialise: { token: 't0k3n' } },
        { expect: [{ send: { type: 'connection_init', payload: { token: 't0k3n' } } }] },
      ],
    },
    {
      says: 'leaves the payload out when there are no parameters',
      steps: waiting,
    },
  ],
  'TW-62': {
    says: 'sends no subscribe before the ack',
    steps: [
      { subscribe: 'a' },
      ...opened,
      { subscribe: 'b' },
      ...waiting.slice(2),
      { subscribe: 'c' },
    ],
  },
  'TW-63': {
    says: 'queues operations that start early and sends them after the ack, in order',
    steps: [
      { subscribe: 'a' },
      ...opened,
      { subscribe: 'b' },
      ...waiting.slice(2),
      { subscribe: 'c' },
      ack,
      {
        expect: [
          connected,
          sent('1', 'subscription { a }'),
          sent('2', 'subscription { b }'),
          sent('3', 'subscription { c }'),
        ],
      },
    ],
  },
  'TW-64': [
    {
      says: 'answers ping with pong before and after the ack',
      steps: [
        ...opened,
        { server: { type: 'ping' } },
        { expect: [{ send: { type: 'pong' } }] },
        ...waiting.slice(2),
        { server: { type: 'ping' } },
        { expect: [{ send: { type: 'pong' } }] },
        ack,
        { expect: [connected] },
        { server: { type: 'ping' } },
        { expect: [{ send: { type: 'pong' } }] },
      ],
    },
    {
      says: 'answers a ping with a payload, but does not echo that',
      steps: [
        ...ready,
        { server: { type: 'ping', payload: { at: 7 } } },
        { expect: [{ send: { type: 'pong' } }] },
        { server: { type: 'ping', payload: null } },
        { expect: [{ send: { type: 'pong' } }] },
      ],
    },
  ],
  'TW-65': {
    says: 'does not answer pong',
    steps: [
      ...waiting,
      { server: { type: 'pong', payload: {} } },
      ack,
      { expect: [connected] },
      { server: { type: 'pong' } },
    ],
  },
  'TW-66': {
    says: 'uses ids that are unique on the connection, also after operations ended',
    steps: [
      ...active,
      completed('1'),
      { expect: [{ complete: 'a' }] },
      { subscribe: 'b' },
      { expect: [sent('2', 'subscription { b }')] },
      { cancel: 'b' },
      { expect: [{ send: { id: '2', type: 'complete' } }] },
      { subscribe: 'c' },
      { expect: [sent('3', 'subscription { c }')] },
    ],
  },
  'TW-67': [
    {
      says: 'tells the server about a cancellation and delivers nothing afterwards',
      steps: [
        ...active,
        next('1', { data: { a: 1 } }),
        { expect: [{ result: 'a', is: { data: { a: 1 } } }] },
        { cancel: 'a' },
        { expect: [{ send: { id: '1', type: 'complete' } }] },
        next('1', { data: { a: 2 } }),
        failed('1', [{ message: 'too late' }]),
        completed('1'),
      ],
    },
    {
      says: 'tells the server only once',
      steps: [
        ...active,
        { cancel: 'a' },
        { expect: [{ send: { id: '1', type: 'complete' } }] },
        { cancel: 'a' },
      ],
    },
  ],
  'TW-68': {
    says: 'sends nothing for an operation that was cancelled before it was sent',
    steps: [
      ...waiting,
      { subscribe: 'a' },
      { subscribe: 'b' },
      { cancel: 'a' },
      ack,
      { expect: [connected, sent('2', 'subscription { b }')] },
    ],
  },
  'TW-69': [
    {
      says: 'sends no complete after the server completed, and ignores later messages',
      steps: [
        ...active,
        completed('1'),
        { expect: [{ complete: 'a' }] },
        { cancel: 'a' },
        next('1', { data: null }),
        failed('1', [{ message: 'late' }]),
        completed('1'),
      ],
    },
    {
      says: 'sends no complete after an error of the server, and ignores later messages',
      steps: [
        ...active,
        failed('1', [{ message: 'broken', path: ['a'] }]),
        { expect: [{ error: 'a', are: [{ message: 'broken', path: ['a'] }] }] },
        { cancel: 'a' },
        completed('1'),
      ],
    },
  ],
  'TW-70': {
    says: 'reports messages with unknown ids, and otherwise ignores them and stays connected',
    steps: [
      ...active,
      next('99', { data: {} }),
      failed('constructor', [{ message: 'whose?' }]),
      completed('__proto__'),
      { expect: ['violation', 'violation', 'violation'] },
      next('1', { data: { a: 1 } }),
      { expect: [{ result: 'a', is: { data: { a: 1 } } }] },
    ],
  },
  'TW-71': [
    refusesMessage('invalid JSON', { raw: '{' }),
    refusesMessage('JSON that is not an object', { server: [] }),
    refusesMessage('null', { server: null }),
    refusesMessage('an unknown type', { server: { type: 'ka' } }),
    refusesMessage('a message without type', { server: { id: '1' } }),
    refusesMessage('a type that only clients send', { server: { type: 'connection_init' } }),
    refusesMessage('next without id', { server: { type: 'next', payload: { data: {} } } }),
    refusesMessage('next with a numeric id', { server: { id: 1, type: 'next', payload: {} } }),
    refusesMessage('next without payload', { server: { id: '1', type: 'next' } }),
    refusesMessage('error without errors', failed('1', [])),
    refusesMessage('errors without messages', failed('1', [{}])),
    refusesMessage('complete with an empty id', completed('')),
    refusesMessage('a ping with a bad payload', { server: { type: 'ping', payload: 'p' } }),
    refusesMessage('binary that is not UTF-8', { raw: new Uint8Array([0x7b, 0xff, 0x7d]) }),
    {
      says: 'tolerates an error payload that is a bare text, as some servers send it',
      steps: [
        ...active,
        failed('1', 'out of order'),
        { expect: [{ error: 'a', are: [{ message: 'out of order' }] }] },
      ],
    },
  ],
  'TW-72': [
    {
      says: 'closes when the first message is neither the ack nor ping or pong',
      steps: [
        ...waiting,
        { subscribe: 'a' },
        next('1', { data: {} }),
        { expect: [lost('a', 4004, false), { close: 4004 }] },
      ],
    },
    {
      says: 'takes a foreign connection_error before the ack for a refusal',
      steps: [
        ...waiting,
        { subscribe: 'a' },
        { server: { type: 'connection_error', payload: { message: 'no' } } },
        {
          expect: [{ connectionError: { message: 'no' } }, lost('a', 4403, false), { close: 4403 }],
        },
      ],
    },
  ],
  'TW-73': [
    {
      says: 'reports request errors that come as error',
      steps: [
        ...active,
        failed('1', [{ message: 'one' }, { message: 'two' }]),
        { expect: [{ error: 'a', are: [{ message: 'one' }, { message: 'two' }] }] },
      ],
    },
    {
      says: 'reports request errors that come as next without data, then complete',
      steps: [
        ...active,
        next('1', { errors: [{ message: 'one' }] }),
        { expect: [{ result: 'a', is: { errors: [{ message: 'one' }] } }] },
        completed('1'),
        { expect: [{ complete: 'a' }] },
      ],
    },
  ],
  'TW-74': {
    says: 'closes with 1000 when the application is done',
    steps: [
      ...active,
      completed('1'),
      { expect: [{ complete: 'a' }] },
      { app: 'closes' },
      { expect: [{ close: 1000 }] },
      { app: 'closes' },
      { socketCloses: 1000 },
    ],
  },
  'TW-75': [
    {
      says: 'reports every operation when the socket is lost, queued ones too',
      steps: [
        { subscribe: 'a' },
        ...waiting,
        { subscribe: 'b' },
        { socketCloses: 1006 },
        { expect: [lost('a', 1006, true), lost('b', 1006, true)] },
        { socketCloses: 1006 },
      ],
    },
    {
      says: 'reports active operations after an orderly close by the server',
      steps: [...active, { socketCloses: 1000 }, { expect: [lost('a', 1000, true)] }],
    },
    {
      says: 'reports operations that the application leaves behind',
      steps: [...active, { app: 'closes' }, { expect: [lost('a', 1000, false), { close: 1000 }] }],
    },
  ],
  'TW-76': [
    ...[4400, 4401, 4406, 4409, 4429, 4500].map((code) => closesWith(code, false)),
    ...[1002, 1003, 1007, 1008, 1009, 1010, 1011, 1015].map((code) => closesWith(code, false)),
    {
      says: 'after close 4403 in answer to the init operations are not retryable',
      steps: [
        ...waiting,
        { subscribe: 'a' },
        { socketCloses: 4403 },
        { expect: [lost('a', 4403, false)] },
      ],
    },
  ],
  'TW-77': [
    ...[1001, 1005, 1006, 1012, 1013, 4408].map((code) => closesWith(code, true)),
    ...[1014, 3000, 4403, 4499, 4504, 4999].map((code) => closesWith(code, true)),
  ],
  'TW-78': {
    says: 'reports for another attempt what has not finished, and nothing else; re-sends nothing itself',
    steps: [
      ...active,
      { subscribe: 'b' },
      { expect: [sent('2', 'subscription { b }')] },
      { subscribe: 'c' },
      { expect: [sent('3', 'subscription { c }')] },
      completed('1'),
      { expect: [{ complete: 'a' }] },
      { cancel: 'b' },
      { expect: [{ send: { id: '2', type: 'complete' } }] },
      { socketCloses: 1006 },
      { expect: [lost('c', 1006, true)] },
    ],
  },
  'TW-79': [
    {
      says: 'closes with 4504, retryable, when no ack comes in time',
      options: { ackTimeoutMs: 2_000 },
      steps: [
        ...waiting,
        { subscribe: 'a' },
        { afterMs: 1_999 },
        { server: { type: 'ping' } },
        { expect: [{ send: { type: 'pong' } }] },
        { afterMs: 1 },
        { expect: [lost('a', 4504, true), { close: 4504 }] },
        ack,
      ],
    },
    {
      says: 'waits for ever for what the application has to say',
      steps: [...opened, { afterMs: 3_600_000 }],
    },
    {
      says: 'pings a silent server and closes with 4499, retryable, when it stays silent',
      options: { pingAfterMs: 10_000, silenceMs: 5_000 },
      steps: [
        ...active,
        { afterMs: 9_999 },
        next('1', { data: { a: 1 } }),
        { expect: [{ result: 'a', is: { data: { a: 1 } } }] },
        { afterMs: 10_000 },
        { expect: [{ send: { type: 'ping' } }] },
        { afterMs: 4_999 },
        { server: { type: 'pong' } },
        { afterMs: 10_000 },
        { expect: [{ send: { type: 'ping' } }] },
        { afterMs: 5_000 },
        { expect: [lost('a', 4499, true), { close: 4499 }] },
      ],
    },
  ],
  'TW-80': {
    says: 'ignores a second ack',
    steps: [
      ...active,
      ack,
      next('1', { data: {} }),
      { expect: [{ result: 'a', is: { data: {} } }] },
    ],
  },
  'TW-81': [
    {
      says: 'fails the connection when the server chose no subprotocol',
      steps: [
        { subscribe: 'a' },
        { opens: '' },
        { expect: [lost('a', 4406, false), { close: 4406 }] },
      ],
    },
    {
      says: 'fails the connection when the server chose another subprotocol',
      steps: [{ opens: 'graphql-ws' }, { expect: [{ close: 4406 }] }],
    },
  ],
} as const satisfies Transcripts;

import type { Outcome, Step, Transcript, Transcripts } from './client-transcript.ts';

const init: Outcome = { send: { type: 'connection_init', payload: {} } };
const ack: Step = { server: { type: 'connection_ack' } };
const ka: Step = { server: { type: 'ka' } };
const connected: Outcome = { connected: undefined };
const terminate: Outcome = { send: { type: 'connection_terminate' } };

const opened: readonly Step[] = [{ opens: 'graphql-ws' }, { expect: ['initialise'] }];
const waiting: readonly Step[] = [
  ...opened,
  { initialise: 'without parameters' },
  { expect: [init] },
];
const ready: readonly Step[] = [...waiting, ack, { expect: [connected] }];

const sent = (id: string, query: string): Outcome => ({
  send: { id, type: 'start', payload: { query } },
});
const data = (id: unknown, payload: unknown): Step => ({ server: { id, type: 'data', payload } });
const completed = (id: unknown): Step => ({ server: { id, type: 'complete', payload: null } });
const failed = (id: unknown, payload: unknown): Step => ({
  server: { id, type: 'error', payload },
});
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

/** A probe that shows that operation `a` still works. */
const alive: readonly Step[] = [
  data('1', { data: { a: 1 } }),
  { expect: [{ result: 'a', is: { data: { a: 1 } } }] },
];

const normalises = (shape: string, payload: unknown, are: readonly unknown[]): Transcript => ({
  says: `reads the errors of an error payload that is ${shape}`,
  steps: [...active, failed('1', payload), { expect: [{ error: 'a', are }] }],
});

const ignores = (what: string, message: Step): Transcript => ({
  says: `ignores ${what} and stays connected`,
  steps: [...active, message, { expect: ['violation'] }, ...alive],
});

const wordless = [{ message: 'The server gave no message.' }];

/** Client statements of the subscriptions-transport-ws reference. */
export const subscriptionsTransportWsClient = {
  'LW-40': [
    {
      says: 'sends connection_init first, with an empty payload if there are no parameters',
      steps: [{ offers: 'graphql-ws' }, { subscribe: 'early' }, ...waiting],
    },
    {
      says: 'sends connection_init with the parameters of the application',
      steps: [
        ...opened,
        { initialise: { Authorization: 'Bearer t0k3n' } },
        {
          expect: [
            { send: { type: 'connection_init', payload: { Authorization: 'Bearer t0k3n' } } },
          ],
        },
      ],
    },
  ],
  'LW-41': {
    says: 'waits for the ack before start, then starts in order',
    steps: [
      { subscribe: 'a' },
      ...waiting,
      { subscribe: 'b' },
      ack,
      { expect: [connected, sent('1', 'subscription { a }'), sent('2', 'subscription { b }')] },
    ],
  },
  'LW-42': {
    says: 'accepts ka at any moment, before the ack included',
    steps: [...opened, ka, ...waiting.slice(2), ka, ack, { expect: [connected] }, ka],
  },
  'LW-43': {
    says: 'accepts complete with a null payload and connection_ack with a payload',
    steps: [
      ...waiting,
      { server: { type: 'connection_ack', payload: { region: 'eu' } } },
      { expect: [{ connected: { region: 'eu' } }] },
      { subscribe: 'a' },
      { expect: [sent('1', 'subscription { a }')] },
      completed('1'),
      { expect: [{ complete: 'a' }] },
    ],
  },
  'LW-44': [
    normalises('an object', { message: 'no', code: 7 }, [{ message: 'no', code: 7 }]),
    normalises(
      'a list',
      [{ message: 'one' }, { message: 'two' }],
      [{ message: 'one' }, { message: 'two' }],
    ),
    normalises('an object with a list', { errors: [{ message: 'one' }] }, [{ message: 'one' }]),
    normalises('a text', 'no', [{ message: 'no' }]),
    normalises('null', null, wordless),
    normalises('an empty list', [], wordless),
    normalises('a list of something else', [7], wordless),
    normalises('an object without message', { reason: 'no' }, wordless),
  ],
  'LW-45': {
    says: 'ends an operation on error without waiting for complete, and ignores one that follows',
    steps: [
      ...active,
      failed('1', { message: 'no' }),
      { expect: [{ error: 'a', are: [{ message: 'no' }] }] },
      completed('1'),
      data('1', { data: null }),
    ],
  },
  'LW-46': {
    says: 'reports data without a data member as request errors; complete ends the operation',
    steps: [
      ...active,
      data('1', { errors: [{ message: 'no' }] }),
      { expect: [{ result: 'a', is: { errors: [{ message: 'no' }] } }] },
      completed('1'),
      { expect: [{ complete: 'a' }] },
    ],
  },
  'LW-47': [
    {
      says: 'sends stop for a cancellation, ignores later messages, and needs no complete',
      steps: [
        ...active,
        { cancel: 'a' },
        { expect: [{ send: { id: '1', type: 'stop' } }] },
        data('1', { data: { a: 2 } }),
        completed('1'),
        { cancel: 'a' },
      ],
    },
    {
      says: 'sends nothing for an operation that was cancelled before the ack',
      steps: [...waiting, { subscribe: 'a' }, { cancel: 'a' }, ack, { expect: [connected] }],
    },
  ],
  'LW-48': [
    {
      says: 'sends no stop after complete',
      steps: [...active, completed('1'), { expect: [{ complete: 'a' }] }, { cancel: 'a' }],
    },
    {
      says: 'sends no stop after error',
      steps: [
        ...active,
        failed('1', 'no'),
        { expect: [{ error: 'a', are: [{ message: 'no' }] }] },
        { cancel: 'a' },
      ],
    },
  ],
  'LW-49': [
    {
      says: 'takes connection_error before the ack for a refusal',
      steps: [
        ...waiting,
        { subscribe: 'a' },
        { server: { type: 'connection_error', payload: { message: 'Prohibited connection!' } } },
        {
          expect: [
            { connectionError: { message: 'Prohibited connection!' } },
            lost('a', 4403, false),
            { close: 4403 },
          ],
        },
        { socketCloses: 1011 },
      ],
    },
    {
      says: 'reports connection_error after the ack and keeps the connection',
      steps: [
        ...active,
        { server: { type: 'connection_error', id: null, payload: 'what?' } },
        { expect: [{ connectionError: 'what?' }] },
        ...alive,
      ],
    },
    {
      says: 'does not retry a connection that was closed with 1011 before the ack',
      steps: [
        ...waiting,
        { subscribe: 'a' },
        { socketCloses: 1011 },
        { expect: [lost('a', 1011, false)] },
      ],
    },
    {
      says: 'reports operations for another attempt when the socket breaks',
      steps: [...active, { socketCloses: 1005 }, { expect: [lost('a', 1005, true)] }],
    },
  ],
  'LW-50': [
    ignores('an unknown type', { server: { id: '1', type: 'start_ack' } }),
    ignores('invalid JSON', { raw: '{' }),
    ignores('JSON that is not an object', { server: null }),
    ignores('a message without type', { server: {} }),
    ignores('data without payload', { server: { id: '1', type: 'data' } }),
    ignores('data without id', { server: { type: 'data', payload: {} } }),
    {
      says: 'reports ids that it never used; to it the number is not the text',
      steps: [
        ...active,
        data('99', { data: {} }),
        completed('constructor'),
        { expect: ['violation', 'violation'] },
        completed(1),
        ...alive,
      ],
    },
    {
      says: 'ignores answers to operations that it has not sent yet',
      steps: [
        ...waiting,
        { subscribe: 'a' },
        data('1', { data: {} }),
        failed('1', 'no'),
        completed('1'),
        ack,
        { expect: [connected, sent('1', 'subscription { a }')] },
      ],
    },
    {
      says: 'ignores a second ack',
      steps: [...active, ack, ...alive],
    },
  ],
  'LW-51': [
    {
      says: 'has no watchdog before the first ka',
      steps: [...active, { afterMs: 3_600_000 }, ...alive],
    },
    {
      says: 'closes with 4499, retryable, when nothing comes for too long after a ka',
      steps: [
        ...active,
        ka,
        { afterMs: 29_999 },
        ...alive,
        { afterMs: 29_999 },
        ka,
        { afterMs: 30_000 },
        { expect: [lost('a', 4499, true), { close: 4499 }] },
      ],
    },
    {
      says: 'closes with 4504, retryable, when no ack comes in time',
      options: { ackTimeoutMs: 2_000 },
      steps: [
        ...waiting,
        { subscribe: 'a' },
        { afterMs: 2_000 },
        { expect: [lost('a', 4504, true), { close: 4504 }] },
      ],
    },
  ],
  'LW-52': [
    {
      says: 'sends connection_terminate before it closes deliberately',
      steps: [
        ...active,
        { app: 'closes' },
        { expect: [terminate, lost('a', 1000, false), { close: 1000 }] },
        { app: 'closes' },
      ],
    },
    {
      says: 'cannot say good-bye on a socket that is not open',
      steps: [{ app: 'closes' }, { expect: [{ close: 1000 }] }],
    },
  ],
  'LW-53': {
    says: 'never uses an id twice on one socket',
    steps: [
      ...active,
      failed('1', 'no'),
      { expect: [{ error: 'a', are: [{ message: 'no' }] }] },
      { subscribe: 'b' },
      { expect: [sent('2', 'subscription { b }')] },
      { cancel: 'b' },
      { expect: [{ send: { id: '2', type: 'stop' } }] },
      { subscribe: 'c' },
      { expect: [sent('3', 'subscription { c }')] },
    ],
  },
} as const satisfies Transcripts;

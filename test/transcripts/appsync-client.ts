import type { Outcome, Step, Transcript, Transcripts } from './client-transcript.ts';

const init: Outcome = { send: { type: 'connection_init' } };
const ackPayload = { connectionTimeoutMs: 300_000 };
const ack: Step = { server: { type: 'connection_ack', payload: ackPayload } };
const ka: Step = { server: { type: 'ka' } };
const connected: Outcome = { connected: ackPayload };

const opened: readonly Step[] = [{ opens: 'graphql-ws' }, { expect: ['initialise'] }];
const waiting: readonly Step[] = [
  ...opened,
  { initialise: 'without parameters' },
  { expect: [init] },
];
const ready: readonly Step[] = [...waiting, ack, { expect: [connected] }];

const authorization = { host: 'api.example.com', 'x-api-key': 'da2-k' };
const dataOf = (name: string): string =>
  JSON.stringify({ query: `subscription { ${name} }`, variables: {} });

/** The application subscribes, with what its transport adds. */
const subscribe = (name: string): Step => ({
  subscribe: name,
  request: {
    query: `subscription { ${name} }`,
    extensions: { data: dataOf(name), authorization },
  },
});
const sent = (id: string, name: string): Outcome => ({
  send: { id, type: 'start', payload: { data: dataOf(name), extensions: { authorization } } },
});
const data = (id: string, payload: unknown): Step => ({ server: { id, type: 'data', payload } });
const lost = (name: string, code: number, retryable: boolean): Outcome => ({
  lost: name,
  code,
  retryable,
});

/** One subscription `a`, active under the id 1. */
const active: readonly Step[] = [...ready, subscribe('a'), { expect: [sent('1', 'a')] }];

/** A probe that shows that `a` still works. */
const alive: readonly Step[] = [
  data('1', { data: { a: 1 } }),
  { expect: [{ result: 'a', is: { data: { a: 1 } } }] },
];

const reads = (shape: string, payload: unknown, are: readonly unknown[]): Transcript => ({
  says: `reads the errors of an error whose payload is ${shape}`,
  steps: [
    ...active,
    { server: { id: '1', type: 'error', payload } },
    { expect: [{ error: 'a', are }] },
  ],
});

/** How the client takes an answer to its init, with `a` in its queue. */
const refusal = (
  says: string,
  payload: unknown,
  [code, retryable]: readonly [number, boolean],
): Transcript => ({
  says,
  steps: [
    ...waiting,
    subscribe('a'),
    { server: { type: 'connection_error', payload } },
    { expect: [{ connectionError: payload }, lost('a', code, retryable), { close: code }] },
  ],
});

const final = [4403, false] as const;
const passing = [4499, true] as const;

const announces = (what: string, payload: unknown, ms: number): Transcript => ({
  says: `gives a connection up after ${ms} ms of silence where the server announces ${what}`,
  steps: [
    ...waiting,
    { server: { type: 'connection_ack', payload } },
    { expect: [{ connected: payload }] },
    { afterMs: ms - 1 },
    { expect: [] },
    { afterMs: 1 },
    { expect: [{ close: 4499 }] },
  ],
});

/** Client statements of the AppSync reference that are about messages. */
export const appsyncClientTranscripts = {
  'AS-44': {
    says: 'sends the request as a text, and its authorization beside it',
    steps: active,
  },
  'AS-46': [
    {
      says: 'waits for the ack before start, then starts in order',
      steps: [
        { offers: 'graphql-ws' },
        subscribe('a'),
        ...waiting,
        subscribe('b'),
        ack,
        { expect: [connected, sent('1', 'a'), sent('2', 'b')] },
      ],
    },
    {
      says: 'accepts ka before the ack, and does not count from it',
      steps: [
        ...opened,
        ka,
        { initialise: 'without parameters' },
        { expect: [init] },
        ka,
        ack,
        { expect: [connected] },
        { afterMs: 299_999 },
        { expect: [] },
      ],
    },
    {
      says: 'sends no connection_init with parameters',
      steps: [...opened, { initialise: { token: 't' } }, { expect: [init] }],
    },
  ],
  'AS-47': {
    says: 'tells of a subscription that it began when start_ack comes',
    steps: [
      ...active,
      { expect: [] },
      { server: { id: '1', type: 'start_ack' } },
      { expect: [{ started: 'a' }] },
      ...alive,
      { server: { id: '1', type: 'complete' } },
      { expect: [{ complete: 'a' }] },
    ],
  },
  'AS-48': [
    {
      says: 'gives a connection up when the announced time passes without traffic',
      steps: [
        ...active,
        { afterMs: 299_999 },
        { expect: [] },
        { afterMs: 1 },
        { expect: [lost('a', 4499, true), { close: 4499 }] },
      ],
    },
    {
      says: 'counts from the last message of whatever kind',
      steps: [
        ...active,
        { afterMs: 299_999 },
        ka,
        { afterMs: 299_999 },
        ...alive,
        { afterMs: 299_999 },
        { expect: [] },
        { afterMs: 1 },
        { expect: [lost('a', 4499, true), { close: 4499 }] },
      ],
    },
    announces('another time', { connectionTimeoutMs: 60_000 }, 60_000),
    announces('a time as a text', { connectionTimeoutMs: '90000' }, 90_000),
    announces('a time under the name of the simulator', { connectionTimeout: 60_000 }, 60_000),
    announces('nothing', {}, 300_000),
    announces('nonsense', { connectionTimeoutMs: -1 }, 300_000),
  ],
  'AS-49': [
    reads('a list', { errors: [{ message: 'one' }, { message: 'two' }] }, [
      { message: 'one' },
      { message: 'two' },
    ]),
    reads(
      'a single error',
      { errors: { errorType: 'LimitExceededError', message: 'Rate limit exceeded' } },
      [{ message: 'Rate limit exceeded', extensions: { errorType: 'LimitExceededError' } }],
    ),
    reads(
      'of Millrace',
      {
        errors: [
          {
            errorType: 'UnauthorizedException',
            errorCode: 401,
            message: 'no',
            extensions: { code: 'UNAUTHORIZED' },
          },
        ],
      },
      [
        {
          message: 'no',
          extensions: {
            errorType: 'UnauthorizedException',
            errorCode: 401,
            code: 'UNAUTHORIZED',
          },
        },
      ],
    ),
    reads('without a message', { errors: [{ errorType: 'InternalFailure' }] }, [
      { message: 'InternalFailure', extensions: { errorType: 'InternalFailure' } },
    ]),
    reads('empty', { errors: [] }, [{ message: 'The server gave no message.' }]),
    reads('absent', undefined, [{ message: 'The server gave no message.' }]),
    {
      says: 'goes on after an error without an id',
      steps: [
        ...active,
        { server: { type: 'error', payload: { errors: { message: 'Rate limit exceeded' } } } },
        { expect: [{ connectionError: { errors: { message: 'Rate limit exceeded' } } }] },
        { server: { id: '', type: 'error', payload: { message: 'Invalid message' } } },
        { expect: [{ connectionError: { message: 'Invalid message' } }] },
        ...alive,
      ],
    },
  ],
  'AS-50': [
    ...[400, 401, 403].map((errorCode) =>
      refusal(`takes ${errorCode} for final`, { errors: [{ message: 'no', errorCode }] }, final),
    ),
    ...[
      'UnauthorizedException',
      'com.amazonaws.deepdish.graphql.auth#UnauthorizedException',
      'NotAuthorizedException',
      'BadRequestException',
    ].map((errorType) =>
      refusal(`takes ${errorType} for final`, { errors: [{ errorType, message: 'no' }] }, final),
    ),
    refusal(
      'takes a single error for final as well',
      { errors: { errorType: 'UnauthorizedException', message: 'no' } },
      final,
    ),
    refusal(
      'comes back after LimitExceededError',
      { errors: [{ errorType: 'LimitExceededError', message: 'no', errorCode: 429 }] },
      passing,
    ),
    refusal(
      'comes back after a failure of the server',
      { errors: [{ errorType: 'InternalFailure', message: 'no', errorCode: 500 }] },
      passing,
    ),
    refusal('comes back after a refusal that says nothing', {}, passing),
  ],
  'AS-53': {
    says: 'neither asks a silent server nor answers one that asks',
    steps: [
      ...active,
      { server: { type: 'ping' } },
      { expect: ['violation'] },
      { afterMs: 299_999 },
      { expect: [] },
    ],
  },
  'AS-54': [
    {
      says: 'goes on after messages of unknown types',
      steps: [
        ...active,
        { server: { id: '1', type: 'subscribe_success' } },
        { expect: ['violation'] },
        { server: { id: '7', type: 'data', payload: { data: {} } } },
        { expect: ['violation'] },
        { raw: '{' },
        { expect: ['violation'] },
        { server: { id: '1', type: 'data', payload: 'text' } },
        { expect: ['violation'] },
        { server: { type: 'start_ack' } },
        { expect: ['violation'] },
        ...alive,
      ],
    },
    {
      says: 'goes on after a message of an unknown type before the ack',
      steps: [
        ...waiting,
        { server: { type: 'hello' } },
        { expect: ['violation'] },
        ack,
        { expect: [connected] },
      ],
    },
  ],
} as const satisfies Transcripts;

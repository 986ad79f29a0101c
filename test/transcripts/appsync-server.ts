import { GraphQLError } from 'graphql';
import type { ConnectEvent, OperationEvent } from 'millrace/server';
import { refuse } from 'millrace/server';

import type { Step, Transcript, TranscriptHandshake, Transcripts } from './server-transcript.ts';

const init: Step = { client: { type: 'connection_init' } };
const ack: Step = { server: { type: 'connection_ack', payload: { connectionTimeoutMs: 300_000 } } };
const keepAlive: Step = { server: { type: 'ka' } };
const ready: readonly Step[] = [init, ack, keepAlive];

const authorization = { host: 'api.example.com', 'x-api-key': 'da2-key' };
const startWith = (id: unknown, payload: unknown): Step => ({
  client: { id, type: 'start', payload },
});
const start = (id: unknown, query: string, more: object = {}): Step =>
  startWith(id, { data: JSON.stringify({ query, ...more }), extensions: { authorization } });
const stop = (id: unknown): Step => ({ client: { id, type: 'stop' } });
const started = (id: unknown): Step => ({ server: { id, type: 'start_ack' } });
const data = (id: unknown, value: unknown, more: object = {}): Step => ({
  server: { id, type: 'data', payload: { data: value, ...more } },
});
const completed = (id: unknown): Step => ({ server: { id, type: 'complete' } });
const alive: readonly Step[] = [
  start('alive', 'subscription { countdown(from: 1) }'),
  started('alive'),
  data('alive', { countdown: 1 }),
  completed('alive'),
];

const roomQuery = 'subscription ($room: ID!) { message(room: $room) { text } }';
const listen = (id: unknown, room: string): Step => start(id, roomQuery, { variables: { room } });
const messageOf = (id: unknown, text: string): object => ({
  id,
  type: 'data',
  payload: { data: { message: { text } } },
});
const message = (id: unknown, text: string): Step => ({ server: messageOf(id, text) });

/** Matches a list of one error of this type, with a message and whatever else. */
const oneError = (errorType: string, more: object = {}): unknown => ({
  asymmetricMatch(actual: unknown) {
    if (!Array.isArray(actual) || actual.length !== 1) return false;
    const error = actual[0] as Record<string, unknown>; // compared member by member
    return (
      typeof error['message'] === 'string' &&
      Object.entries({ errorType, ...more }).every(([name, value]) => error[name] === value)
    );
  },
  toString: () => `a list of one error ${JSON.stringify({ errorType, ...more })}`,
});
const failed = (id: unknown, errorType: string, more: object = {}): Step => ({
  server: { id, type: 'error', payload: { errors: oneError(errorType, more) } },
});
const failedForAll = (errorType: string): Step => ({
  server: { type: 'error', payload: { errors: oneError(errorType) } },
});
const connectionError = (errorType: string, more: object = {}): Step => ({
  server: { type: 'connection_error', payload: { errors: oneError(errorType, more) } },
});

const base64 = (value: unknown): string => Buffer.from(JSON.stringify(value)).toString('base64');
const base64url = (value: unknown): string =>
  Buffer.from(JSON.stringify(value)).toString('base64url');
/** What its base64 has both letters that differ between the alphabets in, and padding. */
const difficult = { host: 'api.example.com', 'x-api-key': 'da2-key', note: '>>>???ÿ' };
const payload = 'payload=e30=';

/** Lets in who has the key, wherever it stood. */
const wantsKey = {
  onConnect: ({ connectionParams }: ConnectEvent) =>
    Reflect.get(connectionParams['authorization'] as object, 'x-api-key') === 'da2-key', // an object by contract
};
const letsIn = (says: string, handshake: TranscriptHandshake): Transcript => ({
  says,
  options: wantsKey,
  handshake,
  steps: [...ready, ...alive],
});
const cannotBeRead = (says: string, handshake: TranscriptHandshake): Transcript => ({
  says: `answers ${says} with a connection_error, and closes`,
  handshake,
  steps: [init, connectionError('BadRequestException', { errorCode: 400 }), { close: 4400 }],
});

/** Refuses operations by the authorization of their own. */
const wantsKeyOfOperation = {
  onSubscribe: ({ operation }: OperationEvent<object>) =>
    Reflect.get(operation.extensions?.['authorization'] as object, 'x-api-key') === 'da2-key' // the codec demands an object
      ? []
      : [new GraphQLError('No.', { extensions: { code: 'UNAUTHORIZED' } })],
};

/** Server statements of the AppSync reference that are conversations on an open socket. */
export const appsyncServer = {
  'AS-1': letsIn('reads the query variant, padded and percent-encoded', {
    query: `?header=${encodeURIComponent(base64(difficult))}&payload=e30%3D`,
  }),
  'AS-2': [
    letsIn('reads the query variant with unescaped + and =', {
      query: `?header=${base64(difficult)}&${payload}`,
    }),
    letsIn('reads the query variant without padding', {
      query: `?${payload}&header=${base64(difficult).replace(/=+$/, '')}`,
    }),
    letsIn('reads the query variant in the URL alphabet, among other parameters', {
      query: `?x-custom=1&header=${base64url(difficult)}&${payload}&more`,
    }),
  ],
  'AS-3': [
    letsIn('reads the subprotocol variant', {
      alsoOffered: [`header-${base64url(difficult)}`],
    }),
    letsIn('reads the subprotocol variant beside plain query parameters', {
      query: '?x-custom=1',
      alsoOffered: [`header-${base64url(authorization)}`],
    }),
  ],
  'AS-5': letsIn('reads the headers of the request', {
    headers: { 'x-api-key': 'da2-key', 'x-amz-date': '20260101T000000Z' },
  }),
  'AS-6': [
    cannotBeRead('what is not base64', { query: `?header=%%25&${payload}` }),
    cannotBeRead('base64 of impossible length', { query: `?header=eyJhI&${payload}` }),
    cannotBeRead('what is not JSON', { query: `?header=bm9uZQ==&${payload}` }),
    cannotBeRead('an empty authorization', { query: `?header=&${payload}` }),
    cannotBeRead('what is not an object', { query: `?header=${base64([1])}&${payload}` }),
    cannotBeRead('what is not UTF-8', { query: `?header=eyJhIjoi_yJ9&${payload}` }),
    cannotBeRead('a subprotocol that is not base64', { alsoOffered: ['header-e30!'] }),
    cannotBeRead('a subprotocol without an authorization', { alsoOffered: ['header-'] }),
    cannotBeRead('two authorizations', {
      alsoOffered: [`header-${base64url({})}`, `header-${base64url({ a: 1 })}`],
    }),
    cannotBeRead('two authorizations in the query', { query: '?header=e30=&header=e30=' }),
    cannotBeRead('a name that occurs twice', {
      alsoOffered: [`header-${base64url({ Authorization: 'a', authorization: 'b' })}`],
    }),
    {
      says: 'answers a start with a connection_error, too, and executes nothing',
      handshake: { query: `?header=%%25&${payload}` },
      steps: [
        listen('1', 'a'),
        connectionError('BadRequestException', { errorCode: 400 }),
        { close: 4400 },
        { openSources: 0 },
      ],
    },
  ],
  'AS-7': [
    {
      says: 'answers wrong credentials with a connection_error, and closes',
      options: wantsKey,
      handshake: { alsoOffered: [`header-${base64url({ 'x-api-key': 'da2-other' })}`] },
      steps: [
        init,
        connectionError('UnauthorizedException', {
          errorCode: 401,
          message: 'You are not authorized to make this call.',
        }),
        { close: 4401, reason: 'Unauthorized' },
      ],
    },
    {
      says: 'a refusal tells its reason',
      options: { onConnect: () => refuse({ reason: 'Token expired' }) },
      steps: [
        init,
        connectionError('UnauthorizedException', { errorCode: 401, message: 'Token expired' }),
        { close: 4401 },
      ],
    },
    {
      says: 'a connect hook that throws leaks nothing',
      options: {
        onConnect: () => {
          throw new Error('database password is hunter2');
        },
      },
      steps: [
        init,
        connectionError('InternalFailure', { errorCode: 500, message: 'Internal server error' }),
        { close: 4500 },
      ],
    },
    {
      says: 'a start behind a refused init is not executed',
      options: { onConnect: () => Promise.resolve(false) },
      steps: [
        init,
        listen('1', 'a'),
        connectionError('UnauthorizedException'),
        { close: 4401 },
        { openSources: 0 },
      ],
    },
  ],
  'AS-8': [
    {
      says: 'answers the init with the timeout of the connection',
      steps: [init, ack, keepAlive, { quiet: true }],
    },
    {
      says: 'announces another timeout as a whole number that timers can wait for',
      options: { keepAlive: { connectionTimeoutMs: Number.POSITIVE_INFINITY } },
      steps: [
        init,
        { server: { type: 'connection_ack', payload: { connectionTimeoutMs: 2_147_483_647 } } },
        keepAlive,
      ],
    },
    {
      says: 'adds what the connect hook wants to say, but not over the timeout',
      options: { onConnect: () => ({ ackPayload: { region: 'here', connectionTimeoutMs: 1 } }) },
      steps: [
        init,
        {
          server: {
            type: 'connection_ack',
            payload: { region: 'here', connectionTimeoutMs: 300_000 },
          },
        },
        keepAlive,
      ],
    },
    {
      says: 'acknowledges once',
      steps: [...ready, init, init, { quiet: true }, ...alive],
    },
  ],
  'AS-9': [
    {
      says: 'a ka comes every period until the close',
      steps: [
        ...ready,
        { afterMs: 11_900 },
        { pong: 'from the client' },
        { quiet: true },
        { afterMs: 150 },
        keepAlive,
        { afterMs: 11_800 },
        { pong: 'from the client' },
        { quiet: true },
        { afterMs: 150 },
        keepAlive,
        { clientCloses: 1000 },
        { afterMs: 30_000 },
        { quiet: true },
      ],
    },
    {
      says: 'three come within the timeout that was announced, however rarely they were to come',
      options: { keepAlive: { keepAliveMs: Number.POSITIVE_INFINITY, connectionTimeoutMs: 9_000 } },
      steps: [
        init,
        { server: { type: 'connection_ack', payload: { connectionTimeoutMs: 9_000 } } },
        keepAlive,
        { afterMs: 2_900 },
        { quiet: true },
        { afterMs: 150 },
        keepAlive,
        { afterMs: 3_000 },
        keepAlive,
        { afterMs: 3_000 },
        keepAlive,
      ],
    },
  ],
  'AS-10': [
    {
      says: 'a subscription is acknowledged before its events',
      steps: [
        ...ready,
        start('1', 'subscription { countdown(from: 2) }'),
        started('1'),
        data('1', { countdown: 2 }),
        data('1', { countdown: 1 }),
        completed('1'),
        { openSources: 0 },
      ],
    },
    {
      says: 'a subscription is acknowledged once its source is open',
      steps: [
        ...ready,
        start('1', 'subscription { slowStart }'),
        { quiet: true },
        { release: 'slowStart' },
        started('1'),
        data('1', { slowStart: 3 }),
        data('1', { slowStart: 2 }),
        data('1', { slowStart: 1 }),
        completed('1'),
      ],
    },
  ],
  'AS-11': [
    ...[
      ['a list', []],
      ['no data', { extensions: { authorization } }],
      ['data that is no text', { data: { query: roomQuery }, extensions: { authorization } }],
      ['data that is no JSON', { data: '{', extensions: { authorization } }],
      ['data without a query', { data: '{"variables":{}}', extensions: { authorization } }],
      ['data that is null', { data: 'null', extensions: { authorization } }],
      [
        'variables that are no object',
        { data: '{"query":"{ a }","variables":"x"}', extensions: { authorization } },
      ],
      ['an authorization that is no object', { data: '{}', extensions: { authorization: 'x' } }],
    ].map(([what, sent]) => ({
      says: `answers a start with ${String(what)} with an error, and goes on`,
      steps: [...ready, startWith('1', sent), failed('1', 'BadRequestException'), ...alive],
    })),
    {
      says: 'a syntax error is an error of its operation',
      steps: [
        ...ready,
        start('1', 'subscription {'),
        failed('1', 'GRAPHQL_PARSE_FAILED', {
          message: 'Syntax Error: Expected Name, found <EOF>.',
        }),
        { quiet: true },
        ...alive,
      ],
    },
  ],
  'AS-12': [
    ...[
      { data: JSON.stringify({ query: roomQuery }) },
      { data: JSON.stringify({ query: roomQuery }), extensions: {} },
      { data: JSON.stringify({ query: roomQuery }), extensions: { authorization: null } },
    ].map((sent) => ({
      says: `answers a start without authorization with an error, and goes on: ${JSON.stringify(sent)}`,
      steps: [
        ...ready,
        startWith('1', sent),
        failed('1', 'UnauthorizedException', { errorCode: 401 }),
        ...alive,
      ],
    })),
    {
      says: 'answers a start that the hook refuses with an error, and goes on',
      options: wantsKeyOfOperation,
      steps: [
        ...ready,
        startWith('1', {
          data: JSON.stringify({ query: roomQuery, variables: { room: 'a' } }),
          extensions: { authorization: { 'x-api-key': 'da2-other' } },
        }),
        failed('1', 'UnauthorizedException', { errorCode: 401, message: 'No.' }),
        { openSources: 0 },
        ...alive,
      ],
    },
  ],
  'AS-13': ['{ hello }', 'mutation { post(room: "a", text: "x") }'].map((query) => ({
    says: `does not execute ${query}`,
    steps: [
      ...ready,
      listen('s', 'a'),
      started('s'),
      start('1', query),
      failed('1', 'UnsupportedOperation', { errorCode: 400 }),
      { quiet: true },
    ],
  })),
  'AS-14': [
    {
      says: 'an event is data',
      steps: [
        ...ready,
        listen('1', 'a'),
        started('1'),
        { publish: 'x', to: 'a' },
        message('1', 'x'),
      ],
    },
    {
      says: 'an execution error comes beside data that clients do not overlook',
      steps: [
        ...ready,
        start('1', 'subscription { flaky }'),
        started('1'),
        data('1', { flaky: 1 }),
        {
          server: {
            id: '1',
            type: 'data',
            payload: {
              data: { flaky: null },
              errors: [{ message: 'flaky', path: ['flaky'], locations: [{ line: 1, column: 16 }] }],
            },
          },
        },
        data('1', { flaky: 3 }),
        completed('1'),
      ],
    },
    {
      says: 'a result without data gets an empty one beside its errors',
      options: {
        onNext: () => ({ data: null, errors: [{ message: 'nothing today' }] }),
      },
      steps: [
        ...ready,
        listen('1', 'a'),
        started('1'),
        { publish: 'x', to: 'a' },
        data('1', {}, { errors: [{ message: 'nothing today' }] }),
      ],
    },
    {
      says: 'a failing source is an error without complete',
      steps: [
        ...ready,
        start('1', 'subscription { breaks }'),
        started('1'),
        data('1', { breaks: 1 }),
        failed('1', 'SOURCE_FAILED', { message: 'Internal server error' }),
        { quiet: true },
        ...alive,
      ],
    },
  ],
  'AS-15': [
    {
      says: 'stop disposes of the source and is answered with complete',
      steps: [
        ...ready,
        listen('1', 'a'),
        started('1'),
        { openSources: 1 },
        stop('1'),
        completed('1'),
        { publish: 'x', to: 'a' },
        { openSources: 0 },
        { quiet: true },
      ],
    },
    {
      says: 'stop during preparation is answered, and no start_ack follows',
      steps: [
        ...ready,
        start('1', 'subscription { slowStart }'),
        { quiet: true },
        stop('1'),
        completed('1'),
        { release: 'slowStart' },
        { openSources: 0 },
        { quiet: true },
      ],
    },
    {
      says: 'an id may be used again after its stop',
      steps: [
        ...ready,
        listen('1', 'a'),
        started('1'),
        stop('1'),
        completed('1'),
        listen('1', 'b'),
        started('1'),
        { publish: 'old', to: 'a' },
        { publish: 'new', to: 'b' },
        message('1', 'new'),
        stop('1'),
        completed('1'),
      ],
    },
  ],
  'AS-16': [
    {
      says: 'stop for an unknown id is answered',
      steps: [...ready, stop('nobody'), completed('nobody'), ...alive],
    },
    {
      says: 'a stop that crosses the end of its operation is not answered, a later one is',
      steps: [
        ...ready,
        ...alive,
        stop('alive'),
        { quiet: true },
        stop('alive'),
        completed('alive'),
      ],
    },
  ],
  'AS-17': {
    says: 'ignores pong and connection_terminate',
    steps: [
      ...ready,
      { client: { type: 'pong' } },
      { client: { type: 'connection_terminate' } },
      { client: { type: 'pong', payload: {} } },
      { quiet: true },
      ...alive,
    ],
  },
  'AS-18': [
    {
      says: 'answers unknown types with an error, and goes on',
      steps: [
        ...ready,
        { client: { id: '1', type: 'dance' } },
        failed('1', 'UnsupportedOperation'),
        { client: { type: 'ping' } },
        failedForAll('UnsupportedOperation'),
        ...alive,
      ],
    },
    {
      says: 'an unknown type does not end an operation that has its id',
      steps: [
        ...ready,
        listen('1', 'a'),
        started('1'),
        { client: { id: '1', type: 'dance' } },
        failedForAll('UnsupportedOperation'),
        { publish: 'x', to: 'a' },
        message('1', 'x'),
      ],
    },
    ...['{', 'null', '[]', '{"type":"stop"}', '{"type":"stop","id":7}'].map((raw) => ({
      says: `answers ${raw} with an error, and goes on`,
      steps: [...ready, { raw }, failedForAll('BadRequestException'), ...alive],
    })),
  ],
  'AS-19': {
    says: 'a start with an active id is an error, and the first goes on',
    steps: [
      ...ready,
      listen('1', 'a'),
      started('1'),
      listen('1', 'b'),
      failed('1', 'DuplicatedOperationError'),
      { openSources: 1 },
      { publish: 'x', to: 'a' },
      message('1', 'x'),
    ],
  },
  'AS-20': [
    {
      says: 'a start without init is served',
      options: wantsKey,
      handshake: { headers: { 'x-api-key': 'da2-key' } },
      steps: [
        listen('1', 'a'),
        listen('2', 'a'),
        started('1'),
        started('2'),
        { publish: 'x', to: 'a' },
        { serverInAnyOrder: [messageOf('1', 'x'), messageOf('2', 'x')] },
        { quiet: true },
        ...ready,
        stop('1'),
        completed('1'),
      ],
    },
    {
      says: 'a start without init is not served to who is refused',
      options: { onConnect: () => false },
      steps: [
        listen('1', 'a'),
        connectionError('UnauthorizedException'),
        { close: 4401 },
        { openSources: 0 },
      ],
    },
    {
      says: 'a start behind the init is executed after the ack, in order',
      steps: [init, listen('1', 'a'), listen('2', 'a'), ack, keepAlive, started('1'), started('2')],
    },
    {
      says: 'a start that waits for the connect hook can be stopped',
      options: { onConnect: () => new Promise<undefined>(() => {}) },
      steps: [init, listen('1', 'a'), { quiet: true }, stop('1'), completed('1'), { quiet: true }],
    },
  ],
  'AS-21': {
    says: 'several errors are one list',
    options: { onSubscribe: () => [new GraphQLError('a'), new GraphQLError('b')] },
    steps: [
      ...ready,
      listen('1', 'a'),
      {
        server: {
          id: '1',
          type: 'error',
          payload: {
            errors: [
              { errorType: 'BadRequestException', message: 'a' },
              { errorType: 'BadRequestException', message: 'b' },
            ],
          },
        },
      },
    ],
  },
  'AS-22': {
    says: 'unknown members and custom headers reach the hooks, under names in small letters',
    options: {
      onConnect: ({ connectionParams, request }) => ({
        ackPayload: { saw: connectionParams, at: request.url },
      }),
      onSubscribe: ({ operation }) => [
        new GraphQLError('seen', { extensions: { saw: operation.extensions } }),
      ],
    },
    handshake: {
      query: '?x-custom=1',
      alsoOffered: [
        `header-${base64url({ Host: 'h', 'X-Amz-User-Agent': 'a/1', deep: { A: 1 } })}`,
      ],
    },
    steps: [
      init,
      {
        server: {
          type: 'connection_ack',
          payload: {
            saw: { authorization: { host: 'h', 'x-amz-user-agent': 'a/1', deep: { A: 1 } } },
            at: '/graphql?x-custom=1',
            connectionTimeoutMs: 300_000,
          },
        },
      },
      keepAlive,
      startWith('1', {
        data: '{ "query": "{ hello }", "extensions": { "a": 1 } }',
        extensions: { authorization: { Authorization: 'jwt', 'X-Custom': 'c' }, b: 2 },
      }),
      {
        server: {
          id: '1',
          type: 'error',
          payload: {
            errors: [
              {
                errorType: 'BadRequestException',
                message: 'seen',
                extensions: {
                  saw: {
                    a: 1,
                    b: 2,
                    authorization: { authorization: 'jwt', 'x-custom': 'c' },
                    data: '{ "query": "{ hello }", "extensions": { "a": 1 } }',
                  },
                },
              },
            ],
          },
        },
      },
    ],
  },
  'AS-23': [
    {
      says: 'nothing for an id follows its complete',
      steps: [
        ...ready,
        listen('1', 'a'),
        started('1'),
        { publish: 'x', to: 'a' },
        message('1', 'x'),
        stop('1'),
        completed('1'),
        { publish: 'y', to: 'a' },
        { afterMs: 5_000 },
        { quiet: true },
      ],
    },
    {
      says: 'nothing for an id follows its error',
      steps: [
        ...ready,
        start('1', 'subscription { refuses }'),
        failed('1', 'SUBSCRIBE_FAILED'),
        stop('1'),
        { quiet: true },
      ],
    },
  ],
} as const satisfies Transcripts;

import { refuse } from 'millrace/server';

import type { Step, Transcripts } from './server-transcript.ts';

const init: Step = { client: { type: 'connection_init', payload: {} } };
const ack: Step = { server: { type: 'connection_ack' } };
const keepAlive: Step = { server: { type: 'ka' } };
const ready: readonly Step[] = [init, ack, keepAlive];

const start = (id: unknown, query: unknown, more: object = {}): Step => ({
  client: { id, type: 'start', payload: { query, ...more } },
});
const stop = (id: unknown): Step => ({ client: { id, type: 'stop' } });
const data = (id: unknown, value: unknown, more: object = {}): Step => ({
  server: { id, type: 'data', payload: { data: value, ...more } },
});
const completed = (id: unknown): Step => ({ server: { id, type: 'complete', payload: null } });
const alive: readonly Step[] = [
  start('alive', '{ hello }'),
  data('alive', { hello: 'world' }),
  completed('alive'),
];

const roomQuery = 'subscription ($room: ID!) { message(room: $room) { text } }';
const listen = (id: unknown, room: string): Step => start(id, roomQuery, { variables: { room } });

/** Matches an object whose `message` is this, whatever else it carries. */
const withMessage = (message: string): unknown => ({
  asymmetricMatch: (actual: unknown) =>
    typeof actual === 'object' && actual !== null && Reflect.get(actual, 'message') === message,
  toString: () => `object with the message ${message}`,
});
const failed = (id: unknown, message: string): Step => ({
  server: { id, type: 'error', payload: withMessage(message) },
});
const connectionError = (message: string): Step => ({
  server: { type: 'connection_error', payload: withMessage(message) },
});
const unparsable: Step = { server: { type: 'connection_error', id: null, payload: anyMessage() } };

function anyMessage(): unknown {
  return {
    asymmetricMatch: (actual: unknown) =>
      typeof actual === 'object' &&
      actual !== null &&
      typeof Reflect.get(actual, 'message') === 'string',
    toString: () => 'object with a message',
  };
}

/** Server statements of the legacy reference that are conversations on an open socket. */
export const subscriptionsTransportWsServer = {
  'LW-4': [undefined, {}, { Authorization: 'Bearer t' }, null].map((payload) => ({
    says: `accepts the init payload ${JSON.stringify(payload)}`,
    steps: [{ client: { type: 'connection_init', payload } }, ack, keepAlive],
  })),
  'LW-5': {
    says: 'the first ka comes right after the ack',
    steps: [{ afterMs: 4_000 }, { quiet: true }, ...ready, { quiet: true }],
  },
  'LW-6': {
    says: 'a ka comes every period until the close',
    steps: [
      ...ready,
      { afterMs: 6_000 },
      { pong: 'from the client' },
      { afterMs: 5_900 },
      { quiet: true },
      { afterMs: 150 },
      keepAlive,
      { pong: 'from the client' },
      { afterMs: 11_850 },
      { quiet: true },
      { pong: 'from the client' },
      { afterMs: 150 },
      keepAlive,
      { clientCloses: 1000 },
      { afterMs: 30_000 },
      { quiet: true },
    ],
  },
  'LW-7': [
    {
      says: 'a refusal is a connection_error with a message, then close 1011',
      options: { onConnect: () => false },
      steps: [init, connectionError('Prohibited connection!'), { close: 1011, reason: '' }],
    },
    {
      says: 'a refusal tells its reason',
      options: { onConnect: () => refuse({ reason: 'Token expired' }) },
      steps: [init, connectionError('Token expired'), { close: 1011, reason: '' }],
    },
    {
      says: 'a connect hook that throws leaks nothing',
      options: {
        onConnect: () => {
          throw new Error('database password is hunter2');
        },
      },
      steps: [init, connectionError('Internal server error'), { close: 1011, reason: '' }],
    },
  ],
  'LW-8': {
    says: 'nothing follows a refusal',
    options: { onConnect: () => false },
    steps: [
      init,
      connectionError('Prohibited connection!'),
      { close: 1011 },
      start('1', '{ hello }'),
      { quiet: true },
    ],
  },
  'LW-9': {
    says: 'a start behind the init is executed after the ack, in order',
    steps: [
      init,
      start('1', '{ hello }'),
      start('2', '{ echo(text: "x") }'),
      ack,
      keepAlive,
      data('1', { hello: 'world' }),
      completed('1'),
      data('2', { echo: 'x' }),
      completed('2'),
    ],
  },
  'LW-10': {
    says: 'a start without init is not executed',
    steps: [
      start('1', 'mutation { post(room: "a", text: "x") }'),
      { server: { type: 'connection_error', payload: anyMessage() } },
      { close: 4401 },
    ],
  },
  'LW-11': [
    {
      says: 'a start behind a refused init is not executed',
      options: { onConnect: () => Promise.resolve(false) },
      steps: [
        init,
        start('1', '{ hello }'),
        connectionError('Prohibited connection!'),
        { close: 1011 },
      ],
    },
    {
      says: 'a start behind an init whose hook throws is not executed',
      options: { onConnect: () => Promise.reject(new Error('x')) },
      steps: [
        init,
        start('1', '{ hello }'),
        connectionError('Internal server error'),
        { close: 1011 },
      ],
    },
  ],
  'LW-12': { says: 'a query is data and complete', steps: [...ready, ...alive, { quiet: true }] },
  'LW-13': {
    says: 'a mutation is data and complete',
    steps: [
      ...ready,
      start('m', 'mutation { post(room: "a", text: "x") }'),
      data('m', { post: true }),
      completed('m'),
    ],
  },
  'LW-14': {
    says: 'a subscription is data for each event, and complete',
    steps: [
      ...ready,
      start('s', 'subscription { countdown(from: 2) }'),
      data('s', { countdown: 2 }),
      data('s', { countdown: 1 }),
      completed('s'),
      { openSources: 0 },
    ],
  },
  'LW-15': {
    says: 'stop disposes of the source and is answered with complete',
    steps: [
      ...ready,
      listen('1', 'a'),
      { openSources: 1 },
      stop('1'),
      completed('1'),
      { openSources: 0 },
    ],
  },
  'LW-16': {
    says: 'no data follows a stop',
    steps: [
      ...ready,
      listen('1', 'a'),
      stop('1'),
      completed('1'),
      { publish: 'x', to: 'a' },
      { quiet: true },
    ],
  },
  'LW-17': {
    says: 'stop during preparation disposes of the source that appears later',
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
  'LW-18': {
    says: 'stop for an unknown id is ignored',
    steps: [...ready, stop('nobody'), { quiet: true }, ...alive],
  },
  'LW-19': {
    says: 'a syntax error is error without complete',
    steps: [
      ...ready,
      start('1', '{'),
      failed('1', 'Syntax Error: Expected Name, found <EOF>.'),
      { quiet: true },
      ...alive,
    ],
  },
  'LW-20': {
    says: 'a validation error has one form',
    steps: [
      ...ready,
      start('1', '{ nope }'),
      failed('1', 'Cannot query field "nope" on type "Query".'),
      { quiet: true },
      ...alive,
    ],
  },
  'LW-21': {
    says: 'an execution error comes in data and the subscription goes on',
    steps: [
      ...ready,
      start('1', 'subscription { flaky }'),
      data('1', { flaky: 1 }),
      data('1', { flaky: null }, { errors: [withMessage('flaky')] }),
      data('1', { flaky: 3 }),
      completed('1'),
    ],
  },
  'LW-22': {
    says: 'a failing source is error without complete',
    steps: [
      ...ready,
      start('1', 'subscription { breaks }'),
      data('1', { breaks: 1 }),
      failed('1', 'Internal server error'),
      { quiet: true },
      ...alive,
    ],
  },
  'LW-23': {
    says: 'a second start with an active id replaces the first',
    steps: [
      ...ready,
      listen('1', 'a'),
      { openSources: 1 },
      listen('1', 'b'),
      { openSources: 1 },
      { publish: 'old', to: 'a' },
      { publish: 'new', to: 'b' },
      data('1', { message: { text: 'new' } }),
      stop('1'),
      completed('1'),
      { quiet: true },
      { openSources: 0 },
    ],
  },
  'LW-24': {
    says: 'an unknown type is an error with that id',
    steps: [
      ...ready,
      { client: { id: '1', type: 'dance' } },
      { server: { id: '1', type: 'error', payload: anyMessage() } },
      ...alive,
    ],
  },
  'LW-25': ['{', 'null', '[]'].map((raw) => ({
    says: `the text ${raw} is a connection_error and the connection goes on`,
    steps: [...ready, { raw }, unparsable, ...alive],
  })),
  'LW-26': {
    says: 'connection_terminate closes',
    steps: [
      ...ready,
      listen('1', 'a'),
      { client: { type: 'connection_terminate' } },
      { close: 1000 },
      { openSources: 0 },
    ],
  },
  'LW-27': {
    says: 'a numeric id is echoed as a number and is not its text',
    steps: [
      ...ready,
      listen(1, 'a'),
      listen('1', 'b'),
      { openSources: 2 },
      { publish: 'x', to: 'a' },
      data(1, { message: { text: 'x' } }),
      stop(1),
      completed(1),
      { openSources: 1 },
    ],
  },
  'LW-28': {
    says: 'complete carries the id and a null payload',
    steps: [...ready, start('7', '{ hello }'), data('7', { hello: 'world' }), completed('7')],
  },
  'LW-30': {
    says: 'a closed socket leaves no source behind',
    steps: [
      ...ready,
      listen('1', 'a'),
      listen('2', 'b'),
      { openSources: 2 },
      { clientCloses: 1000 },
      { openSources: 0 },
    ],
  },
  'LW-31': {
    says: 'null operationName and variables are accepted',
    steps: [
      ...ready,
      start('1', '{ hello }', { operationName: null, variables: null }),
      data('1', { hello: 'world' }),
      completed('1'),
    ],
  },
  'LW-32': {
    says: 'a second init starts no second ka timer',
    steps: [
      ...ready,
      init,
      { quiet: true },
      { afterMs: 11_950 },
      { pong: 'from the client' },
      { afterMs: 100 },
      keepAlive,
      { quiet: true },
    ],
  },
} as const satisfies Transcripts;

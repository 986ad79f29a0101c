import { GraphQLError } from 'graphql';
import type { ServerOptions } from 'millrace/server';
import { refuse } from 'millrace/server';

import type { Question } from '../question.ts';
import { mutation, query, refused, subscription } from '../question.ts';

const fail = (): never => {
  throw new Error('secret cause');
};
const failLater = (): Promise<never> => Promise.reject(new Error('secret cause'));
const complain = (code?: string) => (): never => {
  throw new GraphQLError('not today', { extensions: { ...(code !== undefined && { code }) } });
};

const hello = '{ hello }';
const countdown = 'subscription { countdown(from: 2) }';
const noConnection = { 'a direct call': 'there is no connection to be refused' } as const;
const noResultHooks = { 'a direct call': 'the hooks of results are not called' } as const;

/** The same circumstances for a query, a mutation and a subscription. */
function ofEveryKind(
  title: string,
  ends: string,
  options: Partial<ServerOptions>,
  leavesOut = {},
): readonly Question[] {
  const circumstances = { ends, options, leavesOut };
  return [
    query(`${title}, for a query`, hello, { in: circumstances }),
    mutation(`${title}, for a mutation`, 'mutation { post(room: "a", text: "x") }', {
      in: circumstances,
    }),
    subscription(`${title}, for a subscription`, countdown, { in: circumstances }),
  ];
}

/** The same for an operation whose kind nobody gets to know. */
function beforeItIsKnown(
  title: string,
  ends: string,
  options: Partial<ServerOptions>,
  leavesOut = {},
): readonly Question[] {
  return [
    refused(ends, `${title}, for a query`, hello, { options, leavesOut }),
    refused(ends, `${title}, for a subscription`, countdown, { options, leavesOut }),
    refused(ends, `${title}, for a document that is no document`, '{', { options, leavesOut }),
  ];
}

export const hookQuestions: readonly Question[] = [
  ...beforeItIsKnown(
    'a connect hook that refuses with a reason',
    'FORBIDDEN',
    { onConnect: () => refuse({ reason: 'members only' }) },
    noConnection,
  ),
  ...beforeItIsKnown(
    'a connect hook that throws a refusal',
    'FORBIDDEN',
    {
      onConnect: () => {
        throw refuse({ reason: 'members only' }) as unknown as Error; // a refusal may be thrown, too
      },
    },
    noConnection,
  ),
  refused('FORBIDDEN', 'a connect hook that says no', hello, {
    options: { onConnect: () => false },
    leavesOut: { ...noConnection },
    wordsDiffer: 'the older socket protocol has a sentence of its own for it',
  }),
  ...beforeItIsKnown(
    'a connect hook that throws',
    'INTERNAL_SERVER_ERROR',
    { onConnect: fail },
    noConnection,
  ),
  ...beforeItIsKnown(
    'a connect hook that rejects',
    'INTERNAL_SERVER_ERROR',
    { onConnect: failLater },
    noConnection,
  ),
  ...ofEveryKind('a connect hook that takes its time', 'completed', {
    onConnect: async () => ({ user: 'ada' }),
  }),

  ...beforeItIsKnown('a subscribe hook that refuses', 'UNAUTHORIZED', {
    onSubscribe: () => [new GraphQLError('who are you?', { extensions: { code: 'UNAUTHORIZED' } })],
  }),
  ...beforeItIsKnown('a subscribe hook that refuses with two errors', 'A', {
    onSubscribe: async () => [
      new GraphQLError('first', { extensions: { code: 'A' } }),
      new GraphQLError('second', { extensions: { code: 'B', more: { deep: [1] } } }),
    ],
  }),
  ...beforeItIsKnown('a subscribe hook that throws', 'INTERNAL_SERVER_ERROR', {
    onSubscribe: fail,
  }),
  ...beforeItIsKnown('a subscribe hook that rejects', 'INTERNAL_SERVER_ERROR', {
    onSubscribe: failLater,
  }),
  ...beforeItIsKnown('a subscribe hook that throws an error for clients', 'RATE_LIMITED', {
    onSubscribe: complain('RATE_LIMITED'),
  }),
  ...beforeItIsKnown('a schema that cannot be found', 'INTERNAL_SERVER_ERROR', { schema: fail }),

  ...ofEveryKind('a context that throws', 'INTERNAL_SERVER_ERROR', { context: fail }),
  ...ofEveryKind('a context that rejects', 'INTERNAL_SERVER_ERROR', { context: failLater }),
  ...ofEveryKind('a context that throws an error for clients', 'UNAUTHORIZED', {
    context: complain('UNAUTHORIZED'),
  }),
  ...ofEveryKind('a context that is nothing', 'completed', { context: () => undefined }),

  ...ofEveryKind(
    'a result hook that changes results',
    'completed',
    {
      onNext: ({ result }) => ({ ...result, extensions: { seen: true } }),
    },
    noResultHooks,
  ),
  ...ofEveryKind(
    'a result hook that throws',
    'INTERNAL_SERVER_ERROR',
    { onNext: fail },
    noResultHooks,
  ),
  ...ofEveryKind(
    'a result hook that rejects',
    'INTERNAL_SERVER_ERROR',
    { onNext: failLater },
    noResultHooks,
  ),
  refused('REPLACED', 'an error hook that replaces errors', '{ nope }', {
    options: { onError: () => [{ message: 'something else', extensions: { code: 'REPLACED' } }] },
    leavesOut: noResultHooks,
  }),
  refused('INTERNAL_SERVER_ERROR', 'an error hook that throws', '{ nope }', {
    options: { onError: fail },
    leavesOut: noResultHooks,
  }),
  subscription('an error hook that replaces the failure of a source', 'subscription { breaks }', {
    in: {
      ends: 'REPLACED',
      options: { onError: () => [{ message: 'something else', extensions: { code: 'REPLACED' } }] },
      leavesOut: {
        ...noResultHooks,
        'HTTP POST': 'the hook replaces the refusal, too',
        'HTTP POST of a form': 'the hook replaces the refusal, too',
        'HTTP GET': 'the hook replaces the refusal, too',
        'multipart with incrementalSpec': 'the hook replaces the refusal, too',
        'multipart with deferSpec': 'the hook replaces the refusal, too',
      },
    },
  }),
  ...ofEveryKind('an end hook that throws', 'completed', { onComplete: fail }, noResultHooks),
  query('an error that is not masked', '{ leaks }', { in: { options: { maskErrors: false } } }),
  query('a masked error', '{ hello leaks }'),
  subscription('the failure of a source that is not masked', 'subscription { breaks }', {
    in: {
      ends: 'SOURCE_FAILED',
      options: { maskErrors: false },
      leavesOut: { 'a direct call': 'the source itself is handed over, with the failure as it is' },
    },
  }),
];

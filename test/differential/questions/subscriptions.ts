import type { FixtureApp } from '../../support/fixture-app.ts';
import type { Question } from '../question.ts';
import { query, refused, subscription } from '../question.ts';

const publishing =
  (...texts: readonly string[]) =>
  async (app: FixtureApp): Promise<void> => {
    for (const text of texts) await app.publish('a', text);
  };

const inRoom = (selection: string): string =>
  `subscription { message(room: "a") { ${selection} } }`;

/** How a subscription can go. */
export const subscriptionQuestions: readonly Question[] = [
  subscription('a subscription that ends', 'subscription { countdown(from: 3) }'),
  subscription('a subscription that ends at once', 'subscription { countdown(from: 0) }'),
  subscription('a subscription of many events', 'subscription { countdown(from: 200) }'),
  subscription('a subscription under another name', 'subscription { n: countdown(from: 1) }'),
  subscription(
    'a subscription with a variable',
    'subscription ($n: Int!) { countdown(from: $n) }',
    {
      variables: { n: 2 },
    },
  ),
  subscription(
    'a subscription by a fragment',
    'subscription { ...F } fragment F on Subscription { countdown(from: 1) }',
  ),
  subscription(
    'a subscription by its name',
    'subscription S { countdown(from: 1) } query Q { hello }',
    {
      operationName: 'S',
    },
  ),
  query(
    'the query of a document that has a subscription, too',
    'subscription S { countdown(from: 1) } query Q { hello }',
    {
      operationName: 'Q',
    },
  ),
  subscription('events of a broker, until the client has enough', inRoom('text'), {
    in: { ends: 'left', takes: 2, whenOpen: publishing('1', '2', '3') },
  }),
  subscription('a type name in an event', inRoom('__typename text'), {
    in: { ends: 'left', takes: 1, whenOpen: publishing('1') },
  }),
  subscription('characters of every kind in events', inRoom('text shout'), {
    in: {
      ends: 'left',
      takes: 3,
      whenOpen: publishing('é€😀', 'a\r\nb\u2028', '\r\n--graphql--\r\n\n\n'),
    },
  }),
  subscription('errors in some events', 'subscription { flaky }'),
  subscription('an error in an event, deep inside', inRoom('text shout'), {
    in: { ends: 'left', takes: 3, whenOpen: publishing('good', 'bad', 'good') },
  }),
  subscription('a source that fails later', 'subscription { breaks }', {
    in: {
      ends: 'SOURCE_FAILED',
      leavesOut: { 'a direct call': 'the source itself is handed over, with the failure as it is' },
    },
  }),
  subscription('a field that refuses to start', 'subscription { refuses }', {
    in: { ends: 'SUBSCRIBE_FAILED' },
  }),
  subscription('a field that returns no stream', 'subscription { notAStream }', {
    in: { ends: 'SUBSCRIBE_FAILED' },
  }),
  subscription(
    'an argument that is wrong once its variable is known',
    'subscription ($n: Int = 1) { countdown(from: $n) }',
    {
      variables: { n: null },
      in: { ends: 'BAD_USER_INPUT' },
    },
  ),
  subscription('a context of the event that fails', 'subscription { countdown(from: 2) }', {
    in: {
      options: {
        eventContext: () => {
          throw new Error('no loader');
        },
      },
    },
  }),
  refused('GRAPHQL_VALIDATION_FAILED', 'a subscription to a field that may be left out', {
    query: 'subscription ($on: Boolean!) { countdown(from: 1) @include(if: $on) }',
    variables: { on: false },
  }),
  refused(
    'GRAPHQL_VALIDATION_FAILED',
    'a subscription to two fields',
    'subscription { countdown(from: 1) flaky }',
  ),
  refused(
    'GRAPHQL_VALIDATION_FAILED',
    'a subscription to two fields by a fragment',
    'subscription { ...F } fragment F on Subscription { countdown(from: 1) flaky }',
  ),
  refused(
    'GRAPHQL_VALIDATION_FAILED',
    'a subscription to introspection',
    'subscription { __typename }',
  ),
  refused(
    'GRAPHQL_VALIDATION_FAILED',
    'a subscription to a field that does not exist',
    'subscription { nope }',
  ),
  refused(
    'OPERATION_NOT_FOUND',
    'two subscriptions without a choice',
    'subscription A { flaky } subscription B { breaks }',
  ),
];

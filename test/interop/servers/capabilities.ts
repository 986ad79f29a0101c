import type { TransportError } from 'millrace/client';

import { toEnd } from '../support/client-under-test.ts';
import type { SeenReport } from '../support/client-under-test.ts';
import { completed, failed, next } from '../support/recorded-operation.ts';
import { forbiddenToken } from './foreign-app.ts';
import { resultOf, statesOf, watch } from './seen.ts';
import type { Trial } from './server-under-test.ts';

/** Something that our client shows with every server; one column of the matrix. */
export interface Capability {
  readonly column: string;
  /** What it shows, as the title of a test. */
  readonly says: string;
  /** What is seen with an ordinary server, under the word that the matrix has for it. */
  readonly outcomes: Readonly<Record<string, unknown>>;
  readonly observe: (trial: Trial) => Promise<unknown>;
}

const roomSubscription = 'subscription ($room: ID!) { message(room: $room) { text } }';

const twoOperations = 'query First { hello } query Second { double(n: 21) }';

const twoSubscriptions = 'subscription First { flaky } subscription Second { countdown(from: 1) }';

/** The subscription to a room. */
export function inRoom(room: string): {
  readonly query: string;
  readonly variables: { readonly room: string };
} {
  return { query: roomSubscription, variables: { room } };
}

/** What is seen of an event of a room. */
export function messageOf(text: string): SeenReport {
  return next({ data: { message: { text } } });
}

const closed4403 = { code: 'CONNECTION_REFUSED', closeCode: 4403 };
const unauthorized = { errors: ['Unauthorized'] };
const status401 = { code: 'CONNECTION_REFUSED', status: 401 };

function refusedBy(query: unknown, subscription: unknown): unknown {
  return { query, subscription: [failed(subscription)] };
}

/** The subscription whose source fails after an event. */
export const failingSource = { query: 'subscription { breaks }' } as const;

/** Sends what is no document. */
export function observeSyntaxError({ connect }: Trial): Promise<readonly SeenReport[]> {
  return toEnd(watch(connect().subscribe({ query: 'subscription {' })));
}

export const capabilities: readonly Capability[] = [
  {
    column: 'Query',
    says: 'gets the answer to a query with variables',
    outcomes: { yes: { data: { echo: 'Straße ✓ 🚰' } } },
    observe: ({ connect }) =>
      resultOf(
        connect().query({
          query: 'query ($text: String!) { echo(text: $text) }',
          variables: { text: 'Straße ✓ 🚰' },
        }),
      ),
  },
  {
    column: 'Mutation',
    says: 'sends a mutation whose event its subscription receives',
    outcomes: { yes: [{ data: { post: true } }, messageOf('posted')] },
    async observe({ server, connect }) {
      const client = connect();
      const reports = watch(client.subscribe(inRoom('a')));
      await server.app.sources(1);
      const query = 'mutation ($text: String!) { post(room: "a", text: $text) }';
      const answer = await resultOf(client.mutate({ query, variables: { text: 'posted' } }));
      return [answer, await reports.next()];
    },
  },
  {
    column: 'Events, then end',
    says: 'iterates over the events of a subscription, in order, to its end',
    outcomes: { yes: [3, 2, 1] },
    async observe({ server, connect }) {
      const countdowns: unknown[] = [];
      const query = 'subscription { countdown(from: 3) }';
      for await (const { data } of connect().subscribe({ query }))
        countdowns.push(data?.['countdown']);
      await server.app.sources(0);
      return countdowns;
    },
  },
  {
    column: 'Live',
    says: 'receives what is published while the subscription runs',
    outcomes: { yes: ['one', 'two', 'Straße ✓ 🚰'].map(messageOf) },
    async observe({ server: { app }, connect }) {
      const reports = watch(connect().subscribe(inRoom('a')));
      await app.sources(1);
      for (const text of ['one', 'two', 'Straße ✓ 🚰']) app.publish('a', text);
      return reports.take(3);
    },
  },
  {
    column: 'Several',
    says: 'runs several subscriptions without mixing them',
    outcomes: {
      'on one connection': { seen: [messageOf('for a'), messageOf('for b')], connections: 1 },
      'on two connections': { seen: [messageOf('for a'), messageOf('for b')], connections: 2 },
    },
    async observe({ server, connect }) {
      const client = connect();
      const [inA, inB] = [
        watch(client.subscribe(inRoom('a'))),
        watch(client.subscribe(inRoom('b'))),
      ];
      await server.app.sources(2);
      server.app.publish('b', 'for b');
      server.app.publish('a', 'for a');
      const seen = [await inA.next(), await inB.next(), ...inA.rest, ...inB.rest];
      return { seen, connections: server.openConnections };
    },
  },
  {
    column: 'Operation name',
    says: 'selects an operation of a document by its name',
    outcomes: { yes: [{ data: { double: 42 } }, next({ data: { countdown: 1 } }), completed] },
    async observe({ connect }) {
      const client = connect();
      const operationName = 'Second';
      const query = await resultOf(client.query({ query: twoOperations, operationName }));
      const subscription = client.subscribe({ query: twoSubscriptions, operationName });
      return [query, ...(await toEnd(watch(subscription)))];
    },
  },
  {
    column: 'Unsubscribe',
    says: 'has the source of an operation released that it ends, and no other',
    outcomes: { yes: [messageOf('seen'), messageOf('still here')] },
    async observe({ server: { app }, connect }) {
      const client = connect();
      const left = client.subscribe(inRoom('a'))[Symbol.asyncIterator]();
      const kept = watch(client.subscribe(inRoom('b')));
      const pending = left.next();
      await app.sources(2);
      app.publish('a', 'seen');
      const seen = next((await pending).value);
      await left.return?.();
      await app.sources(1);
      app.publish('b', 'still here');
      return [seen, await kept.next()];
    },
  },
  {
    column: 'Request error',
    says: 'gives the errors of a document that is not valid as a result',
    outcomes: {
      'as a result': {
        query: { errors: ['Cannot query field "nope" on type "Query".'] },
        subscription: [
          next({ errors: ['Cannot query field "nope" on type "Subscription".'] }),
          completed,
        ],
      },
    },
    async observe({ connect }) {
      const client = connect();
      return {
        query: await resultOf(client.query({ query: '{ nope }' })),
        subscription: await toEnd(watch(client.subscribe({ query: 'subscription { nope }' }))),
      };
    },
  },
  {
    column: 'Syntax error',
    says: 'gives the errors of a text that is no document as a result',
    outcomes: {
      'as a result': [next({ errors: ['Syntax Error: Expected Name, found <EOF>.'] }), completed],
    },
    observe: observeSyntaxError,
  },
  {
    column: 'Partial data',
    says: 'gives an execution error of a query together with the data',
    outcomes: { yes: { data: { hello: 'world', fails: null }, errors: ['lookup failed'] } },
    observe: ({ connect }) => resultOf(connect().query({ query: '{ hello fails }' })),
  },
  {
    column: 'Error in an event',
    says: 'goes on with a subscription after an error in one event',
    outcomes: {
      yes: [
        next({ data: { flaky: 3 } }),
        next({ data: { flaky: null }, errors: ['flaky'] }),
        next({ data: { flaky: 1 } }),
        completed,
      ],
    },
    observe: ({ connect }) =>
      toEnd(watch(connect().subscribe({ query: 'subscription { flaky }' }))),
  },
  {
    column: 'Failing source',
    says: 'learns that the source of a subscription failed',
    outcomes: {
      'as a result': [next({ data: { breaks: 1 } }), next({ errors: ['secret cause'] }), completed],
    },
    observe: ({ connect }) => toEnd(watch(connect().subscribe(failingSource))),
  },
  {
    column: 'Credentials',
    says: 'shows who it is',
    outcomes: { yes: { data: { whoAmI: 'key' } } },
    observe: ({ connect }) => resultOf(connect({ token: 'key' }).query({ query: '{ whoAmI }' })),
  },
  {
    column: 'No access',
    says: 'says why it is refused, and does not try again',
    outcomes: {
      'by its close code': refusedBy(closed4403, closed4403),
      'by its status': refusedBy(status401, status401),
      'by its status, by its close code': refusedBy(status401, closed4403),
      'by a result, by its status': refusedBy(unauthorized, status401),
      'by a result, by its close code': refusedBy(unauthorized, closed4403),
    },
    async observe({ connect }) {
      const client = connect({ token: forbiddenToken });
      const [query, subscription] = await Promise.all([
        resultOf(client.query({ query: '{ hello }' })),
        toEnd(watch(client.subscribe(inRoom('a')))),
      ]);
      return { query, subscription };
    },
  },
  {
    column: 'Server restarts',
    says: 'is live again with one subscription at the next server',
    outcomes: {
      yes: {
        seen: [messageOf('before'), messageOf('after')],
        states: ['idle', 'connecting', 'live', 'reconnecting', 'live', 'ended'],
        opened: 1,
      },
    },
    async observe({ server, connect }) {
      const subscription = connect().subscribe(inRoom('a'));
      const states = statesOf(subscription);
      const reports = watch(subscription);
      await server.app.sources(1);
      server.app.publish('a', 'before');
      const before = await reports.next();
      await server.close();
      const { app } = await server.startSuccessor();
      await app.sources(1);
      app.publish('a', 'after');
      const after = await reports.next();
      subscription.return();
      await app.sources(0);
      return { seen: [before, after], states: await states, opened: app.opened };
    },
  },
  {
    column: 'Lost answer',
    says: 'says at once that a query has no answer when its connection is lost',
    outcomes: { yes: 'CONNECTION_LOST' },
    async observe({ server, connect }) {
      const answer = connect().query({ query: '{ never }' });
      const failure = answer.catch((error: unknown) => error);
      await server.app.sources(1);
      await server.close();
      return ((await failure) as TransportError).code; // whatever else it is has another code, or none
    },
  },
  {
    column: 'Idle',
    says: 'leaves when nothing needs the connection, and comes back',
    outcomes: { yes: [{ data: { hello: 'world' } }, { data: { hello: 'world' } }] },
    async observe({ server, connect }) {
      const client = connect({ idleTimeoutMs: 1 });
      const first = await resultOf(client.query({ query: '{ hello }' }));
      await server.connections(0);
      const second = await resultOf(client.query({ query: '{ hello }' }));
      await server.connections(0);
      return [first, second];
    },
  },
];

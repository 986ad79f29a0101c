import { refuse } from 'millrace/server';

import { toEnd } from './client-under-test.ts';
import type { RunningSubscription, Trial } from './client-under-test.ts';
import type { FixtureServerOptions } from '../../support/fixture-server.ts';
import { completed, failed, next } from './recorded-operation.ts';

/** Something that programs expect of every client; one column of the matrix. */
export interface Capability {
  readonly column: string;
  /** What it shows, as the title of a test. */
  readonly says: string;
  readonly serverOptions?: FixtureServerOptions;
  /** What the ordinary client shows its program, under the word that the matrix has for it. */
  readonly outcomes: Readonly<Record<string, unknown>>;
  readonly observe: (trial: Trial) => Promise<unknown>;
}

const roomSubscription = 'subscription ($room: ID!) { message(room: $room) { text } }';

function enterRoom({ client }: Trial, room: string): RunningSubscription {
  return client.subscribe(roomSubscription, { room });
}

function messageOf(text: string): unknown {
  return next({ data: { message: { text } } });
}

const unknownField = 'Cannot query field "nope" on type "Subscription".';

export const capabilities: readonly Capability[] = [
  {
    column: 'Events, then end',
    says: 'delivers the events of a subscription in order, then completes',
    outcomes: {
      yes: [
        next({ data: { countdown: 3 } }),
        next({ data: { countdown: 2 } }),
        next({ data: { countdown: 1 } }),
        completed,
      ],
    },
    async observe({ server, client }) {
      const countdown = client.subscribe('subscription { countdown(from: 3) }');
      const seen = await toEnd(countdown.reports);
      await server.sources(0);
      return seen;
    },
  },
  {
    column: 'Live',
    says: 'delivers what is published while the subscription runs',
    outcomes: { yes: ['one', 'two', 'Straße ✓ 🚰'].map(messageOf) },
    async observe(trial) {
      const room = enterRoom(trial, 'a');
      await trial.server.sources(1);
      for (const text of ['one', 'two', 'Straße ✓ 🚰']) await trial.server.app.publish('a', text);
      return room.reports.take(3);
    },
  },
  {
    column: 'Several',
    says: 'runs several subscriptions of one client without mixing them',
    outcomes: { yes: [messageOf('for a'), messageOf('for b')] },
    async observe(trial) {
      const [inA, inB] = [enterRoom(trial, 'a'), enterRoom(trial, 'b')];
      await trial.server.sources(2);
      await trial.server.app.publish('a', 'for a');
      await trial.server.app.publish('b', 'for b');
      return [
        await inA.reports.next(),
        await inB.reports.next(),
        ...inA.reports.rest,
        ...inB.reports.rest,
      ];
    },
  },
  {
    column: 'Unsubscribe',
    says: 'stops the source of an operation that is unsubscribed, and no other',
    outcomes: { yes: [messageOf('still here')] },
    async observe(trial) {
      const [left, kept] = [enterRoom(trial, 'a'), enterRoom(trial, 'b')];
      await trial.server.sources(2);
      left.unsubscribe();
      await trial.server.sources(1);
      await trial.server.app.publish('b', 'still here');
      return kept.reports.take(1);
    },
  },
  {
    column: 'Query',
    says: 'answers a query with variables',
    outcomes: { yes: [next({ data: { echo: 'Straße ✓ 🚰' } })] },
    observe: ({ client }) =>
      client.execute('query ($text: String!) { echo(text: $text) }', { text: 'Straße ✓ 🚰' }),
  },
  {
    column: 'Mutation',
    says: 'answers a mutation whose event a subscription receives',
    outcomes: { yes: [next({ data: { post: true } }), messageOf('posted')] },
    async observe(trial) {
      const room = enterRoom(trial, 'a');
      await trial.server.sources(1);
      const mutation = 'mutation ($text: String!) { post(room: "a", text: $text) }';
      const seen = await trial.client.execute(mutation, { text: 'posted' });
      return [...seen, ...(seen[0]?.kind === 'next' ? await room.reports.take(1) : [])];
    },
  },
  {
    column: 'Partial data',
    says: 'delivers an execution error of a query together with the data',
    outcomes: { yes: [next({ data: { hello: 'world', fails: null }, errors: ['lookup failed'] })] },
    observe: ({ client }) => client.execute('query { hello fails }'),
  },
  {
    column: 'Error in an event',
    says: 'goes on with a subscription after an error in one event',
    outcomes: {
      yes: [
        next({ data: { flaky: 1 } }),
        next({ data: { flaky: null }, errors: ['flaky'] }),
        next({ data: { flaky: 3 } }),
        completed,
      ],
    },
    observe: ({ client }) => toEnd(client.subscribe('subscription { flaky }').reports),
  },
  {
    column: 'Request error',
    says: 'reports why a subscription is not valid',
    outcomes: {
      'as a result': [next({ errors: [unknownField] }), completed],
      'as a failure': [failed([unknownField])],
    },
    observe: ({ client }) => toEnd(client.subscribe('subscription { nope }').reports),
  },
  {
    column: 'Failing source',
    says: 'reports that a source failed, and no more than that',
    outcomes: {
      'as a result': [
        next({ data: { breaks: 1 } }),
        next({ errors: ['Internal server error'] }),
        completed,
      ],
      'as a failure': [next({ data: { breaks: 1 } }), failed(['Internal server error'])],
    },
    async observe({ server, client }) {
      const seen = await toEnd(client.subscribe('subscription { breaks }').reports);
      await server.sources(0);
      return seen;
    },
  },
  {
    column: 'No access',
    says: 'tells the program when the connect hook refuses it',
    serverOptions: { onConnect: () => refuse({ reason: 'no entry' }) },
    outcomes: { 'as a result': ['next', 'complete'], 'as a failure': ['error'] },
    async observe({ client }) {
      const seen = await toEnd(client.subscribe('subscription { flaky }').reports);
      return seen.map(({ kind }) => kind);
    },
  },
  {
    column: 'Server restarts',
    says: 'finds the next server, by itself or when the program subscribes again',
    outcomes: {
      resumes: [messageOf('after')],
      'reports a result': ['next', 'complete', messageOf('after')],
      'reports a failure': ['error', messageOf('after')],
      'ends in silence': ['complete', messageOf('after')],
    },
    async observe(trial) {
      const before = enterRoom(trial, 'a');
      await trial.server.sources(1);
      await trial.server.app.publish('a', 'before');
      await before.reports.next();
      await trial.server.close();
      const successor = await trial.server.startSuccessor();
      const told = trial.resumes ? [] : await toEnd(before.reports);
      const after = trial.resumes ? before : enterRoom(trial, 'a');
      await successor.sources(1);
      await successor.app.publish('a', 'after');
      return [...told.map(({ kind }) => kind), await after.reports.next()];
    },
  },
];

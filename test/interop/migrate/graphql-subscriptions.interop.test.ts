import * as theirs from 'graphql-subscriptions';
import type { ExecutionResult } from 'graphql';
import * as ours from 'millrace/migrate/graphql-subscriptions';
import { describe, expect, it } from 'vitest';

import { Inbox } from '../../support/waiting.ts';
import { implement, ourGraphql, theirGraphql } from '../support/both-graphqls.ts';
import type { GraphqlLibrary } from '../support/both-graphqls.ts';

/** What the programs import. */
interface Imports {
  readonly graphql: GraphqlLibrary;
  readonly PubSub: typeof theirs.PubSub;
  readonly withFilter: typeof theirs.withFilter;
}

const typeDefinitions = /* GraphQL */ `
  type Result {
    id: String
  }
  type Query {
    noop: Int
  }
  type Subscription {
    somethingChanged(relevantId: String): Result
    anyOf: Result
    shouted: String
  }
`;

/** Starts a subscription by graphql-js alone; `next` gives its results. */
async function run({ graphql }: Imports, resolvers: Record<string, object>, query: string) {
  const schema = graphql.buildSchema(typeDefinitions);
  implement(schema, { Subscription: resolvers });
  const stream = await graphql.subscribe({ schema, document: graphql.parse(query) });
  if (!(Symbol.asyncIterator in stream)) throw new Error('the subscription was refused');
  return stream;
}

const dataOf = ({ value }: IteratorResult<ExecutionResult, unknown>): unknown =>
  (value as ExecutionResult).data;

const withStaticFields = (iterator: AsyncIterator<object>, fields: object) => ({
  next: async () => {
    const { value, done } = await iterator.next();
    return { value: { ...value, ...fields }, done };
  },
  return: async () => iterator.return?.(),
  [Symbol.asyncIterator]() {
    return this;
  },
});

const changed = (id: string) => ({ somethingChanged: { id } });

describe.each<[string, Imports]>([
  ['graphql-subscriptions', { graphql: theirGraphql, ...theirs }],
  [
    'millrace/migrate/graphql-subscriptions',
    { graphql: ourGraphql, ...(ours as unknown as typeof theirs) }, // the same by one import
  ],
])('a program that imports %s', (_, imports) => {
  const { PubSub, withFilter } = imports;

  it('feeds a field from a trigger', async () => {
    const pubsub = new PubSub();
    const results = await run(
      imports,
      { somethingChanged: { subscribe: () => pubsub.asyncIterableIterator('changed') } },
      'subscription { somethingChanged { id } }',
    );
    const pending = results.next();
    await pubsub.publish('changed', changed('123'));
    await pubsub.publish('changed', changed('124'));

    expect(dataOf(await pending)).toEqual(changed('123'));
    expect(dataOf(await results.next())).toEqual(changed('124'));
    expect(await results.return()).toEqual({ done: true, value: undefined });
  });

  it('filters payloads by the arguments of the field', async () => {
    const pubsub = new PubSub();
    const seen: unknown[] = [];
    const results = await run(
      imports,
      {
        somethingChanged: {
          subscribe: withFilter(
            () => pubsub.asyncIterableIterator('changed'),
            async (payload, variables) => {
              seen.push([payload, { ...variables }]);
              if (payload.somethingChanged.id === 'bad') throw new Error('no verdict');
              return payload.somethingChanged.id === variables.relevantId;
            },
          ),
        },
      },
      'subscription { somethingChanged(relevantId: "b") { id } }',
    );
    const pending = results.next();
    for (const id of ['a', 'bad', 'b']) await pubsub.publish('changed', changed(id));

    expect(dataOf(await pending)).toEqual(changed('b'));
    const variables = { relevantId: 'b' };
    expect(seen).toEqual(['a', 'bad', 'b'].map((id) => [changed(id), variables]));
    await results.return();
  });

  it('maps several triggers to one field', async () => {
    const pubsub = new PubSub();
    const triggers = ['created', 'updated', 'removed'];
    const results = await run(
      imports,
      { anyOf: { subscribe: () => pubsub.asyncIterableIterator(triggers) } },
      'subscription { anyOf { id } }',
    );
    const heard: unknown[] = [];
    for (const trigger of triggers) {
      const pending = results.next();
      await pubsub.publish(trigger, { anyOf: { id: trigger } });
      heard.push(dataOf(await pending));
    }
    expect(heard).toEqual(triggers.map((id) => ({ anyOf: { id } })));
    await results.return();
  });

  it('changes payloads in resolve', async () => {
    const pubsub = new PubSub();
    const results = await run(
      imports,
      {
        shouted: {
          subscribe: () => pubsub.asyncIterableIterator('said'),
          resolve: (payload: { readonly said: string }) => payload.said.toUpperCase(),
        },
      },
      'subscription { shouted }',
    );
    const pending = results.next();
    await pubsub.publish('said', { said: 'hello' });
    expect(dataOf(await pending)).toEqual({ shouted: 'HELLO' });
    await results.return();
  });

  it('listens by functions', async () => {
    const pubsub = new PubSub<{ ONE: { n: number }; TWO: string }>();
    const heard = new Inbox<unknown>('a payload');
    const id = await pubsub.subscribe('ONE', heard.push);
    const other = await pubsub.subscribe('TWO', heard.push);
    expect(id).not.toBe(other);
    await pubsub.publish('ONE', { n: 1 });
    expect(await heard.next()).toEqual({ n: 1 });
    pubsub.unsubscribe(id);
    await pubsub.publish('ONE', { n: 2 });
    await pubsub.publish('TWO', 'two');
    expect(await heard.next()).toBe('two');
    expect(heard.rest).toEqual([]);
    pubsub.unsubscribe(other);
    expect(() => pubsub.unsubscribe(other)).toThrow();
  });

  it('hears of any payload as it is', async () => {
    const pubsub = new PubSub<Record<string, unknown>>();
    const heard = new Inbox<unknown>('a payload');
    await pubsub.subscribe('any', heard.push);
    const iterator = pubsub.asyncIterableIterator('any');
    const payloads = [undefined, null, 0, '', new Date(0), Buffer.from('bytes'), new Map([[1, 2]])];
    for (const payload of payloads) {
      const next = iterator.next();
      await pubsub.publish('any', payload);
      expect(await heard.next()).toBe(payload);
      expect(await next).toStrictEqual({ done: false, value: payload });
    }
    await iterator.return?.();
  });

  it('wraps an iterator of its own', async () => {
    const pubsub = new PubSub();
    const results = await run(
      imports,
      {
        shouted: {
          subscribe: () =>
            withStaticFields(pubsub.asyncIterableIterator('said'), { shouted: 'static' }),
        },
      },
      'subscription { shouted }',
    );
    const pending = results.next();
    await pubsub.publish('said', { said: 'hello' });
    expect(dataOf(await pending)).toEqual({ shouted: 'static' });
    await results.return();
  });
});

import { makeExecutableSchema } from '@graphql-tools/schema';
import { GraphQLScalarType } from 'graphql';
import { createMemoryBroker } from 'millrace/broker/memory';
import { pure, subscriptionField } from 'millrace/server';
import { describe, expect, it, vi } from 'vitest';

import { createReferenceEngine } from '../../src/execution/reference-engine.ts';
import { prepared } from './accepted.ts';

// graphql-tools finds graphql as Node does, and there must be one copy of it.
vi.mock('graphql', () => import(/* @vite-ignore */ import.meta.resolve('graphql')));

function createScalar(): GraphQLScalarType {
  return new GraphQLScalarType({ name: 'Time', serialize: String });
}

function createLength() {
  return pure(({ text }: { readonly text: string }) => text.length);
}

describe('a schema of makeExecutableSchema', () => {
  const typeDefs = /* GraphQL */ `
    scalar Time
    interface Named {
      name: String
    }
    type User implements Named {
      name: String
    }
    type Bot implements Named {
      name: String
    }
    union Actor = User | Bot
    type Message {
      text: String
      length: Int
      at: Time
      author: Actor
      named: Named
    }
    type Query {
      noop: Int
    }
    type Subscription {
      message: Message
    }
  `;
  const query = `subscription {
    message { text length at author { ... on User { name } } named { name } }
  }`;
  const createResolvers = () => ({
    Time: pure(createScalar()),
    Message: { length: createLength() },
    Actor: { __resolveType: pure(() => 'User') },
    User: { name: { resolve: pure(() => 'Eve') } },
    Subscription: {
      message: subscriptionField({ topic: createMemoryBroker().topic<object>('messages') }),
    },
  });

  const purityOf = (options: Omit<Parameters<typeof makeExecutableSchema>[0], 'typeDefs'>) => {
    const schema = makeExecutableSchema({ typeDefs, ...options });
    return prepared(createReferenceEngine().prepare(schema, { query })).purity;
  };

  it('keeps what its resolver map declares pure', () => {
    expect(purityOf({ resolvers: createResolvers() })).toEqual({ kind: 'pure' });
  });

  it('keeps it where several maps are merged', () => {
    const others = { Message: { text: createLength() }, Time: { extensions: { codegen: 'Date' } } };
    expect(purityOf({ resolvers: [createResolvers(), others] })).toEqual({ kind: 'pure' });
    expect(purityOf({ resolvers: [others, createResolvers()] })).toEqual({ kind: 'pure' });
  });

  it('keeps it where resolvers are put into the types in place', () => {
    const options = { resolvers: createResolvers(), updateResolversInPlace: true };
    expect(purityOf(options)).toEqual({ kind: 'pure' });
  });

  it.each([
    [{ Time: createScalar() }, 'scalar Time is not declared pure'],
    [{ Message: { length: () => 1 } }, 'Message.length has a resolver'],
    [{ Actor: { __resolveType: () => 'User' } }, 'union Actor has resolveType'],
    [{ Named: { __resolveType: () => 'User' } }, 'interface Named has resolveType'],
    [{ Bot: { __isTypeOf: () => false } }, 'type Bot has isTypeOf'],
  ])('is impure for %o', (impure, reason) => {
    expect(purityOf({ resolvers: { ...createResolvers(), ...impure } })).toEqual({
      kind: 'impure',
      reason,
    });
  });
});

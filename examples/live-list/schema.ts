import { makeExecutableSchema } from '@graphql-tools/schema';
import { GraphQLError } from 'graphql';
import type { GraphQLSchema } from 'graphql';
import type { Topic } from 'millrace/broker';
import { subscriptionField } from 'millrace/server';

import type { Item, Items } from './items.ts';

/** The schema as text, for compilers that want it so. */
export const typeDefs = /* GraphQL */ `
  type Item {
    id: ID!
    text: String!
  }

  type Query {
    "All items, oldest first."
    items: [Item!]!
  }

  type Mutation {
    addItem(text: String!): Item!
  }

  type Subscription {
    "Every item that is added from now on."
    itemAdded: Item!
  }
`;

const maxLength = 200;

/** Everything that can be asked of the list; what is added is announced on `added`. */
export function createSchema(items: Items, added: Topic<Item>): GraphQLSchema {
  return makeExecutableSchema({
    typeDefs,
    resolvers: {
      Query: { items: (): readonly Item[] => items.all() },
      Mutation: {
        addItem: async (_: unknown, { text }: { readonly text: string }): Promise<Item> => {
          // it is in the list before anybody hears of it, so a client that listens first and asks then misses none
          const item = items.add(toLine(text));
          await added.publish(item);
          return item;
        },
      },
      Subscription: { itemAdded: subscriptionField({ topic: added }) },
    },
  });
}

function toLine(text: string): string {
  const line = text.trim();
  if (line !== '' && line.length <= maxLength) return line;
  throw new GraphQLError(`\`text\` takes 1 to ${maxLength} characters`, {
    extensions: { code: 'BAD_USER_INPUT' },
  });
}

import { makeExecutableSchema } from '@graphql-tools/schema';
import { createMemoryBroker } from 'millrace/broker/memory';

/** Rooms in which something is said: the schema of the examples that are about where a server runs, and its broker. */
export function createRooms() {
  const broker = createMemoryBroker();
  const messages = broker.topic('messages');
  const schema = makeExecutableSchema({
    typeDefs: `
      type Query { ok: Boolean! }
      type Mutation { say(room: String!, text: String!): Boolean! }
      type Subscription { said(room: String!): String! }
    `,
    resolvers: {
      Query: { ok: () => true },
      Mutation: {
        say: (_, { room, text }) => messages.publish(text, { key: room }).then(() => true),
      },
      Subscription: { said: { subscribe: (_, { room }) => messages.source(room) } },
    },
  });
  return { schema, broker };
}

import { makeExecutableSchema } from '@graphql-tools/schema';
import { listen } from 'millrace/adapters/node';
import { createMemoryBroker } from 'millrace/broker/memory';
import { createServer } from 'millrace/server';

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
const { url } = await listen(createServer({ schema, broker }), { port: 4000 });
console.log(`GraphQL at ${url}`);

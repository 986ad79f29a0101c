import { makeExecutableSchema } from '@graphql-tools/schema';
import { listen } from 'millrace/adapters/node';
import { createRedisBroker } from 'millrace/broker/redis';
import { createServer, subscriptionField } from 'millrace/server';

const { PORT = '4000', REDIS_URL = 'redis://127.0.0.1:6379' } = process.env;

const broker = createRedisBroker({ url: REDIS_URL, prefix: 'millrace-workers' });
const messages = broker.topic('messages');

const schema = makeExecutableSchema({
  typeDefs: /* GraphQL */ `
    type Message {
      text: String!
    }
    type Query {
      pid: Int!
    }
    type Mutation {
      say(text: String!): Boolean!
    }
    type Subscription {
      said: Message!
    }
  `,
  resolvers: {
    Query: { pid: () => process.pid },
    Mutation: { say: (_, message) => messages.publish(message).then(() => true) },
    Subscription: { said: subscriptionField({ topic: messages }) },
  },
});

// this program runs in the primary, which starts the workers, and in each of them
const server = createServer({ schema, broker });
const running = await listen(server, { port: Number(PORT), workers: 'auto' });
if (running.role === 'primary') {
  console.log(`GraphQL at ${running.url}, served by processes ${running.workers.join(', ')}`);
}

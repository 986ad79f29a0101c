import { makeExecutableSchema } from '@graphql-tools/schema';
import { GraphQLError } from 'graphql';
import { listen } from 'millrace/adapters/node';
import { createMemoryBroker } from 'millrace/broker/memory';
import { createServer, subscriptionField } from 'millrace/server';

interface Todo {
  readonly name: string;
}

/** In place of a real check of a real key. */
const keys = new Set<unknown>(['da2-example']);

const broker = createMemoryBroker();
const created = broker.topic<Todo>('todos created');

const schema = makeExecutableSchema({
  typeDefs: /* GraphQL */ `
    type Todo {
      name: String!
    }
    type Query {
      version: Int!
    }
    type Mutation {
      createTodo(name: String!): Todo!
    }
    type Subscription {
      onCreateTodo: Todo!
    }
  `,
  resolvers: {
    Query: { version: () => 1 },
    Mutation: {
      createTodo: async (_, todo: Todo) => {
        await created.publish(todo);
        return todo;
      },
    },
    Subscription: { onCreateTodo: subscriptionField({ topic: created }) },
  },
});

/** The API key in an authorization object; its names have small letters, whatever the client wrote. */
function keyIn(authorization: unknown): unknown {
  return (authorization as Record<string, unknown>)['x-api-key']; // over AppSync it is an object
}

const server = createServer({
  schema,
  broker,
  protocols: ['appsync', 'graphql-transport-ws'],
  // over HTTP, where queries and mutations go, the key is a header
  onConnect: ({ protocol, connectionParams, request }) =>
    keys.has(
      protocol === 'appsync'
        ? keyIn(connectionParams['authorization'])
        : request.headers['x-api-key'],
    ),
  onSubscribe({ protocol, operation }) {
    if (protocol !== 'appsync' || keys.has(keyIn(operation.extensions?.['authorization'])))
      return [];
    return [new GraphQLError('Unknown API key', { extensions: { code: 'UNAUTHORIZED' } })];
  },
});
const { url } = await listen(server, { port: 4000 });
console.log(`GraphQL at ${url}, for AppSync clients at ${url}/realtime`);

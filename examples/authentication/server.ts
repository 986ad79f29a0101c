import { makeExecutableSchema } from '@graphql-tools/schema';
import { listen } from 'millrace/adapters/node';
import { createMemoryBroker } from 'millrace/broker/memory';
import { createServer, refuse, subscriptionField } from 'millrace/server';

interface Order {
  readonly id: string;
  readonly customer: string;
}

interface Context {
  readonly customer: string;
}

/** In place of a real check of a real token. */
const customers = new Map([
  ['token-of-ada', 'ada'],
  ['token-of-bob', 'bob'],
]);

const broker = createMemoryBroker();
const shipped = broker.topic<Order>('orders shipped');

const schema = makeExecutableSchema<Context>({
  typeDefs: /* GraphQL */ `
    type Order {
      id: ID!
    }
    type Query {
      me: String!
    }
    type Mutation {
      ship(id: ID!): Order!
    }
    type Subscription {
      orderShipped: Order!
    }
  `,
  resolvers: {
    Query: { me: (_, _args, { customer }) => customer },
    Mutation: {
      ship: async (_, { id }: Pick<Order, 'id'>, { customer }) => {
        const order = { id, customer };
        await shipped.publish(order);
        return order;
      },
    },
    Subscription: {
      orderShipped: subscriptionField({
        topic: shipped,
        filter: (order, _args, { customer }: Context) => order.customer === customer,
      }),
    },
  },
});

const server = createServer({
  schema,
  broker,
  onConnect: ({ connectionParams, request }) => {
    const bearer = request.headers['authorization']?.replace('Bearer ', '');
    const customer = customers.get(String(connectionParams['token'] ?? bearer));
    return customer === undefined ? refuse({ reason: 'Unknown token' }) : { customer };
  },
  context: ({ session }) => ({ customer: session.customer }),
  allowedOrigins: ['https://shop.example'],
  limits: { operationsPerConnection: 10 },
});
const { url } = await listen(server, { port: 4000 });
console.log(`GraphQL at ${url}`);

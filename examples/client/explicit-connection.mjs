import { makeExecutableSchema } from '@graphql-tools/schema';
import { listen } from 'millrace/adapters/node';
import { createClient, TransportError } from 'millrace/client';
import { websocket } from 'millrace/client/websocket';
import { createServer, refuse } from 'millrace/server';

// A server to talk to: it wants to know who is there, and says so.
const schema = makeExecutableSchema({
  typeDefs: `
    type Query { me: String! }
    type Subscription { countdown(from: Int!): Int! }
  `,
  resolvers: {
    Query: { me: (_, _args, { user }) => user },
    Subscription: {
      countdown: {
        async *subscribe(_, { from }) {
          for (let count = from; count >= 0; count -= 1) yield { countdown: count };
        },
      },
    },
  },
});
const server = createServer({
  schema,
  onConnect: ({ connectionParams: { user } }) =>
    user ? { user, ackPayload: { welcome: user } } : refuse({ reason: 'Who is there?' }),
  context: ({ session }) => ({ user: session.user }),
});
const running = await listen(server, { port: 0 });

// A document may hold several operations; `operationName` says which one is meant.
const query = `
  query Me { me }
  subscription Countdown($from: Int!) { countdown(from: $from) }
`;

/** @param {import('millrace/client').Operations} operations @param {number} from */
async function countDown(operations, from) {
  const results = operations.subscribe({
    query,
    operationName: 'Countdown',
    variables: { from },
  });
  const counts = [];
  for await (const { data } of results) counts.push(data?.['countdown']);
  console.log(`counted ${counts.join(' ')}`);
}

// An explicit connection is open from now until it is closed, whatever runs on it.
const client = createClient({ url: running.url, transport: websocket() });
const ada = await client.connect({ connectionParams: { user: 'Ada' } });
console.log('connected', ada.ackPayload);

// Everything that runs on it shares one socket and one identity.
const { data } = await ada.query({ query, operationName: 'Me' });
console.log('the server knows', data?.['me']);
await Promise.all([countDown(ada, 3), countDown(ada, 5)]);

// Another connection of the same client is another socket, and may be another identity.
const bob = await client.connect({ connectionParams: { user: 'Bob' } });
console.log('connected', bob.ackPayload);
console.log('sockets:', server.gauges().connections);

// A connection that the server refuses fails at `connect`, with all that is known of it.
try {
  await client.connect();
} catch (failure) {
  if (!(failure instanceof TransportError)) throw failure;
  console.log(failure.code, failure.closeCode, failure.reason);
}

ada.close();
bob.close();
await running.close();

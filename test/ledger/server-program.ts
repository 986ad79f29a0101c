import process from 'node:process';

import { buildSchema } from 'graphql';
import type { GraphQLSchema } from 'graphql';
import { listen } from 'millrace/adapters/node';
import type { Topic } from 'millrace/broker';
import { createServer, subscriptionField } from 'millrace/server';

import { createBroker } from './brokers.ts';
import type { LedgerEvent } from './events.ts';
import { dropsTopic, eventsTopic, reloadSignal } from './server-settings.ts';
import type { ServerSettings } from './server-settings.ts';

const typeDefinitions = /* GraphQL */ `
  type Entry {
    topic: String!
    key: String!
    sequence: Int!
    at: Float!
    padding: String!
    checksum: String!
  }
  input EntryInput {
    topic: String!
    key: String!
    sequence: Int!
    at: Float!
    padding: String!
    checksum: String!
  }
  type Query {
    schemas: Int!
  }
  type Mutation {
    publish(entry: EntryInput!, idempotencyId: String!): [String!]!
  }
  type Subscription {
    ${eventsTopic}(key: ID!): Entry
    ${dropsTopic}(key: ID!): Entry
  }
`;

const settings = JSON.parse(process.env['LEDGER_SERVER'] ?? '') as ServerSettings;
const broker = await createBroker(settings.broker);
let schemas = 0;
let schema = createSchema();
process.on(reloadSignal, () => {
  schema = createSchema();
});

const server = createServer({
  schema: () => schema,
  broker,
  protocols: [
    'graphql-transport-ws',
    'subscriptions-transport-ws',
    'appsync',
    'sse-single',
    'sse',
    'multipart',
  ],
  resume: { keys: settings.keys },
  limits: { outboxHighWaterBytes: settings.outboxHighWaterBytes },
  keepAlive: {
    pingAfterMs: settings.liveness.pingAfterMs,
    pingAnswerMs: settings.liveness.answerMs,
    keepAliveMs: 500,
    heartbeatMs: 500,
  },
  // others are told of what goes wrong here; it is expected to
  onInternalError: () => {},
});
const { port } = await listen(server, {
  port: settings.port,
  host: '127.0.0.1',
  drain: { windowMs: settings.drainWindowMs },
  drainOnSignals: true,
});
process.stdout.write(`${port}\n`);
// it does not outlive whoever started it, however that ends
process.stdin.on('end', () => process.exit()).resume();
process.stdin.unref();

/** A new object each time, as a schema that was loaded again is. */
function createSchema(): GraphQLSchema {
  schemas += 1;
  const made = buildSchema(typeDefinitions);
  const events = broker.topic<LedgerEvent>(eventsTopic);
  const drops = broker.topic<LedgerEvent>(dropsTopic);
  const fields = {
    Query: { schemas: { resolve: () => schemas } },
    Mutation: { publish: { resolve: publish } },
    Subscription: {
      [eventsTopic]: subscriptionField({ topic: events, key: keyOf }),
      [dropsTopic]: subscriptionField({ topic: drops, key: keyOf, slowConsumer: 'drop-oldest' }),
    },
  };
  for (const [typeName, resolvers] of Object.entries(fields)) {
    const type = made.getType(typeName);
    if (!type || !('getFields' in type)) throw new Error(`no type ${typeName}`);
    for (const [name, resolver] of Object.entries(resolvers)) {
      Object.assign(type.getFields()[name] ?? {}, resolver);
    }
  }
  return made;
}

function keyOf({ key }: { readonly key: string }): string {
  return key;
}

/** For publishers of another process, where the broker is of this one. */
async function publish(
  _source: unknown,
  { entry, idempotencyId }: { readonly entry: LedgerEvent; readonly idempotencyId: string },
): Promise<readonly string[]> {
  const topic: Topic<LedgerEvent> = broker.topic(entry.topic);
  // an input object has no prototype, which JSON does not mind
  const { epoch, offset } = await topic.publish(entry, { key: entry.key, idempotencyId });
  return [epoch, offset];
}

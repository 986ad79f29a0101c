import { makeExecutableSchema } from '@graphql-tools/schema';
import { pure, subscriptionField } from 'millrace/server';

/** @typedef {import('./messages.mjs').Message} Message */

const typeDefs = /* GraphQL */ `
  type Message {
    room: String!
    seq: Int!
    dueAt: Float!
    text: String!
  }

  type Query {
    hello: String
  }

  type Subscription {
    messageAdded(room: String!): Message!
  }
`;

export const query = `subscription ($room: String!) {
  messageAdded(room: $room) { room seq dueAt text }
}`;

/** How often the resolver of a field has been called, and for how many events: a shared event that is executed once is called for once. */
export class Executions {
  calls = 0;
  /** The last executed event of each room. @type {Map<string, number>} */
  #last = new Map();
  /** Calls for events that were executed before. */
  again = 0;

  /** @param {Message} message */
  count({ room, seq }) {
    this.calls += 1;
    if (seq <= (this.#last.get(room) ?? 0)) this.again += 1;
    else this.#last.set(room, seq);
  }
}

/**
 * @param {import('millrace/broker').Topic<Message>} topic
 * @param {Executions} executions
 * @returns {import('graphql').GraphQLSchema}
 */
export function createSchema(topic, executions) {
  const text = pure((/** @type {Message} */ message) => {
    executions.count(message);
    return message.text;
  });
  const messageAdded = subscriptionField({
    topic,
    key: (/** @type {{ room: string }} */ { room }) => room,
  });
  return makeExecutableSchema({
    typeDefs,
    resolvers: { Message: { text }, Subscription: { messageAdded } },
  });
}

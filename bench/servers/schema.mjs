import { makeExecutableSchema } from '@graphql-tools/schema';

export const typeDefs = /* GraphQL */ `
  type Message {
    id: ID!
    room: String!
    author: String!
    seq: Int!
    text: String!
  }

  type Query {
    hello: String
  }

  type Subscription {
    messageAdded(room: String!): Message!
  }
`;

/**
 * The schema of all candidates; they differ in the definition of the one subscription field.
 *
 * @param {object} messageAdded the field as the candidate's documentation writes it
 * @returns {import('graphql').GraphQLSchema}
 */
export function createSchema(messageAdded) {
  return makeExecutableSchema({ typeDefs, resolvers: { Subscription: { messageAdded } } });
}

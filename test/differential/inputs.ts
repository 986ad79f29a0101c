import * as graphql from 'graphql';

import { executableSchema } from '../execution/executable-schema.ts';

const parameters = `
  text: String, count: Int, at: Float, flag: Boolean, ids: [ID!], matrix: [[Int]], color: Color, filter: Filter,
  either: Either, given: Int = 7
`;

const definitions = `
  enum Color { RED GREEN }
  input Filter { name: String!, tags: [String!] = ["a"], limit: Int = 10, inner: Filter }
  input Either @oneOf { id: ID, name: String }
  type Query { show(${parameters}): String }
  type Subscription { show(${parameters}): String }
`;

type Arguments = Readonly<Record<string, unknown>>;

/** A schema with inputs of every kind, whose fields answer with what they were given. */
export const inputSchema: graphql.GraphQLSchema = executableSchema(graphql, definitions, {
  Query: { show: (_source: unknown, args: Arguments) => JSON.stringify(args) },
  Subscription: {
    show: {
      subscribe: async function* (_source: unknown, args: Arguments) {
        yield JSON.stringify(args);
      },
      resolve: (event: string) => event,
    },
  },
});

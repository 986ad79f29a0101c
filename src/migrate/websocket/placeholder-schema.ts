import { GraphQLObjectType, GraphQLSchema, GraphQLString } from 'graphql';

/** For a server whose engine is told the schema of each operation by other ways; nothing is executed on it. */
export const placeholderSchema = new GraphQLSchema({
  query: new GraphQLObjectType({ name: 'Query', fields: { none: { type: GraphQLString } } }),
});

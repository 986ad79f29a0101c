import type * as Graphql from 'graphql';

import { ownGraphql } from '../../support/own-graphql.ts';
import { graphql } from '../servers/graphql.ts';

/** What programs here use of graphql; versions 16 and 17 have it alike. */
export type GraphqlLibrary = Pick<
  typeof Graphql,
  'GraphQLError' | 'buildSchema' | 'execute' | 'parse' | 'subscribe' | 'validate'
>;

/** The copy that goes with other libraries. */
export const theirGraphql: GraphqlLibrary = graphql;

/** The copy that goes with Millrace. */
export const ourGraphql = ownGraphql as unknown as GraphqlLibrary; // what is named above is the same

/** Gives fields of `schema` their functions, by type. */
export function implement(
  schema: Graphql.GraphQLSchema,
  resolvers: Readonly<Record<string, Readonly<Record<string, object>>>>,
): void {
  for (const [typeName, fields] of Object.entries(resolvers)) {
    const type = schema.getType(typeName);
    const known = type && 'getFields' in type ? type.getFields() : {};
    for (const [name, functions] of Object.entries(fields)) {
      Object.assign(known[name] ?? {}, functions);
    }
  }
}

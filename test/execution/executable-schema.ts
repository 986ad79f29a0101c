import type { GraphQLFieldResolver, GraphQLSchema } from 'graphql';
import type * as GraphQL from 'graphql';

/** The functions of one field, or its resolver alone. */
export type FieldFunctions =
  | GraphQLFieldResolver<never, never>
  | {
      readonly subscribe?: unknown;
      readonly resolve?: unknown;
    };

/** Builds a schema with the given copy of graphql and attaches functions to its fields. */
export function executableSchema(
  graphql: typeof GraphQL,
  definitions: string,
  functions: Readonly<Record<string, Readonly<Record<string, FieldFunctions>>>> = {},
): GraphQLSchema {
  const schema = graphql.buildSchema(definitions);
  for (const [typeName, fields] of Object.entries(functions)) {
    const type = schema.getType(typeName);
    if (!graphql.isObjectType(type)) throw new Error(`no object type ${typeName}`);
    for (const [fieldName, field] of Object.entries(fields)) {
      const definition = type.getFields()[fieldName];
      if (definition === undefined) throw new Error(`no field ${typeName}.${fieldName}`);
      Object.assign(definition, typeof field === 'function' ? { resolve: field } : field);
    }
  }
  return schema;
}

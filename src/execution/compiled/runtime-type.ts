import { GraphQLError, isObjectType } from 'graphql';
import type { GraphQLAbstractType, GraphQLObjectType, GraphQLSchema } from 'graphql';

import type { FieldPlan } from './plan.ts';
import { show } from './semantics.ts';
import type { Semantics } from './semantics.ts';

/** Where the runtime type of a value was asked for. */
export interface Asked {
  readonly schema: GraphQLSchema;
  readonly type: GraphQLAbstractType;
  readonly field: FieldPlan;
  readonly semantics: Semantics;
}

/** The type whose name a type resolver gave for `value`. @throws GraphQLError for what is not the name of a possible type */
export function toRuntimeType(name: unknown, value: unknown, asked: Asked): GraphQLObjectType {
  const { schema, type, field, semantics } = asked;
  const { nodes } = field;
  const where = `${field.parentType.name}.${field.definition.name}`;
  if (name === null || name === undefined) {
    throw new GraphQLError(
      `Abstract type "${type.name}" must resolve to an Object type at runtime for field "${where}". Either the "${type.name}" type should provide a "resolveType" function or each possible type should provide an "isTypeOf" function.`,
      { nodes },
    );
  }
  if (semantics.writer === 'serialize' && isObjectType(name)) {
    throw new GraphQLError(
      'Support for returning GraphQLObjectType from resolveType was removed in graphql-js@16.0.0 please return type name instead.',
    );
  }
  if (typeof name !== 'string') {
    throw new GraphQLError(
      `Abstract type "${type.name}" must resolve to an Object type at runtime for field "${where}" with value ${show(value, semantics)}, received "${show(name, semantics)}"${semantics.notAName}`,
    );
  }
  const runtimeType = schema.getType(name);
  if (!runtimeType) {
    throw new GraphQLError(
      `Abstract type "${type.name}" was resolved to a type "${name}" that does not exist inside the schema.`,
      { nodes },
    );
  }
  if (!isObjectType(runtimeType)) {
    throw new GraphQLError(
      `Abstract type "${type.name}" was resolved to a non-object type "${name}".`,
      { nodes },
    );
  }
  if (!schema.isSubType(type, runtimeType)) {
    throw new GraphQLError(
      `Runtime Object type "${runtimeType.name}" is not a possible type for "${type.name}".`,
      { nodes },
    );
  }
  return runtimeType;
}

/** What the default type resolver looks at first. */
export function typenameOf(value: unknown): string | undefined {
  if (typeof value !== 'object' || value === null || !('__typename' in value)) return undefined;
  const { __typename } = value;
  return typeof __typename === 'string' ? __typename : undefined;
}

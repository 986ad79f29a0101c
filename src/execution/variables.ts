import { getVariableValues } from 'graphql';
import type { ExecutionArgs, GraphQLError, GraphQLResolveInfo } from 'graphql';

import type { PreparedOperation } from './types.ts';

/** The variables of one request, as the installed graphql gives them to resolvers and to `getArgumentValues`. */
export type CoercedVariables =
  | { readonly kind: 'coerced'; readonly variableValues: GraphQLResolveInfo['variableValues'] }
  | { readonly kind: 'invalid'; readonly errors: readonly GraphQLError[] };

/** graphql-js stops after as many. */
const maxErrors = 50;

/** "CoerceVariableValues" (GraphQL specification, 6.1.2) with the variables of `args`. */
export function coerceVariables(
  { schema, operation }: PreparedOperation,
  args: Pick<ExecutionArgs, 'variableValues' | 'hideSuggestions'>,
): CoercedVariables {
  const definitions = operation.variableDefinitions ?? [];
  const hideSuggestions = args.hideSuggestions === true;
  const values: VariableValuesOfAnyVersion = getVariableValues(
    schema,
    definitions,
    args.variableValues ?? {},
    { maxErrors, hideSuggestions },
  );
  if (values.errors) return { kind: 'invalid', errors: values.errors };
  // where graphql 17 has an object, graphql 16 has the values themselves
  const variableValues = values.variableValues ?? values.coerced;
  return {
    kind: 'coerced',
    variableValues: variableValues as GraphQLResolveInfo['variableValues'], // of that version
  };
}

interface VariableValuesOfAnyVersion {
  readonly errors?: readonly GraphQLError[];
  readonly variableValues?: unknown;
  readonly coerced?: unknown;
}

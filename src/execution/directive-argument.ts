import { valueFromASTUntyped } from 'graphql';
import type { DirectiveNode, OperationDefinitionNode } from 'graphql';

type Variables = Readonly<Record<string, unknown>>;

/** The value that a document gives an argument of a directive; `undefined` if it gives none. */
export function directiveArgument(
  directive: DirectiveNode,
  name: string,
  variables: Variables,
): unknown {
  const argument = directive.arguments?.find((candidate) => candidate.name.value === name);
  return argument && valueFromASTUntyped(argument.value, variables);
}

/** Variables as a client sent them, and defaults of those that it did not send. */
export function withDefaults(
  operation: OperationDefinitionNode,
  variables: Variables | undefined,
): Variables {
  const values: Record<string, unknown> = {};
  for (const { variable, defaultValue } of operation.variableDefinitions ?? []) {
    if (defaultValue) values[variable.name.value] = valueFromASTUntyped(defaultValue);
  }
  return { ...values, ...variables };
}

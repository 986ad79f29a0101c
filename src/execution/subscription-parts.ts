import { GraphQLError } from 'graphql';

import { directiveArgument, withDefaults } from './directive-argument.ts';
import { fragmentsByName } from './fragments.ts';
import { isOfParts, selectionsOf } from './incremental-delivery.ts';
import type { PreparedOperation } from './types.ts';

/** What a subscription would defer or stream with these variables, as errors: graphql would fail each of its events, for a reason that it keeps to itself. */
export function partsOfSubscription(
  { operation, document, isIncremental }: PreparedOperation,
  variables: Readonly<Record<string, unknown>> | undefined,
): readonly GraphQLError[] {
  if (!isIncremental) return [];
  const values = withDefaults(operation, variables);
  return [...selectionsOf(operation, fragmentsByName(document))]
    .flatMap(({ directives = [] }) => directives)
    .filter((directive) => isOfParts(directive.name.value))
    .filter((directive) => directiveArgument(directive, 'if', values) !== false)
    .map((directive) => {
      const message = `A subscription must disable "@${directive.name.value}" by its argument "if".`;
      return new GraphQLError(message, { nodes: directive });
    });
}

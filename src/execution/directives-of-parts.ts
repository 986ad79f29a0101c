import { GraphQLError } from 'graphql';
import type { ASTVisitor, ValidationContext } from 'graphql';

import { executeIncrementally } from './graphql-features.ts';
import { isOfParts } from './incremental-delivery.ts';

/**
 * Refuses `@defer` and `@stream` where the schema declares them and the installed graphql does not implement them (16): a client that asks for parts
 * learns that it gets none.
 */
export function DirectivesOfPartsRule(context: ValidationContext): ASTVisitor {
  if (executeIncrementally !== undefined) return {};
  return {
    Directive(node) {
      const name = node.name.value;
      // what is not declared is refused as unknown
      if (!isOfParts(name) || !context.getSchema().getDirective(name)) return;
      context.reportError(
        new GraphQLError(`Directive "@${name}" needs graphql 17 on the server.`, { nodes: node }),
      );
    },
  };
}

import { execute, getVariableValues } from 'graphql';
import type { ExecutionArgs, ExecutionResult, GraphQLError, GraphQLResolveInfo } from 'graphql';

import { fragmentsByName } from './fragments.ts';
import { executeSubscriptionEvent, validateSubscriptionArgs } from './graphql-features.ts';
import type { PreparedOperation } from './types.ts';

/** A subscription and its variables, ready for any number of events. */
export interface BoundSubscription {
  readonly kind: 'bound';
  /** In the form in which the installed graphql passes them to resolvers and to `getArgumentValues`. */
  readonly variableValues: GraphQLResolveInfo['variableValues'];
  readonly fragments: GraphQLResolveInfo['fragments'];
  executeEvent(
    rootValue: unknown,
    contextValue: unknown,
  ): ExecutionResult | Promise<ExecutionResult>;
}

/** The variables do not fit the operation. */
export interface UnboundSubscription {
  readonly kind: 'unbound';
  readonly errors: readonly GraphQLError[];
}

/**
 * Coerces the variables of `args`, whose document and operation are those of `prepared`.
 *
 * @remarks
 * graphql 17 executes every event with the variables coerced here; graphql 16 has no entry for that and coerces
 * them again. What is coerced belongs to this one subscription.
 */
export function bindSubscription(
  prepared: PreparedOperation,
  args: ExecutionArgs,
): BoundSubscription | UnboundSubscription {
  if (validateSubscriptionArgs === undefined || executeSubscriptionEvent === undefined) {
    return bindForEachEvent(prepared, args);
  }
  const validated = validateSubscriptionArgs(args);
  if (!('schema' in validated)) return { kind: 'unbound', errors: validated };
  const executeEvent = executeSubscriptionEvent;
  return {
    kind: 'bound',
    variableValues: validated.variableValues,
    fragments: validated.fragmentDefinitions,
    executeEvent: (rootValue, contextValue) =>
      executeEvent({ ...validated, rootValue, contextValue }),
  };
}

function bindForEachEvent(
  prepared: PreparedOperation,
  args: ExecutionArgs,
): BoundSubscription | UnboundSubscription {
  const definitions = prepared.operation.variableDefinitions ?? [];
  // graphql 16 answers with the plain map where the types of graphql 17 say `variableValues`.
  const values = getVariableValues(prepared.schema, definitions, args.variableValues ?? {}, {
    maxErrors: 50,
    hideSuggestions: args.hideSuggestions === true,
  }) as { readonly coerced: unknown } | { readonly errors: readonly GraphQLError[] };
  if ('errors' in values) return { kind: 'unbound', errors: values.errors };
  return {
    kind: 'bound',
    // Passed back to the same graphql only, and to resolvers, which know the version they are written for.
    variableValues: values.coerced as GraphQLResolveInfo['variableValues'],
    // Like graphql's own, without a prototype: fragments may be called `constructor`.
    fragments: Object.assign(
      Object.create(null) as object,
      Object.fromEntries(fragmentsByName(prepared.document)),
    ),
    executeEvent: (rootValue, contextValue) => execute({ ...args, rootValue, contextValue }),
  };
}

import { execute } from 'graphql';
import type { ExecutionArgs, ExecutionResult, GraphQLError, GraphQLResolveInfo } from 'graphql';

import { fragmentsOfInfo } from './fragments.ts';
import { executeSubscriptionEvent, validateSubscriptionArgs } from './graphql-features.ts';
import type { PreparedOperation } from './types.ts';
import { coerceVariables } from './variables.ts';

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
  const variables = coerceVariables(prepared, args);
  if (variables.kind === 'invalid') return { kind: 'unbound', errors: variables.errors };
  return {
    kind: 'bound',
    variableValues: variables.variableValues,
    fragments: fragmentsOfInfo(prepared.document),
    executeEvent: (rootValue, contextValue) => execute({ ...args, rootValue, contextValue }),
  };
}

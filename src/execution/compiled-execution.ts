import { getVariableValues } from 'graphql';
import type {
  ExecutionArgs,
  ExecutionResult,
  GraphQLError,
  GraphQLResolveInfo,
  OperationDefinitionNode,
} from 'graphql';

import type { BoundSubscription } from './bound-subscription.ts';
import { CompiledOperation, objectionTo } from './compiled/compiled-operation.ts';
import type { FallbackReason } from './compiled/compiled-operation.ts';
import { semantics } from './compiled/semantics.ts';
import { isTraced } from './compiled/trace-channels.ts';
import { fragmentsByName } from './fragments.ts';
import type { PreparedOperation } from './types.ts';

/** How executions were done. */
export interface ExecutionCounters {
  /** By plans. */
  readonly compiled: number;
  /** By graphql-js, and why. */
  readonly reference: Readonly<Partial<Record<FallbackReason, number>>>;
}

/** Executes operations by plans, as far as it can. */
export class CompiledExecution {
  readonly #operations = new WeakMap<OperationDefinitionNode, CompiledOperation>();
  readonly #reference: Partial<Record<FallbackReason, number>> = {};
  #compiled = 0;

  get counters(): ExecutionCounters {
    return { compiled: this.#compiled, reference: { ...this.#reference } };
  }

  /** Executes a query or mutation; `undefined` if graphql-js has to. */
  execute(
    prepared: PreparedOperation,
    args: ExecutionArgs,
  ): ExecutionResult | Promise<ExecutionResult> | undefined {
    const operation = this.#operationOf(prepared);
    if (!operation || isTraced()) return this.#leave(operation ? 'tracing' : undefined);
    const { schema, operation: definition, document } = prepared;
    const hideSuggestions = args.hideSuggestions === true;
    const values = getVariableValues(
      schema,
      definition.variableDefinitions ?? [],
      args.variableValues ?? {},
      { maxErrors: 50, hideSuggestions },
    ) as VariableValues;
    if (values.errors) return { errors: values.errors };
    const bound = operation.bind(
      {
        // where graphql 17 has an object, graphql 16 has the values themselves
        variableValues:
          values.variableValues ?? (values.coerced as GraphQLResolveInfo['variableValues']),
        fragments: toFragments(document),
      },
      { ...args, hideSuggestions },
    );
    this.#compiled += 1;
    return bound({
      rootValue: args.rootValue,
      context: args.contextValue,
      signal: args.abortSignal ?? undefined,
    });
  }

  /** The same subscription, whose events are executed by a plan if that can be. */
  bind(
    prepared: PreparedOperation,
    args: ExecutionArgs,
    reference: BoundSubscription,
  ): BoundSubscription {
    const operation = this.#operationOf(prepared);
    if (!operation) return reference;
    const resolvers = { ...args, hideSuggestions: args.hideSuggestions === true };
    const bound = operation.bind(reference, resolvers);
    const signal = args.abortSignal ?? undefined;
    return {
      ...reference,
      executeEvent: (rootValue, context) => {
        if (isTraced()) {
          this.#leave('tracing');
          return reference.executeEvent(rootValue, context);
        }
        this.#compiled += 1;
        return bound({ rootValue, context, signal });
      },
    };
  }

  #operationOf(prepared: PreparedOperation): CompiledOperation | undefined {
    const known = this.#operations.get(prepared.operation);
    if (known) return known;
    const reason = semantics ? objectionTo(prepared) : 'version';
    if (!semantics || reason) return this.#leave(reason);
    const operation = new CompiledOperation(prepared, semantics);
    this.#operations.set(prepared.operation, operation);
    return operation;
  }

  #leave(reason: FallbackReason | undefined): undefined {
    if (reason) this.#reference[reason] = (this.#reference[reason] ?? 0) + 1;
  }
}

/** Of either version. */
interface VariableValues {
  readonly errors?: readonly GraphQLError[];
  readonly variableValues?: GraphQLResolveInfo['variableValues'];
  readonly coerced?: unknown;
}

/** Like graphql's own, without a prototype: fragments may be called `constructor`. */
function toFragments(document: PreparedOperation['document']): GraphQLResolveInfo['fragments'] {
  return Object.assign(
    Object.create(null) as object,
    Object.fromEntries(fragmentsByName(document)),
  );
}

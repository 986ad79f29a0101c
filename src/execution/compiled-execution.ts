import type { ExecutionArgs, ExecutionResult, OperationDefinitionNode } from 'graphql';

import type { BoundSubscription } from './bound-subscription.ts';
import type { CodeGenerator } from './compiled/code-generator.ts';
import { CompiledOperation, objectionTo } from './compiled/compiled-operation.ts';
import type { FallbackReason } from './compiled/compiled-operation.ts';
import { PlanRoom } from './compiled/plan-room.ts';
import { semantics } from './compiled/semantics.ts';
import { isTraced } from './compiled/trace-channels.ts';
import type { PreparedOperation } from './types.ts';
import { coerceVariables } from './variables.ts';

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
  readonly #room = new PlanRoom();
  readonly #reference: Partial<Record<FallbackReason, number>> = {};
  readonly #generator: CodeGenerator | undefined;
  #compiled = 0;

  /** @param generator - what writes code for selections that are executed often */
  constructor(generator?: CodeGenerator) {
    this.#generator = generator;
  }

  get counters(): ExecutionCounters {
    return { compiled: this.#compiled, reference: { ...this.#reference } };
  }

  /** Executes a query or mutation; `undefined` if graphql-js has to. */
  execute(
    prepared: PreparedOperation,
    args: ExecutionArgs,
  ): ExecutionResult | Promise<ExecutionResult> | undefined {
    const operation = this.#operationOf(prepared);
    if (typeof operation === 'string') return this.#leave(operation);
    if (isTraced()) return this.#leave('tracing');
    const variables = coerceVariables(prepared, args);
    if (variables.kind === 'invalid') return { errors: variables.errors };
    const { variableValues } = variables;
    const hideSuggestions = args.hideSuggestions === true;
    const bound = operation.bind(
      { variableValues, fragments: operation.fragments },
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
    if (typeof operation === 'string') {
      return {
        ...reference,
        executeEvent: (rootValue, context) => {
          this.#leave(operation);
          return reference.executeEvent(rootValue, context);
        },
      };
    }
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

  /** What is compiled, or why it cannot be. */
  #operationOf(prepared: PreparedOperation): CompiledOperation | FallbackReason {
    const known = this.#operations.get(prepared.operation);
    if (known) return known;
    if (!semantics) return 'version';
    const reason = objectionTo(prepared);
    if (reason) return reason;
    const operation = new CompiledOperation(prepared, semantics, this.#room, this.#generator);
    this.#operations.set(prepared.operation, operation);
    return operation;
  }

  #leave(reason: FallbackReason): undefined {
    this.#reference[reason] = (this.#reference[reason] ?? 0) + 1;
  }
}

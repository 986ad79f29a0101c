import type { ExecutionArgs, ExecutionResult, OperationDefinitionNode } from 'graphql';

import type { BoundSubscription } from './bound-subscription.ts';
import type { BoundOperation } from './compiled/bound-plan.ts';
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
  readonly #counts = new ExecutionCounts();
  readonly #generator: CodeGenerator | undefined;

  /** @param generator - what writes code for selections that are executed often */
  constructor(generator?: CodeGenerator) {
    this.#generator = generator;
  }

  get counters(): ExecutionCounters {
    const { compiled, reference } = this.#counts;
    return { compiled, reference: { ...reference } };
  }

  /** Executes a query or mutation; `undefined` if graphql-js has to. */
  execute(
    prepared: PreparedOperation,
    args: ExecutionArgs,
  ): ExecutionResult | Promise<ExecutionResult> | undefined {
    const operation = this.#operationOf(prepared);
    if (typeof operation === 'string') return this.#counts.leave(operation);
    if (isTraced()) return this.#counts.leave('tracing');
    const variables = coerceVariables(prepared, args);
    if (variables.kind === 'invalid') return { errors: variables.errors };
    const { variableValues } = variables;
    const hideSuggestions = args.hideSuggestions === true;
    const bound = operation.bind(
      { variableValues, fragments: operation.fragments },
      { ...args, hideSuggestions },
    );
    this.#counts.compiled += 1;
    return bound.execute({
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
          this.#counts.leave(operation);
          return reference.executeEvent(rootValue, context);
        },
      };
    }
    const resolvers = { ...args, hideSuggestions: args.hideSuggestions === true };
    const bound = operation.bind(reference, resolvers);
    const signal = args.abortSignal ?? undefined;
    return new PlannedSubscription({ reference, bound, signal, counts: this.#counts });
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
}

/** What {@link ExecutionCounters} are read from. */
class ExecutionCounts {
  compiled = 0;
  readonly reference: Partial<Record<FallbackReason, number>> = {};

  leave(reason: FallbackReason): undefined {
    this.reference[reason] = (this.reference[reason] ?? 0) + 1;
  }
}

/** A subscription whose events are executed by a plan, save while somebody traces graphql-js. An object and no closure, as {@link BoundOperation} is. */
class PlannedSubscription implements BoundSubscription {
  readonly kind = 'bound';
  readonly #reference: BoundSubscription;
  readonly #bound: BoundOperation;
  readonly #signal: AbortSignal | undefined;
  readonly #counts: ExecutionCounts;

  constructor(parts: PlannedParts) {
    this.#reference = parts.reference;
    this.#bound = parts.bound;
    this.#signal = parts.signal;
    this.#counts = parts.counts;
  }

  get variableValues(): BoundSubscription['variableValues'] {
    return this.#reference.variableValues;
  }

  get fragments(): BoundSubscription['fragments'] {
    return this.#reference.fragments;
  }

  executeEvent(rootValue: unknown, context: unknown): ExecutionResult | Promise<ExecutionResult> {
    if (isTraced()) {
      this.#counts.leave('tracing');
      return this.#reference.executeEvent(rootValue, context);
    }
    this.#counts.compiled += 1;
    return this.#bound.execute({ rootValue, context, signal: this.#signal });
  }
}

interface PlannedParts {
  readonly reference: BoundSubscription;
  readonly bound: BoundOperation;
  readonly signal: AbortSignal | undefined;
  readonly counts: ExecutionCounts;
}

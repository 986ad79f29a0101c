import { execute, GraphQLError } from 'graphql';
import type {
  ExecutionArgs,
  ExecutionResult,
  ExperimentalIncrementalExecutionResults,
} from 'graphql';

import { abortError, isAborted, waitUnlessAborted } from './abort.ts';
import { executeIncrementally } from './graphql-features.ts';
import { IncrementalParts, offersIncrementalDelivery } from './incremental-delivery.ts';
import { toCodeGenerator } from './codegen-name.ts';
import type { CodegenName } from './codegen-name.ts';
import { CompiledExecution } from './compiled-execution.ts';
import type { ExecutionCounters } from './compiled-execution.ts';
import { DocumentStore } from './prepare.ts';
import type { DocumentStoreOptions } from './prepare.ts';
import { refuse } from './refusal.ts';
import { resolveSubscription } from './start-subscription.ts';
import { partsOfSubscription } from './subscription-parts.ts';
import type {
  ExecutionEngine,
  ExecutionInput,
  ExecutionOutcome,
  PreparedOperation,
  Refused,
  ResolvedSubscription,
  StartedSubscription,
} from './types.ts';

type FieldResolver = NonNullable<ExecutionArgs['fieldResolver']>;
type TypeResolver = NonNullable<ExecutionArgs['typeResolver']>;

/** Options of {@link createReferenceEngine}. */
export interface ReferenceEngineOptions extends DocumentStoreOptions {
  /** For fields without a resolver. @defaultValue graphql's `defaultFieldResolver` */
  readonly fieldResolver?: FieldResolver;
  /** For abstract types without a resolver. @defaultValue graphql's `defaultTypeResolver` */
  readonly typeResolver?: TypeResolver;
  /** For subscription fields without `subscribe`. @defaultValue graphql's `defaultFieldResolver` */
  readonly subscribeFieldResolver?: FieldResolver;
}

/**
 * The engine that leaves execution to graphql-js 16 or 17, whichever is installed.
 *
 * @remarks
 * Its answers are graphql-js's own. Incremental delivery needs graphql 17 and a schema that declares `@defer` or `@stream`.
 */
export function createReferenceEngine(options: ReferenceEngineOptions = {}): ExecutionEngine {
  return new GraphqlEngine(options);
}

/** Options of {@link createCompiledEngine}. */
export interface CompiledEngineOptions extends ReferenceEngineOptions {
  /**
   * Whether JavaScript is written for selections that are executed often: `'auto'` where the runtime allows code from strings (`new Function`),
   * or `'never'`. Answers are the same.
   *
   * @defaultValue 'auto'
   */
  readonly codegen?: CodegenName;
}

/** An engine that says how it executed. */
export interface CompiledEngine extends ExecutionEngine {
  readonly counters: ExecutionCounters;
}

/**
 * The engine that compiles operations to plans, and answers as graphql-js of the installed version does.
 *
 * @remarks
 * What plans do not cover is left to graphql-js; {@link CompiledEngine.counters} say how often, and why. Results are objects with the ordinary prototype.
 */
export function createCompiledEngine(options: CompiledEngineOptions = {}): CompiledEngine {
  const compiled = new CompiledExecution(toCodeGenerator(options.codegen));
  const engine = new GraphqlEngine(options, compiled);
  return Object.defineProperty(engine, 'counters', {
    get: () => compiled.counters,
  }) as GraphqlEngine & Pick<CompiledEngine, 'counters'>; // it has them now
}

class GraphqlEngine implements ExecutionEngine {
  readonly #options: ReferenceEngineOptions;
  readonly #documents: DocumentStore;
  readonly #compiled: CompiledExecution | undefined;

  constructor(options: ReferenceEngineOptions, compiled?: CompiledExecution) {
    this.#options = options;
    this.#compiled = compiled;
    this.#documents = new DocumentStore(options);
  }

  prepare(
    ...[schema, request]: Parameters<ExecutionEngine['prepare']>
  ): ReturnType<ExecutionEngine['prepare']> {
    return this.#documents.prepare(schema, request);
  }

  async execute(prepared: PreparedOperation, input: ExecutionInput): Promise<ExecutionOutcome> {
    const { signal } = input;
    if (isAborted(signal)) return abortedOutcome();
    try {
      const outcome = await waitUnlessAborted(this.#run(prepared, input), signal, endParts);
      return outcome.kind === 'aborted'
        ? abortedOutcome()
        : toExecutionOutcome(outcome.value, signal);
    } catch (error) {
      if (isAborted(signal)) return abortedOutcome();
      return refuse('INTERNAL_SERVER_ERROR', [toGraphQLError(error)]);
    }
  }

  async subscribe(
    prepared: PreparedOperation,
    input: ExecutionInput,
  ): Promise<StartedSubscription | Refused> {
    const resolved = await this.resolveSource(prepared, input);
    return resolved.kind === 'refused' ? resolved : resolved.start();
  }

  async resolveSource(
    prepared: PreparedOperation,
    input: ExecutionInput,
  ): Promise<ResolvedSubscription | Refused> {
    const parts = partsOfSubscription(prepared, input.variables);
    if (parts.length > 0) return refuse('BAD_USER_INPUT', parts);
    try {
      const args = this.#toArguments(prepared, input);
      return await resolveSubscription({ prepared, input, args, compiled: this.#compiled });
    } catch (error) {
      return refuse('SUBSCRIBE_FAILED', [toGraphQLError(error)]);
    }
  }

  async #run(prepared: PreparedOperation, input: ExecutionInput): Promise<GraphQLAnswer> {
    const args = this.#toArguments(prepared, input);
    const answer = this.#compiled?.execute(prepared, args);
    if (answer) return answer;
    // graphql 17's `execute` refuses a schema that declares the directives, whether or not an operation uses them.
    if (executeIncrementally !== undefined && offersIncrementalDelivery(prepared.schema)) {
      return executeIncrementally(args);
    }
    return execute(args);
  }

  #toArguments(prepared: PreparedOperation, input: ExecutionInput): ExecutionArgs {
    const { fieldResolver, typeResolver, subscribeFieldResolver, hideSuggestions } = this.#options;
    return {
      schema: prepared.schema,
      document: prepared.document,
      operationName: prepared.operation.name?.value ?? null,
      rootValue: input.rootValue,
      contextValue: input.context,
      variableValues: input.variables ?? null,
      fieldResolver: fieldResolver ?? null,
      typeResolver: typeResolver ?? null,
      subscribeFieldResolver: subscribeFieldResolver ?? null,
      hideSuggestions: hideSuggestions ?? false,
      abortSignal: input.signal ?? null,
    };
  }
}

type GraphQLAnswer = ExecutionResult | ExperimentalIncrementalExecutionResults;

function toExecutionOutcome(
  answer: GraphQLAnswer,
  signal: AbortSignal | undefined,
): ExecutionOutcome {
  if ('initialResult' in answer)
    return { kind: 'parts', parts: new IncrementalParts(answer, signal) };
  // Errors without `data` came before execution, and the document is valid: the variables are not.
  if (answer.data === undefined) return refuse('BAD_USER_INPUT', answer.errors ?? []);
  return { kind: 'result', result: answer };
}

function abortedOutcome(): ExecutionOutcome {
  return { kind: 'result', result: { errors: [abortError()], data: null } };
}

/** An execution that was aborted while its first part was on the way. */
function endParts(answer: GraphQLAnswer): void {
  if ('initialResult' in answer) answer.subsequentResults.return().then(undefined, () => undefined);
}

function toGraphQLError(error: unknown): GraphQLError {
  if (error instanceof GraphQLError) return error;
  const originalError = error instanceof Error ? error : new Error(String(error));
  return new GraphQLError(originalError.message, { originalError });
}

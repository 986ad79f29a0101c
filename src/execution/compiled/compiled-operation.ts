import { defaultFieldResolver, defaultTypeResolver, GraphQLError, Kind } from 'graphql';
import type {
  ExecutionResult,
  GraphQLFieldResolver,
  GraphQLResolveInfo,
  GraphQLTypeResolver,
} from 'graphql';
import { LRUCache } from 'lru-cache';

import { fragmentsByName } from '../fragments.ts';
import { readsProperties } from '../guard-context.ts';
import { selectionsOf } from '../incremental-delivery.ts';
import type { PreparedOperation } from '../types.ts';
import { Binding } from './binding.ts';
import { Compiler } from './compile.ts';
import type { Compiling } from './compile.ts';
import type { SelectionPlan } from './plan.ts';
import { Run } from './run.ts';
import type { RunInput } from './run.ts';
import { coercedValues } from './semantics.ts';
import type { Semantics } from './semantics.ts';

/** Why an operation is left to graphql-js. */
export type FallbackReason =
  /** A version of graphql that was not compared. */
  | 'version'
  /** `@defer` or `@stream`. */
  | 'incremental'
  /** Fragments with variables of their own. */
  | 'fragment-variables'
  /** A directive on the operation that changes what an error does. */
  | 'error-propagation'
  /** The schema has no root type for it. */
  | 'root-type'
  /** Somebody listens to the diagnostics channels of graphql. */
  | 'tracing';

/** What resolves where the schema does not say. */
export interface Resolvers {
  readonly fieldResolver?: GraphQLFieldResolver<unknown, unknown> | null | undefined;
  readonly typeResolver?: GraphQLTypeResolver<unknown, unknown> | null | undefined;
  readonly hideSuggestions: boolean;
}

/** Variables as graphql has coerced them, and fragments as resolvers see them. */
export type Bound = Pick<GraphQLResolveInfo, 'variableValues' | 'fragments'>;

/** An operation with variables: executes however often. */
export type BoundOperation = (input: RunInput) => ExecutionResult | Promise<ExecutionResult>;

/** Plans of one operation are kept for so many combinations of the variables that its directives look at. */
const keptPlans = 16;

/** Plans of fields that are kept for one of them. */
const fieldLimit = 10_000;

/** One operation and what it was compiled to. */
export class CompiledOperation {
  readonly #prepared: PreparedOperation;
  readonly #semantics: Semantics;
  /** Variables that directives look at. */
  readonly #deciding: readonly string[];
  /** By field resolver, then by the values of those variables. */
  readonly #plans = new Map<unknown, LRUCache<string, SelectionPlan>>();

  constructor(prepared: PreparedOperation, semantics: Semantics) {
    this.#prepared = prepared;
    this.#semantics = semantics;
    this.#deciding = decidingVariables(prepared);
  }

  /** Binds variables. */
  bind(bound: Bound, resolvers: Resolvers): BoundOperation {
    const { schema, operation } = this.#prepared;
    const fieldResolver = resolvers.fieldResolver ?? defaultFieldResolver;
    const typeResolver = resolvers.typeResolver ?? defaultTypeResolver;
    const { variableValues, fragments } = bound;
    const { hideSuggestions } = resolvers;
    const binding = new Binding(
      { schema, fragments, operation, variableValues, hideSuggestions, fieldResolver },
      this.#semantics,
    );
    const key = this.#keyOf(variableValues);
    // a plan for all that differ only in what they do with functions
    const planned = readsProperties(fieldResolver) ? defaultFieldResolver : fieldResolver;
    const plans = this.#plansOf(planned);
    let plan = plans.get(key);
    if (!plan) {
      const compiling = { variableValues, fieldResolver: planned, typeResolver };
      try {
        plan = this.#compile(compiling);
      } catch (error) {
        // of a directive: before anything was executed, and of no place in the response
        return () => ({ errors: [toGraphQLError(error)], data: null });
      }
      plans.set(key, plan);
    }
    const fields = plan;
    const semantics = this.#semantics;
    return operation.operation === 'mutation'
      ? (input) => new Run(binding, semantics, input).executeSerially(fields)
      : (input) => new Run(binding, semantics, input).execute(fields);
  }

  #compile(
    resolving: Pick<Compiling, 'variableValues' | 'fieldResolver' | 'typeResolver'>,
  ): SelectionPlan {
    const { schema, document, operation } = this.#prepared;
    const compiler = new Compiler({
      ...resolving,
      schema,
      fragments: fragmentsByName(document),
      semantics: this.#semantics,
      fieldLimit,
    });
    const rootType = schema.getRootType(operation.operation);
    return rootType ? compiler.compileRoot(rootType, operation.selectionSet) : [];
  }

  #plansOf(fieldResolver: unknown): LRUCache<string, SelectionPlan> {
    let plans = this.#plans.get(fieldResolver);
    if (!plans) {
      // an engine has one, and what is shared another one
      if (this.#plans.size >= 2) this.#plans.clear();
      plans = new LRUCache({ max: keptPlans });
      this.#plans.set(fieldResolver, plans);
    }
    return plans;
  }

  #keyOf(variableValues: GraphQLResolveInfo['variableValues']): string {
    if (this.#deciding.length === 0) return '';
    const coerced = coercedValues(variableValues);
    return this.#deciding.map((name) => String(coerced[name])).join();
  }
}

/** Why an operation cannot be compiled whatever its variables are. */
export function objectionTo({
  schema,
  document,
  operation,
  isIncremental,
}: PreparedOperation): FallbackReason | undefined {
  if (!schema.getRootType(operation.operation)) return 'root-type';
  if (isIncremental) return 'incremental';
  const hasFragmentVariables = document.definitions.some(
    (definition) =>
      definition.kind === Kind.FRAGMENT_DEFINITION &&
      (definition.variableDefinitions?.length ?? 0) > 0,
  );
  if (hasFragmentVariables) return 'fragment-variables';
  const changesErrors = operation.directives?.some(
    ({ name }) => name.value === 'experimental_disableErrorPropagation',
  );
  return changesErrors ? 'error-propagation' : undefined;
}

function decidingVariables({ document, operation }: PreparedOperation): readonly string[] {
  const names = new Set<string>();
  for (const { directives = [] } of selectionsOf(operation, fragmentsByName(document))) {
    const values = directives
      .filter(({ name }) => name.value === 'skip' || name.value === 'include')
      .flatMap((directive) => directive.arguments ?? [])
      .map(({ value }) => value);
    for (const value of values) if (value.kind === Kind.VARIABLE) names.add(value.name.value);
  }
  return [...names];
}

function toGraphQLError(error: unknown): GraphQLError {
  return error instanceof GraphQLError ? error : new GraphQLError(String(error));
}

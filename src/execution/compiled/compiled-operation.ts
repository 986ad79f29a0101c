import { defaultFieldResolver, defaultTypeResolver, GraphQLError, Kind } from 'graphql';
import type { GraphQLFieldResolver, GraphQLResolveInfo, GraphQLTypeResolver } from 'graphql';
import { LRUCache } from 'lru-cache';

import { fragmentsByName, fragmentsOfInfo } from '../fragments.ts';
import { readsProperties } from '../guard-context.ts';
import { selectionsOf } from '../incremental-delivery.ts';
import type { PreparedOperation } from '../types.ts';
import { Binding } from './binding.ts';
import { BoundPlan } from './bound-plan.ts';
import type { BoundOperation } from './bound-plan.ts';
import type { CodeGenerator } from './code-generator.ts';
import { Compiler } from './compile.ts';
import type { Compiling } from './compile.ts';
import type { PlanOwner, PlanRoom } from './plan-room.ts';
import { Selection } from './selection.ts';
import { coercedValues, pickVariables } from './semantics.ts';
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

/** Plans of one operation are kept for so many combinations of the variables that its directives look at. */
const keptPlans = 16;

/** Plans of fields that are kept for one of them; an execution keeps the others as long as it lasts. */
const fieldLimit = 10_000;

/** One operation and what it was compiled to. */
export class CompiledOperation {
  /** As resolvers of queries and mutations see them. */
  readonly fragments: GraphQLResolveInfo['fragments'];
  readonly #prepared: PreparedOperation;
  readonly #semantics: Semantics;
  /** Variables that directives look at. */
  readonly #deciding: readonly string[];
  /** By field resolver, then by the values of those variables. */
  readonly #owners = new Map<unknown, LRUCache<string, PlanOwner>>();
  readonly #room: PlanRoom;
  readonly #generator: CodeGenerator | undefined;

  constructor(
    prepared: PreparedOperation,
    semantics: Semantics,
    room: PlanRoom,
    generator?: CodeGenerator,
  ) {
    this.#prepared = prepared;
    this.#semantics = semantics;
    this.#room = room;
    this.#generator = generator;
    this.#deciding = decidingVariables(prepared);
    this.fragments = fragmentsOfInfo(prepared.document);
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
    // a plan for all that differ only in what they do with functions
    const planned = readsProperties(fieldResolver) ? defaultFieldResolver : fieldResolver;
    const plan = new BoundPlan({
      binding,
      semantics: this.#semantics,
      room: this.#room,
      owner: this.#ownerOf(planned, this.#keyOf(variableValues)),
      isSerial: operation.operation === 'mutation',
      compile: () => {
        // the other variables belong to this request, and the plan lives longer
        const decided = pickVariables(variableValues, this.#deciding);
        return this.#compile({ variableValues: decided, fieldResolver: planned, typeResolver });
      },
    });
    try {
      plan.get();
    } catch (error) {
      // of a directive: before anything was executed, and of no place in the response
      return { execute: () => ({ errors: [toGraphQLError(error)], data: null }) };
    }
    return plan;
  }

  #compile(
    resolving: Pick<Compiling, 'variableValues' | 'fieldResolver' | 'typeResolver'>,
  ): Selection {
    const { schema, document, operation } = this.#prepared;
    const compiler = new Compiler({
      ...resolving,
      schema,
      fragments: fragmentsByName(document),
      semantics: this.#semantics,
      fieldLimit,
      room: this.#room,
      generator: this.#generator,
    });
    const rootType = schema.getRootType(operation.operation);
    return rootType
      ? compiler.compileRoot(rootType, operation.selectionSet)
      : new Selection([], 0, undefined);
  }

  #ownerOf(fieldResolver: unknown, key: string): PlanOwner {
    let owners = this.#owners.get(fieldResolver);
    if (!owners) {
      // an engine has one, and what is shared another one
      if (this.#owners.size >= 2) this.#owners.clear();
      owners = new LRUCache({ max: keptPlans });
      this.#owners.set(fieldResolver, owners);
    }
    let owner = owners.get(key);
    if (!owner) {
      owner = {};
      owners.set(key, owner);
    }
    return owner;
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

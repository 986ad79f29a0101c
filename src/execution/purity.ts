import {
  defaultFieldResolver,
  defaultTypeResolver,
  getNamedType,
  isAbstractType,
  isInterfaceType,
  isObjectType,
  isScalarType,
  Kind,
} from 'graphql';
import type {
  ExecutionArgs,
  FieldNode,
  FragmentDefinitionNode,
  GraphQLNamedType,
  GraphQLObjectType,
  GraphQLSchema,
  InlineFragmentNode,
  OperationDefinitionNode,
  SelectionNode,
  SelectionSetNode,
} from 'graphql';

import { fragmentsByName } from './fragments.ts';
import { isDeclaredPure, isPureScalar } from './pure.ts';
import type { PreparedOperation, Purity } from './types.ts';

/** The functions that an engine has execution call where the schema has none. */
export interface DefaultResolvers {
  readonly fieldResolver?: ExecutionArgs['fieldResolver'];
  readonly typeResolver?: ExecutionArgs['typeResolver'];
}

/**
 * Decides whether executions of one subscription event may be shared by all who sent the same document, operation name and variables.
 *
 * @remarks
 * `pure` is a proof from the schema, not a guess: every function of the schema that execution may call is graphql's own or
 * declared by `pure()`, whatever the variables are and whichever type a value of an abstract type turns out to have.
 * One way to a context remains, and it depends on the event: the default resolver calls a property that is a function;
 * `GuardContext` is for that. Members of the event that get no context (getters, iterators, `then`, `toJSON`,
 * `valueOf`) count as values, and MUST NOT find out by other ways, such as `AsyncLocalStorage`, who asks.
 *
 * The schema MUST NOT be changed afterwards. The work is bounded however large the document and the schema are:
 * what is too large to be examined is impure. Never throws.
 */
export function purityOf(
  prepared: Pick<PreparedOperation, 'schema' | 'document' | 'operation' | 'isIncremental'>,
  defaults: DefaultResolvers = {},
): Purity {
  const reason = obstacleOf(prepared, defaults);
  return reason === undefined ? { kind: 'pure' } : { kind: 'impure', reason };
}

function obstacleOf(
  { schema, document, operation, isIncremental }: Parameters<typeof purityOf>[0],
  { fieldResolver, typeResolver }: DefaultResolvers,
): string | undefined {
  if (operation.operation !== 'subscription') return 'not a subscription';
  if (isIncremental) return 'the operation uses @defer or @stream';
  if (!isHarmless(fieldResolver, defaultFieldResolver))
    return 'the engine has a fieldResolver of its own';
  if (!isHarmless(typeResolver, defaultTypeResolver))
    return 'the engine has a typeResolver of its own';
  return new SelectionWalk(schema, fragmentsByName(document)).findObstacle(operation);
}

/** Selections and types looked at, some hundred times as many as an ordinary document has. */
const maxSteps = 20_000;

interface Visit {
  readonly type: GraphQLObjectType;
  readonly selectionSet: SelectionSetNode;
}

/** Goes where execution might go, level by level, into each selection set at most once per type. */
class SelectionWalk {
  readonly #schema: GraphQLSchema;
  readonly #fragments: ReadonlyMap<string, FragmentDefinitionNode>;
  readonly #visits: Visit[] = [];
  readonly #entered = new Map<GraphQLNamedType, Set<SelectionSetNode>>();
  #steps = 0;

  constructor(schema: GraphQLSchema, fragments: ReadonlyMap<string, FragmentDefinitionNode>) {
    this.#schema = schema;
    this.#fragments = fragments;
  }

  /** What keeps the executions of `operation` from being shared, or `undefined` where nothing does. */
  findObstacle(operation: OperationDefinitionNode): string | undefined {
    const root = this.#schema.getSubscriptionType();
    if (root) this.#enter(root, operation.selectionSet);
    // Grows while it is walked.
    for (const { type, selectionSet } of this.#visits) {
      for (const selection of selectionSet.selections) {
        this.#steps += 1;
        if (this.#steps > maxSteps) return 'the operation selects too much to be examined';
        const obstacle = this.#examine(type, selection);
        if (obstacle !== undefined) return obstacle;
      }
    }
    return undefined;
  }

  /** `@skip` and `@include` are not looked at, so the answer holds for all variables. */
  #examine(parent: GraphQLObjectType, selection: SelectionNode): string | undefined {
    if (selection.kind === Kind.FIELD) return this.#examineField(parent, selection);
    const fragment =
      selection.kind === Kind.INLINE_FRAGMENT
        ? selection
        : this.#fragments.get(selection.name.value);
    if (fragment && this.#applies(fragment, parent)) this.#enter(parent, fragment.selectionSet);
    return undefined;
  }

  #examineField(parent: GraphQLObjectType, { name, selectionSet }: FieldNode): string | undefined {
    const field = parent.getFields()[name.value];
    // Introspection, which may stand below the root: graphql answers it from the schema alone.
    if (field === undefined) return undefined;
    if (!isHarmless(field.resolve, defaultFieldResolver))
      return `${parent.name}.${field.name} has a resolver`;
    const type = getNamedType(field.type);
    return selectionSet ? this.#enter(type, selectionSet) : obstacleOfType(type);
  }

  /** Looks at the type at once, and at what is selected of it later. */
  #enter(type: GraphQLNamedType, selectionSet: SelectionSetNode): string | undefined {
    const entered = this.#entered.get(type) ?? new Set();
    if (entered.has(selectionSet)) return undefined;
    this.#entered.set(type, entered.add(selectionSet));
    if (isObjectType(type)) this.#visits.push({ type, selectionSet });
    const obstacle = obstacleOfType(type);
    if (obstacle !== undefined || !isAbstractType(type)) return obstacle;
    for (const possibleType of this.#schema.getPossibleTypes(type)) {
      this.#steps += 1;
      const reason = this.#enter(possibleType, selectionSet);
      if (reason !== undefined) return reason;
    }
    return undefined;
  }

  /** "DoesFragmentTypeApply" (GraphQL specification, 6.3.2). */
  #applies(
    { typeCondition }: FragmentDefinitionNode | InlineFragmentNode,
    type: GraphQLObjectType,
  ): boolean {
    if (typeCondition === undefined) return true;
    const condition = this.#schema.getType(typeCondition.name.value);
    if (isAbstractType(condition)) return this.#schema.isSubType(condition, type);
    return condition === type;
  }
}

/** Which function of a type stands in the way; enums have none. */
function obstacleOfType(type: GraphQLNamedType): string | undefined {
  if (isScalarType(type))
    return isPureScalar(type) ? undefined : `scalar ${type.name} is not declared pure`;
  // Called for each value of exactly this type, and for those of its abstract types that have no `__typename`.
  if (isObjectType(type))
    return isHarmless(type.isTypeOf) ? undefined : `type ${type.name} has isTypeOf`;
  if (isAbstractType(type) && !isHarmless(type.resolveType, defaultTypeResolver))
    return `${isInterfaceType(type) ? 'interface' : 'union'} ${type.name} has resolveType`;
  return undefined;
}

/** Whether a function of the schema is absent, graphql's own, or declared pure. */
function isHarmless(present: unknown, ofGraphQL?: unknown): boolean {
  return (
    present === undefined || present === null || present === ofGraphQL || isDeclaredPure(present)
  );
}

import {
  getDirectiveValues,
  GraphQLIncludeDirective,
  GraphQLSkipDirective,
  isAbstractType,
  Kind,
  typeFromAST,
} from 'graphql';
import type {
  FieldNode,
  FragmentDefinitionNode,
  GraphQLObjectType,
  GraphQLResolveInfo,
  GraphQLSchema,
  InlineFragmentNode,
  SelectionNode,
  SelectionSetNode,
} from 'graphql';

import type { Semantics } from './semantics.ts';

/** What decides which fields of a selection there are. */
export interface Selecting {
  readonly schema: GraphQLSchema;
  readonly fragments: ReadonlyMap<string, FragmentDefinitionNode>;
  /** As the installed graphql has them, those that directives look at. */
  readonly variableValues: GraphQLResolveInfo['variableValues'];
  readonly semantics: Semantics;
}

/** Fields by the name that they have in the response, in its order. */
export type CollectedFields = ReadonlyMap<string, readonly FieldNode[]>;

/**
 * "CollectFields" (GraphQL specification, 6.3.2) over several selection sets of the same place, without `@defer`.
 *
 * @throws GraphQLError for a directive whose arguments cannot be had
 */
export function collectFields(
  selecting: Selecting,
  type: GraphQLObjectType,
  selectionSets: readonly SelectionSetNode[],
): CollectedFields {
  const collector = new Collector(selecting, type);
  for (const selectionSet of selectionSets) collector.visit(selectionSet);
  return collector.fields;
}

class Collector {
  readonly fields = new Map<string, FieldNode[]>();
  readonly #selecting: Selecting;
  readonly #type: GraphQLObjectType;
  readonly #visited = new Set<string>();

  constructor(selecting: Selecting, type: GraphQLObjectType) {
    this.#selecting = selecting;
    this.#type = type;
  }

  visit({ selections }: SelectionSetNode): void {
    for (const selection of selections) {
      if (selection.kind === Kind.FRAGMENT_SPREAD)
        this.#visitSpread(selection.name.value, selection);
      else if (!this.#isIncluded(selection)) continue;
      else if (selection.kind === Kind.FIELD) this.#add(selection);
      else if (this.#matches(selection)) this.visit(selection.selectionSet);
    }
  }

  #add(node: FieldNode): void {
    const name = (node.alias ?? node.name).value;
    const nodes = this.fields.get(name);
    if (nodes) nodes.push(node);
    else this.fields.set(name, [node]);
  }

  #visitSpread(name: string, spread: SelectionNode): void {
    const isRepeated = this.#visited.has(name);
    if (isRepeated && !this.#selecting.semantics.readsRepeatedSpreads) return;
    if (!this.#isIncluded(spread) || isRepeated) return;
    this.#visited.add(name);
    const fragment = this.#selecting.fragments.get(name);
    if (fragment && this.#matches(fragment)) this.visit(fragment.selectionSet);
  }

  #isIncluded(node: SelectionNode): boolean {
    if (!node.directives || node.directives.length === 0) return true;
    const { variableValues } = this.#selecting;
    if (getDirectiveValues(GraphQLSkipDirective, node, variableValues)?.['if'] === true)
      return false;
    return getDirectiveValues(GraphQLIncludeDirective, node, variableValues)?.['if'] !== false;
  }

  #matches({ typeCondition }: FragmentDefinitionNode | InlineFragmentNode): boolean {
    if (!typeCondition) return true;
    const { schema } = this.#selecting;
    const type = typeFromAST(schema, typeCondition);
    return type === this.#type || (isAbstractType(type) && schema.isSubType(type, this.#type));
  }
}

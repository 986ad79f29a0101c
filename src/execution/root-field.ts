import { GraphQLError, isNonNullType, locatedError } from 'graphql';
import type { FieldNode, GraphQLField, GraphQLObjectType } from 'graphql';

import { fragmentsByName } from './fragments.ts';
import { collectSubscriptionRoot } from './subscription-root.ts';
import type { PreparedOperation } from './types.ts';

/** The one field that a subscription selects. */
export interface RootField {
  readonly responseName: string;
  /** Its mentions in the document, which execution merges. */
  readonly nodes: readonly FieldNode[];
  readonly node: FieldNode;
  readonly definition: GraphQLField<unknown, unknown>;
  readonly parentType: GraphQLObjectType;
}

/** Throws a `GraphQLError` where validation of another kind than ours let a subscription without a known root field pass. */
export function rootFieldOf({ schema, document, operation }: PreparedOperation): RootField {
  const parentType = schema.getSubscriptionType();
  const fragments = fragmentsByName(document);
  const [entry] = collectSubscriptionRoot(operation, (name) => fragments.get(name)).fields;
  const [responseName, nodes] = entry ?? [];
  const [node] = nodes ?? [];
  const definition = node && parentType?.getFields()[node.name.value];
  if (!parentType || !definition || !node || !nodes || responseName === undefined) {
    throw new GraphQLError('The operation selects no field of the subscription type.', {
      nodes: operation,
    });
  }
  return { responseName, nodes, node, definition, parentType };
}

/** `error` as one of the root field: with its place in the document and in the response. */
export function atRootField(root: RootField, error: unknown): GraphQLError {
  return locatedError(error, root.nodes, [root.responseName]);
}

/** What the response holds when the root field has failed: null bubbles to `data` if the field must not be null. */
export function failedRootData({
  definition,
  responseName,
}: RootField): Record<string, null> | null {
  return isNonNullType(definition.type) ? null : { [responseName]: null };
}

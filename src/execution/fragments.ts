import { Kind } from 'graphql';
import type { DocumentNode, FragmentDefinitionNode, GraphQLResolveInfo } from 'graphql';

/** The fragments of a document. Names are unique in a valid one; of equal ones graphql reads the last, and so does this. */
export function fragmentsByName(
  document: DocumentNode,
): ReadonlyMap<string, FragmentDefinitionNode> {
  const fragments = new Map<string, FragmentDefinitionNode>();
  for (const definition of document.definitions) {
    if (definition.kind === Kind.FRAGMENT_DEFINITION)
      fragments.set(definition.name.value, definition);
  }
  return fragments;
}

/** The same as resolvers get them: like graphql's own without a prototype, for fragments may be called `constructor`. */
export function fragmentsOfInfo(document: DocumentNode): GraphQLResolveInfo['fragments'] {
  return Object.assign(
    Object.create(null) as object,
    Object.fromEntries(fragmentsByName(document)),
  );
}

import { Kind } from 'graphql';
import type {
  DocumentNode,
  FragmentDefinitionNode,
  FragmentSpreadNode,
  OperationDefinitionNode,
  SelectionSetNode,
} from 'graphql';

import { fragmentsByName } from './fragments.ts';

/** Sizes of a definition or document with every fragment put in the place of its spread. */
export interface ExpandedSize {
  /** Selection sets of fields inside each other; fragments add none of their own. */
  readonly depth: number;
  readonly aliases: number;
  readonly fragmentSpreads: number;
  /** Fields and spreads. */
  readonly selections: number;
}

/** What the bounds of a document are checked against. */
export interface DocumentOutline {
  /** The deepest of all roots, the sum of all other sizes. */
  readonly size: ExpandedSize;
  readonly fragments: ReadonlyMap<string, FragmentDefinitionNode>;
  /** The operations, then the fragments that nothing before them reaches. */
  readonly roots: readonly ExecutableNode[];
  /** A spread by which a fragment contains itself, if there is one; sizes leave out what such spreads add. */
  readonly cycle: FragmentSpreadNode | undefined;
}

export type ExecutableNode = OperationDefinitionNode | FragmentDefinitionNode;

/**
 * Measures a document in time linear to its size.
 *
 * @remarks
 * Each fragment is measured once, and no recursion follows the spreads: neither exponential expansion nor
 * a chain of thousands of fragments does any harm. Sizes beyond the range of numbers are `Infinity`.
 */
export function outlineDocument(document: DocumentNode): DocumentOutline {
  const operations = document.definitions.filter(
    (definition) => definition.kind === Kind.OPERATION_DEFINITION,
  );
  const fragments = fragmentsByName(document);
  const expansion = new Expansion(fragments);
  const roots: ExecutableNode[] = [];
  let size: ExpandedSize = { depth: 0, aliases: 0, fragmentSpreads: 0, selections: 0 };
  for (const definition of [...operations, ...fragments.values()]) {
    if (expansion.sizeOf(definition) !== undefined) continue;
    roots.push(definition);
    size = addRoot(size, expansion.measure(definition));
  }
  return { size, fragments, roots, cycle: expansion.cycle };
}

function addRoot(total: ExpandedSize, root: ExpandedSize): ExpandedSize {
  return {
    depth: Math.max(total.depth, root.depth),
    aliases: total.aliases + root.aliases,
    fragmentSpreads: total.fragmentSpreads + root.fragmentSpreads,
    selections: total.selections + root.selections,
  };
}

/** A definition whose spreads are being measured. */
interface Visit {
  readonly definition: ExecutableNode;
  readonly own: OwnSize;
  nextSpread: number;
}

class Expansion {
  readonly #fragments: ReadonlyMap<string, FragmentDefinitionNode>;
  readonly #sizes = new Map<ExecutableNode, ExpandedSize>();
  #cycle: FragmentSpreadNode | undefined;

  constructor(fragments: ReadonlyMap<string, FragmentDefinitionNode>) {
    this.#fragments = fragments;
  }

  get cycle(): FragmentSpreadNode | undefined {
    return this.#cycle;
  }

  sizeOf(definition: ExecutableNode): ExpandedSize | undefined {
    return this.#sizes.get(definition);
  }

  /** Measures `root` and what it reaches, depth first on a stack of its own. */
  measure(root: ExecutableNode): ExpandedSize {
    const open = new Set<ExecutableNode>();
    const stack: Visit[] = [];
    const enter = (definition: ExecutableNode): void => {
      open.add(definition);
      stack.push({ definition, own: measureOwn(definition.selectionSet), nextSpread: 0 });
    };
    let size: ExpandedSize = { depth: 0, aliases: 0, fragmentSpreads: 0, selections: 0 };
    enter(root);
    for (let visit = stack.at(-1); visit !== undefined; visit = stack.at(-1)) {
      const spread = visit.own.spreads[visit.nextSpread];
      visit.nextSpread += 1;
      if (spread === undefined) {
        size = this.#expand(visit.own);
        this.#sizes.set(visit.definition, size);
        open.delete(visit.definition);
        stack.pop();
        continue;
      }
      const target = this.#fragments.get(spread.node.name.value);
      if (target === undefined || this.#sizes.has(target)) continue;
      if (open.has(target)) this.#cycle ??= spread.node;
      else enter(target);
    }
    return size;
  }

  #expand(own: OwnSize): ExpandedSize {
    let { depth, aliases, selections } = own;
    let fragmentSpreads = own.spreads.length;
    for (const spread of own.spreads) {
      const fragment = this.#fragments.get(spread.node.name.value);
      const size = fragment === undefined ? undefined : this.#sizes.get(fragment);
      if (size === undefined) continue;
      // The fragment's outermost selection set is the one in which it is spread.
      depth = Math.max(depth, spread.depth + size.depth - 1);
      aliases += size.aliases;
      fragmentSpreads += size.fragmentSpreads;
      selections += size.selections;
    }
    return { depth, aliases, fragmentSpreads, selections };
  }
}

/** A definition without the fragments that it spreads. */
interface OwnSize {
  readonly depth: number;
  readonly aliases: number;
  readonly selections: number;
  readonly spreads: readonly OwnSpread[];
}

interface OwnSpread {
  readonly node: FragmentSpreadNode;
  /** Of the selection set that holds the spread. */
  readonly depth: number;
}

function measureOwn(root: SelectionSetNode): OwnSize {
  const spreads: OwnSpread[] = [];
  const pending = [{ selectionSet: root, depth: 1 }];
  let deepest = 1;
  let aliases = 0;
  let selections = 0;
  for (let next = pending.pop(); next !== undefined; next = pending.pop()) {
    const { selectionSet, depth } = next;
    deepest = Math.max(deepest, depth);
    for (const selection of selectionSet.selections) {
      selections += 1;
      if (selection.kind === Kind.FRAGMENT_SPREAD) {
        spreads.push({ node: selection, depth });
        continue;
      }
      const isField = selection.kind === Kind.FIELD;
      if (isField && selection.alias !== undefined) aliases += 1;
      if (selection.selectionSet === undefined) continue;
      pending.push({ selectionSet: selection.selectionSet, depth: isField ? depth + 1 : depth });
    }
  }
  return { depth: deepest, aliases, selections, spreads };
}

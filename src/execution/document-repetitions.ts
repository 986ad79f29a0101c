import { Kind } from 'graphql';
import type { FieldNode, FragmentDefinitionNode, SelectionSetNode } from 'graphql';

import type { DocumentOutline } from './document-outline.ts';

/**
 * How often a document repeats itself, in the terms of the rule that makes repetition dear.
 *
 * @remarks
 * "Field Selection Merging" (GraphQL specification, 5.3.2) compares, for every selection set as execution would merge it,
 * all fields of the same response name with each other, and graphql-js also all fragments spread there. These pairs are what is
 * counted; the answer is the number of repetitions of one name that would take as many. So neither one field
 * written 10,000 times, nor 10,000 fields in as many fragments, nor repeated fields inside repeated
 * fields pass, while a hundred fragments that each select `id` in a few places do.
 *
 * Visits each selection of the expanded document at most once; the outline MUST NOT hold a cycle.
 */
export function countRepetitions({ roots, fragments }: DocumentOutline): number {
  const pending: (readonly SelectionSetNode[])[] = roots.map((root) => [root.selectionSet]);
  let pairs = 0;
  for (let next = pending.pop(); next !== undefined; next = pending.pop()) {
    const merged = mergeSelectionSets(next, fragments);
    pairs += pairsAmong(merged.fragmentCount);
    for (const field of merged.fields.values()) {
      pairs += pairsAmong(field.occurrences);
      if (field.selectionSets.length > 0) pending.push(field.selectionSets);
    }
  }
  return repetitionsWorth(pairs);
}

function pairsAmong(count: number): number {
  return (count * (count - 1)) / 2;
}

/** The inverse of `pairsAmong(repetitions + 1)`, rounded up. */
function repetitionsWorth(pairs: number): number {
  return Math.ceil((Math.sqrt(8 * pairs + 1) - 1) / 2);
}

/** All fields of one response name in one merged selection set. */
interface MergedField {
  occurrences: number;
  readonly selectionSets: SelectionSetNode[];
}

interface MergedSelectionSet {
  readonly fields: ReadonlyMap<string, MergedField>;
  readonly fragmentCount: number;
}

function mergeSelectionSets(
  selectionSets: readonly SelectionSetNode[],
  fragments: ReadonlyMap<string, FragmentDefinitionNode>,
): MergedSelectionSet {
  const fields = new Map<string, MergedField>();
  const entered = new Set<string>();
  const pending = [...selectionSets];
  const enter = (name: string): void => {
    const fragment = fragments.get(name);
    if (fragment === undefined || entered.has(name)) return;
    entered.add(name);
    pending.push(fragment.selectionSet);
  };
  for (let next = pending.pop(); next !== undefined; next = pending.pop()) {
    for (const selection of next.selections) {
      if (selection.kind === Kind.FIELD) addField(fields, selection);
      else if (selection.kind === Kind.INLINE_FRAGMENT) pending.push(selection.selectionSet);
      else enter(selection.name.value);
    }
  }
  return { fields, fragmentCount: entered.size };
}

function addField(fields: Map<string, MergedField>, node: FieldNode): void {
  const responseName = (node.alias ?? node.name).value;
  const field = fields.get(responseName) ?? { occurrences: 0, selectionSets: [] };
  fields.set(responseName, field);
  field.occurrences += 1;
  if (node.selectionSet !== undefined) field.selectionSets.push(node.selectionSet);
}

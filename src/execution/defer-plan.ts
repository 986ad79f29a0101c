import { Kind } from 'graphql';
import type { FragmentDefinitionNode, SelectionNode, SelectionSetNode } from 'graphql';

import { directiveArgument, withDefaults } from './directive-argument.ts';
import { fragmentsByName } from './fragments.ts';
import type { PreparedOperation } from './types.ts';

/** The places of a response at which fragments are deferred, and what those select: what a `DeferPlan` of the protocol is. */
export interface DeferPlace {
  readonly below: ReadonlyMap<string, DeferPlace>;
  readonly fragments: readonly DeferredFragment[];
}

interface DeferredFragment {
  readonly label: string | undefined;
  readonly selection: SelectedNames;
}

interface SelectedNames extends ReadonlyMap<string, SelectedNames | 'leaf'> {}

/** The deferred fragments of an operation with these variables; types and `@skip` count for nothing, so that it may be more than is delivered. */
export function planDeferred(
  { operation, document }: Pick<PreparedOperation, 'operation' | 'document'>,
  variables: Readonly<Record<string, unknown>> | undefined,
): DeferPlace {
  const values = withDefaults(operation, variables);
  const root = new Place();
  new Planner(fragmentsByName(document), values).enter(operation.selectionSet, root, undefined);
  root.prune();
  return root;
}

class Place implements DeferPlace {
  readonly below = new Map<string, Place>();
  readonly fragments: DeferredFragment[] = [];
  isSelected = false;

  at(name: string): Place {
    const known = this.below.get(name) ?? new Place();
    this.below.set(name, known);
    return known;
  }

  /** Leaves out what nothing deferred needs; whether that is all. */
  prune(): boolean {
    for (const [name, place] of this.below) {
      if (place.prune()) this.below.delete(name);
    }
    return !this.isSelected && this.fragments.length === 0 && this.below.size === 0;
  }
}

class Planner {
  readonly #fragments: ReadonlyMap<string, FragmentDefinitionNode>;
  readonly #variables: Readonly<Record<string, unknown>>;

  constructor(
    fragments: ReadonlyMap<string, FragmentDefinitionNode>,
    variables: Readonly<Record<string, unknown>>,
  ) {
    this.#fragments = fragments;
    this.#variables = variables;
  }

  /** @param selected - of the deferred fragment around it, if there is one */
  enter(set: SelectionSetNode, place: Place, selected: Names | undefined): void {
    for (const selection of set.selections) {
      if (selection.kind === Kind.FIELD) this.#enterField(selection, place, selected);
      else this.#enterFragment(selection, place, selected);
    }
  }

  #enterField(
    { alias, name, selectionSet }: Extract<SelectionNode, { kind: Kind.FIELD }>,
    place: Place,
    selected: Names | undefined,
  ): void {
    const responseName = (alias ?? name).value;
    if (!selectionSet && !selected) return;
    const below = place.at(responseName);
    if (selected) below.isSelected = true;
    if (selectionSet) this.enter(selectionSet, below, selected && namesAt(selected, responseName));
    else if (selected) selected.set(responseName, 'leaf');
  }

  #enterFragment(
    selection: Exclude<SelectionNode, { kind: Kind.FIELD }>,
    place: Place,
    selected: Names | undefined,
  ): void {
    const holder =
      selection.kind === Kind.FRAGMENT_SPREAD
        ? this.#fragments.get(selection.name.value)
        : selection;
    if (!holder) return;
    const defer = selection.directives?.find(({ name }) => name.value === 'defer');
    if (!defer || directiveArgument(defer, 'if', this.#variables) === false) {
      return this.enter(holder.selectionSet, place, selected);
    }
    // what is deferred inside of it is no part of it
    const own: Names = new Map();
    const label = directiveArgument(defer, 'label', this.#variables);
    place.fragments.push({ label: typeof label === 'string' ? label : undefined, selection: own });
    this.enter(holder.selectionSet, place, own);
  }
}

interface Names extends Map<string, Names | 'leaf'> {}

function namesAt(selected: Names, name: string): Names {
  const known = selected.get(name);
  const names: Names = known === undefined || known === 'leaf' ? new Map() : known;
  selected.set(name, names);
  return names;
}

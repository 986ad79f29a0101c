import type { Choices } from './choices.ts';

/** A type with what is around its name, outermost first. */
export type TypePlan =
  | { readonly kind: 'named'; readonly name: string }
  | { readonly kind: 'list'; readonly of: TypePlan }
  | { readonly kind: 'non-null'; readonly of: TypePlan };

export interface ArgumentPlan {
  readonly name: string;
  readonly type: TypePlan;
  readonly defaultValue: unknown;
}

export interface FieldPlan {
  readonly name: string;
  readonly type: TypePlan;
  readonly args: readonly ArgumentPlan[];
  readonly hasResolver: boolean;
}

export interface SchemaPlan {
  /** Of objects and interfaces. */
  readonly fields: ReadonlyMap<string, readonly FieldPlan[]>;
  readonly union: readonly string[];
  /** Which objects have the interface. */
  readonly implementers: readonly string[];
  /** Types that have a function of their own to tell types. */
  readonly resolvingTypes: ReadonlySet<string>;
}

export const rootTypes = { query: 'Query', mutation: 'Mutation', subscription: 'Sub' } as const;
export const leafNames = ['Int', 'String', 'Float', 'Boolean', 'ID', 'Color', 'Odd'] as const;
const objectNames = ['A', 'B', 'C'] as const;
const compositeNames = [...objectNames, 'I', 'U'] as const;
const fieldNames = ['f', 'g', 'h', 'constructor'] as const;

export function planSchema(choices: Choices): SchemaPlan {
  const implementers = choices.oneIn(3) ? ['A', 'B', 'C'] : ['A', 'B'];
  const inherited = planFields(choices, ['i', 'j'], 1);
  const fields = new Map([['I', inherited]]);
  for (const name of objectNames) {
    const own = planFields(choices, fieldNames, 1);
    fields.set(name, [...(implementers.includes(name) ? inherited : []), ...own]);
  }
  for (const name of Object.values(rootTypes)) fields.set(name, planFields(choices, fieldNames, 2));
  return {
    fields,
    union: choices.of([['A', 'C'], ['A', 'B', 'C'], ['B']]),
    implementers,
    resolvingTypes: new Set([...objectNames, 'I', 'U'].filter(() => choices.oneIn(4))),
  };
}

function planFields(choices: Choices, names: readonly string[], fewest: number): FieldPlan[] {
  return choices
    .list(fewest, names.length, (index) => index)
    .map((index) => ({
      name: names[index] ?? 'f',
      type: planType(choices),
      args: choices.oneIn(3) ? planArguments(choices) : [],
      hasResolver: choices.oneIn(3),
    }));
}

function named(name: string): TypePlan {
  return { kind: 'named', name };
}

function planType(choices: Choices): TypePlan {
  const base = named(choices.oneIn(2) ? choices.of(compositeNames) : choices.of(leafNames));
  return choices.below(8) < 3 ? wrap(choices, base) : wrap(choices, wrap(choices, base));
}

function wrap(choices: Choices, type: TypePlan): TypePlan {
  const kind = choices.below(5);
  if (kind === 1 || kind === 2) return { kind: 'list', of: type };
  return kind >= 3 && type.kind !== 'non-null' ? { kind: 'non-null', of: type } : type;
}

const inputTypes: readonly (readonly [type: TypePlan, defaults: readonly unknown[]])[] = [
  [named('Int'), [3]],
  [named('String'), ['s']],
  [named('Color'), ['red-value']],
  [named('Odd'), ['odd']],
  [named('In'), [{ n: 1, c: 'red-value' }]],
  [named('One'), []],
  [{ kind: 'list', of: named('Int') }, [[1, null]]],
  [{ kind: 'list', of: { kind: 'non-null', of: named('In') } }, []],
  [{ kind: 'non-null', of: named('Int') }, [7]],
  [{ kind: 'non-null', of: named('Boolean') }, []],
];

function planArguments(choices: Choices): readonly ArgumentPlan[] {
  return choices.list(1, 2, (index) => {
    const [type, defaults] = choices.of(inputTypes);
    const hasDefault = defaults.length > 0 && choices.oneIn(3);
    return { name: `x${index}`, type, defaultValue: hasDefault ? defaults[0] : undefined };
  });
}

import type { Choices } from './choices.ts';
import { leafNames, rootTypes } from './schema-plan.ts';
import type { ArgumentPlan, FieldPlan, SchemaPlan, TypePlan } from './schema-plan.ts';

export interface OperationText {
  readonly kind: keyof typeof rootTypes;
  readonly text: string;
  readonly variables: Readonly<Record<string, unknown>>;
}

/** An operation on that schema. It need not be valid: engines agree on others, too. */
export function writeOperation(choices: Choices, schema: SchemaPlan): OperationText {
  return new OperationWriter(choices, schema).write();
}

const variableTypes: readonly (readonly [
  name: string,
  type: string,
  values: readonly unknown[],
])[] = [
  ['yes', 'Boolean!', [true, false]],
  ['no', 'Boolean = false', [false, true, undefined, null]],
  ['n', 'Int', [1, undefined, null, 2.5]],
  ['m', 'Int! = 4', [5, undefined]],
  ['s', 'String', ['text', undefined]],
  ['c', 'Color', ['RED', undefined, 'PINK']],
  ['in', 'In', [{ n: 2 }, { n: 1, c: 'GREEN', deep: { odd: 'x' } }, undefined, { wrong: 1 }]],
  ['ns', '[Int]', [[1, 2], 3, undefined, [null]]],
  ['one', 'One', [{ a: 1 }, { b: 'b' }, undefined, { a: 1, b: 'b' }]],
  ['odd', 'Odd', ['o', { list: [1] }, undefined, 'throw']],
];

const aliases = ['a', 'b', '__proto__', 'toString', '__typename', 'f', '__schema'] as const;
const composites: ReadonlySet<string> = new Set(['A', 'B', 'C', 'I', 'U']);
const conditions = ['A', 'B', 'C', 'I', 'U', 'Nothing', 'Color'] as const;

/** Fields after which nothing but leaves is selected. */
const manyFields = 40;

class OperationWriter {
  readonly #choices: Choices;
  readonly #schema: SchemaPlan;
  #fields = 0;
  #kind: OperationText['kind'] = 'query';
  /** Fragments that may be spread here: none inside of itself. */
  #spreads: readonly string[] = ['F', 'G'];

  constructor(choices: Choices, schema: SchemaPlan) {
    this.#choices = choices;
    this.#schema = schema;
  }

  write(): OperationText {
    const kind = this.#choices.of(['query', 'query', 'mutation', 'subscription'] as const);
    this.#kind = kind;
    const definitions = variableTypes.map(([name, type]) => `$${name}: ${type}`).join(' ');
    const selection = this.#selection(rootTypes[kind], kind === 'subscription' ? 3 : 4);
    this.#spreads = [];
    const fragments = [
      `fragment F on ${this.#condition()} ${this.#selection('A', 2)}`,
      `fragment G on ${this.#condition()} { ...F ${this.#field('B', 2)} }`,
    ];
    return {
      kind,
      text: [`${kind} (${definitions}) ${selection}`, ...fragments].join('\n'),
      variables: this.#variables(),
    };
  }

  /** Most of them as they should be; the last of several is refused. */
  #variables(): Record<string, unknown> {
    const given: Record<string, unknown> = {};
    for (const [name, , values] of variableTypes) {
      const value = this.#choices.oneIn(3) ? this.#choices.of(values) : values[0];
      const isRefused = value === values.at(-1) && values.length > 2 && !this.#choices.oneIn(8);
      const chosen = isRefused ? values[0] : value;
      if (chosen !== undefined) given[name] = chosen;
    }
    return given;
  }

  #selection(typeName: string, depth: number): string {
    const parts = this.#choices.list(1, depth > 2 ? 5 : 3, () => this.#part(typeName, depth));
    return `{ ${parts.join(' ')} }`;
  }

  #part(typeName: string, depth: number): string {
    const kind = this.#choices.below(10);
    if (kind < 7 || depth === 0 || this.#fields > manyFields) return this.#field(typeName, depth);
    if (kind === 7 && this.#spreads.length > 0) {
      return `...${this.#choices.of(this.#spreads)} ${this.#directives()}`;
    }
    const condition = this.#choices.oneIn(2) ? typeName : this.#condition();
    const on = this.#choices.oneIn(5) ? '' : `on ${condition}`;
    const inner = on === '' || !composites.has(condition) ? typeName : condition;
    return `... ${on} ${this.#directives()} ${this.#selection(inner, depth - 1)}`;
  }

  #condition(): string {
    return this.#choices.oneIn(8)
      ? this.#choices.of(conditions)
      : this.#choices.of(['A', 'B', 'I', 'C', 'U']);
  }

  #field(typeName: string, depth: number): string {
    this.#fields += 1;
    const choices = this.#choices;
    const special = choices.below(16);
    if (special === 15) return this.#introspection();
    if (special === 14) return `${this.#alias()} __typename`;
    const plan = choices.of(
      this.#schema.fields.get(typeName) ?? this.#schema.fields.get('I') ?? [],
    );
    const target = innermost(plan.type);
    const isLeaf = (leafNames as readonly string[]).includes(target);
    if (!isLeaf && (depth === 0 || this.#fields > manyFields)) return '__typename';
    const selection = isLeaf ? '' : this.#selection(target, depth - 1);
    return `${this.#alias()} ${plan.name}${this.#arguments(plan)} ${this.#directives()} ${selection}`;
  }

  #introspection(): string {
    // an unknown field of a mutation takes a microtask of graphql-js, but none of a plan
    if (this.#kind === 'mutation') return '__typename';
    return this.#choices.of([
      '__schema { queryType { name fields { name } } }',
      '__type(name: "A") { name kind }',
      '__type(name: $s) { name }',
      'missing { a }',
      '__type { name }',
    ]);
  }

  #alias(): string {
    return this.#choices.oneIn(4) ? `${this.#choices.of(aliases)}:` : '';
  }

  #directives(): string {
    if (!this.#choices.oneIn(6)) return '';
    return this.#choices.of([
      '@include(if: true)',
      '@skip(if: $no)',
      '@include(if: $yes)',
      '@skip(if: false) @include(if: $yes)',
      '@skip(if: true)',
      '@skip(if: $n)',
      '@skip',
      '@include(if: $yes) @unknown(x: 1)',
    ]);
  }

  #arguments({ args }: FieldPlan): string {
    if (args.length === 0) return '';
    const given = args.flatMap((argument) => this.#argument(argument) ?? []);
    if (this.#choices.oneIn(10)) given.push('other: 1');
    return given.length === 0 ? '' : `(${given.join(', ')})`;
  }

  #argument({ name, type, defaultValue }: ArgumentPlan): string | undefined {
    const isOptional = type.kind !== 'non-null' || defaultValue !== undefined;
    if (isOptional && this.#choices.oneIn(4)) return undefined;
    const value = this.#choices.oneIn(12) ? this.#choices.of(wrongLiterals) : this.#literal(type);
    return `${name}: ${value}`;
  }

  #literal(type: TypePlan): string {
    const choices = this.#choices;
    if (type.kind === 'non-null') return this.#literal(type.of);
    if (type.kind === 'list') {
      const items = choices.list(0, 2, () => this.#literal(type.of));
      return choices.of([`[${items.join(', ')}]`, this.#literal(type.of), '$ns']);
    }
    return choices.of(literals[type.name] ?? ['null']);
  }
}

const wrongLiterals = ['null', '"text"', '{ odd: 1 }', '$missing', '[[1]]', 'PURPLE'];

const literals: Readonly<Record<string, readonly string[]>> = {
  Int: ['1', '$n', '$m', 'null'],
  String: ['"t"', '$s'],
  Boolean: ['true', '$yes', '$no'],
  Color: ['RED', '$c', 'GREEN'],
  Odd: ['"o"', '$odd', '{ a: [1, $n] }', '"throw"'],
  In: ['{ n: 1 }', '{ n: $n, c: RED }', '$in', '{ c: $c, deep: { n: $m, odd: 2 } }', '{}'],
  One: ['{ a: 1 }', '{ b: $s }', '$one', '{ a: $n }', '{ a: 1, b: "x" }'],
};

function innermost(type: TypePlan): string {
  return type.kind === 'named' ? type.name : innermost(type.of);
}

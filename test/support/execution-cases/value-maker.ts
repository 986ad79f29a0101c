import { GraphQLError } from 'graphql';
import type { GraphQLResolveInfo } from 'graphql';

import type { CallLog } from './call-log.ts';
import type { Choices, Fates } from './choices.ts';
import { settleAfter, toThenable } from './late-values.ts';
import { lists } from './lists.ts';
import type { SchemaPlan, TypePlan } from './schema-plan.ts';

/** The name by which an object finds its fate. */
const identity = Symbol('identity');

type Method = (args: unknown, context: unknown, info: GraphQLResolveInfo) => unknown;

/** Makes the values of fields: most of them as they should be. The same fates make the same values. */
export class ValueMaker {
  readonly #fates: Fates;
  readonly #schema: SchemaPlan;
  readonly #log: CallLog;
  readonly #prototypes = new Map<string, object>();

  constructor(fates: Fates, schema: SchemaPlan, log: CallLog) {
    this.#fates = fates;
    this.#schema = schema;
    this.#log = log;
  }

  object(typeName: string, name: string): object {
    const object = Object.create(this.#prototypeOf(typeName)) as object;
    return Object.defineProperty(object, identity, { value: name });
  }

  /** What a resolver of a field answers, for whatever source: an object of ours, or something that is none. */
  fieldOf(source: unknown, field: string, type: TypePlan): unknown {
    const name = `${identityOf(source)}.${field}`;
    const choices = this.#fates.of(name);
    if (choices.oneIn(12)) throw this.#error(choices, name);
    return this.#anything(type, choices, name);
  }

  /** What isTypeOf and resolveType answer: `right`, or something else, at once or later. */
  verdict(value: unknown, about: string, right: unknown, wrong: readonly unknown[]): unknown {
    const name = `${identityOf(value)}?${about}`;
    const choices = this.#fates.of(name);
    if (choices.oneIn(12)) throw this.#error(choices, name);
    const answer = choices.oneIn(8) ? choices.of(wrong) : right;
    const isLater = choices.oneIn(3);
    return isLater ? this.#later(choices, name, () => answer) : answer;
  }

  #prototypeOf(typeName: string): object {
    const known = this.#prototypes.get(typeName);
    if (known) return known;
    const prototype = Object.create(null) as object;
    for (const { name, type } of this.#schema.fields.get(typeName) ?? []) {
      const read = (source: unknown): unknown => this.#property(source, name, type);
      Object.defineProperty(prototype, name, {
        get(this: unknown) {
          return read(this);
        },
      });
    }
    this.#prototypes.set(typeName, prototype);
    return prototype;
  }

  #property(source: unknown, field: string, type: TypePlan): unknown {
    const choices = this.#fates.of(`${identityOf(source)}#${field}`);
    if (!choices.oneIn(5)) return this.fieldOf(source, field, type);
    const log = this.#log;
    const resolve = (): unknown => this.fieldOf(source, field, type);
    return function method(this: unknown, ...[args, context, info]: Parameters<Method>): unknown {
      log.add(this === source ? 'method' : 'function', { args, context }, info);
      return resolve();
    };
  }

  #anything(type: TypePlan, choices: Choices, name: string): unknown {
    switch (choices.below(10)) {
      case 5:
        return choices.of([null, undefined]);
      case 6:
      case 7:
        return this.#later(choices, name, () =>
          this.#anything(type, this.#fates.of(`${name}~`), `${name}~`),
        );
      case 8:
        return choices.oneIn(2) ? this.#error(choices, name) : this.#wrong(choices, name);
      default:
        return this.#right(type, choices, name);
    }
  }

  #later(choices: Choices, name: string, make: () => unknown): unknown {
    const fails = choices.oneIn(6);
    const ticks = choices.below(5);
    const settle = (): unknown => {
      if (fails) throw this.#error(choices, name);
      return make();
    };
    return choices.oneIn(6) ? toThenable(ticks, settle) : settleAfter(ticks, settle);
  }

  #error(choices: Choices, name: string): Error {
    return choices.of([
      () => new Error(`failed at ${name}`),
      () => new GraphQLError(`refused at ${name}`, { extensions: { code: 'X', name } }),
      () => new GraphQLError(`elsewhere, ${name}`, { path: ['else', 'where'] }),
      () => Object.assign(new TypeError(`odd at ${name}`), { extensions: { of: 'original' } }),
    ])();
  }

  #wrong(choices: Choices, name: string): unknown {
    return choices.of([
      () => 'a text',
      () => 1.5,
      () => true,
      () => Number.NaN,
      () => Symbol('symbol'),
      () => ({ some: { deep: [name] } }),
      () => ['a', { b: 1 }],
      () => 10n,
      () => new Map([['k', 1]]),
      () => ({ valueOf: () => 5 }),
      () => '',
      () => aFunction,
    ])();
  }

  #right(type: TypePlan, choices: Choices, name: string): unknown {
    if (type.kind === 'non-null') return this.#right(type.of, choices, name);
    return type.kind === 'list'
      ? this.#list(type.of, choices, name)
      : this.#named(type.name, choices, name);
  }

  #list(type: TypePlan, choices: Choices, name: string): unknown {
    const length = choices.below(4);
    const kind = choices.below(12) - 7;
    const make = (index: number): unknown => {
      const item = `${name}[${index}`;
      return this.#anything(type, this.#fates.of(item), item);
    };
    const makeList = lists[kind];
    if (!makeList) return Array.from({ length }, (_, index) => make(index));
    const error = choices.oneIn(3) ? this.#error(choices, name) : undefined;
    return makeList({
      length,
      make,
      error,
      note: (text) => this.#log.note(`${text} ${name}`, 'list'),
    });
  }

  #named(typeName: string, choices: Choices, name: string): unknown {
    const values = leafValues[typeName];
    if (values) return choices.of(values);
    const chosen = choices.of(this.#objectsOf(typeName));
    const object = this.object(chosen, name);
    const told = choices.oneIn(10)
      ? choices.of([undefined, 'C', 'Nothing', 5, 'Color', 'I'])
      : chosen;
    return told === undefined ? object : Object.assign(object, { __typename: told });
  }

  #objectsOf(typeName: string): readonly string[] {
    if (typeName === 'I') return this.#schema.implementers;
    return typeName === 'U' ? this.#schema.union : [typeName];
  }
}

function aFunction(): void {}

const leafValues: Readonly<Record<string, readonly unknown[]>> = {
  Int: [1, 2, -0, '3', true, 2 ** 31],
  String: ['text', 5, false, '"quotes"'],
  Float: [1.5, 2, '3.5', Infinity],
  Boolean: [true, false, 1, 0],
  ID: ['id', 7, 7.5],
  Color: ['red-value', 'green-value', 'RED'],
  Odd: ['odd', { an: ['object'] }, 'null', 'throw', 0, 'later', 'later: null', 'later: throw'],
};

/** Objects that we did not make have the fate of their kind. */
function identityOf(value: unknown): string {
  if (typeof value !== 'object' || value === null) return typeof value;
  return (value as { readonly [identity]?: string })[identity] ?? 'object';
}

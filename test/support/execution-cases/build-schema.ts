import {
  GraphQLBoolean,
  GraphQLEnumType,
  GraphQLFloat,
  GraphQLID,
  GraphQLInputObjectType,
  GraphQLInt,
  GraphQLInterfaceType,
  GraphQLList,
  GraphQLNonNull,
  GraphQLObjectType,
  GraphQLScalarType,
  GraphQLSchema,
  GraphQLString,
  GraphQLUnionType,
} from 'graphql';
import type {
  GraphQLFieldConfig,
  GraphQLFieldConfigMap,
  GraphQLInputType,
  GraphQLNamedType,
  GraphQLOutputType,
  GraphQLResolveInfo,
  GraphQLType,
} from 'graphql';

import type { CallLog } from './call-log.ts';
import { settleAfter } from './late-values.ts';
import { rootTypes } from './schema-plan.ts';
import type { FieldPlan, SchemaPlan, TypePlan } from './schema-plan.ts';
import type { ValueMaker } from './value-maker.ts';

/** A schema whose functions take their values from `values`, and say with what they were called. */
export function buildSchema(plan: SchemaPlan, values: ValueMaker, log: CallLog): GraphQLSchema {
  return new SchemaBuilder(plan, values, log).build();
}

class SchemaBuilder {
  readonly #plan: SchemaPlan;
  readonly #values: ValueMaker;
  readonly #log: CallLog;
  readonly #types = new Map<string, GraphQLNamedType>();

  constructor(plan: SchemaPlan, values: ValueMaker, log: CallLog) {
    this.#plan = plan;
    this.#values = values;
    this.#log = log;
  }

  build(): GraphQLSchema {
    const scalars = [GraphQLInt, GraphQLString, GraphQLFloat, GraphQLBoolean, GraphQLID];
    for (const type of scalars) this.#add(type);
    this.#add(createColor());
    this.#add(createOdd(this.#log));
    this.#add(this.#createIn());
    this.#add(createOne());
    this.#add(this.#createInterface());
    for (const name of this.#plan.fields.keys()) {
      if (name !== 'I') this.#add(this.#createObject(name));
    }
    this.#add(this.#createUnion());
    const { query, mutation, subscription } = rootTypes;
    return new GraphQLSchema({
      query: this.#object(query),
      mutation: this.#object(mutation),
      subscription: this.#object(subscription),
      types: [...this.#types.values()],
    });
  }

  #add(type: GraphQLNamedType): void {
    this.#types.set(type.name, type);
  }

  #get(name: string): GraphQLNamedType | undefined {
    return this.#types.get(name);
  }

  #object(name: string): GraphQLObjectType {
    return this.#get(name) as GraphQLObjectType; // it was added as one
  }

  #typeOf(plan: TypePlan): GraphQLType {
    if (plan.kind === 'named') return this.#get(plan.name) ?? GraphQLString;
    const inner = this.#typeOf(plan.of);
    return plan.kind === 'list'
      ? new GraphQLList(inner)
      : new GraphQLNonNull(inner as GraphQLNamedType); // plans have no non-null inside of non-null
  }

  #fields(name: string): GraphQLFieldConfigMap<unknown, unknown> {
    const fields = this.#plan.fields.get(name) ?? [];
    return Object.fromEntries(fields.map((field) => [field.name, this.#field(field)]));
  }

  #field({ name, args, type, hasResolver }: FieldPlan): GraphQLFieldConfig<unknown, unknown> {
    const values = this.#values;
    const log = this.#log;
    return {
      type: this.#typeOf(type) as GraphQLOutputType, // plans of fields have no others
      args: Object.fromEntries(
        args.map(({ name: argument, type: inputType, defaultValue }) => [
          argument,
          { type: this.#typeOf(inputType) as GraphQLInputType, defaultValue }, // as above
        ]),
      ),
      ...(hasResolver && {
        resolve: (source: unknown, given: object, context: unknown, info: GraphQLResolveInfo) => {
          log.add('resolve', { args: given, context }, info);
          // resolvers may do what they want with them
          Object.assign(given, { touched: true });
          return values.fieldOf(source, name, type);
        },
      }),
    };
  }

  #createObject(name: string): GraphQLObjectType {
    const { implementers, resolvingTypes } = this.#plan;
    return new GraphQLObjectType<unknown, unknown>({
      name,
      interfaces: () =>
        implementers.includes(name) ? [this.#get('I') as GraphQLInterfaceType] : [],
      fields: () => this.#fields(name),
      ...(resolvingTypes.has(name) && {
        isTypeOf: (value, context, info) => {
          this.#log.add(`isTypeOf ${name}`, { context }, info);
          const isRight = typenameOf(value) === name;
          return this.#values.verdict(value, name, isRight, [false, null, 1]) as boolean; // or anything else
        },
      }),
    });
  }

  /** A function of an interface or union, where the plan has one. */
  #resolveType(name: string): Pick<GraphQLUnionType, 'resolveType'> | undefined {
    if (!this.#plan.resolvingTypes.has(name)) return undefined;
    return {
      resolveType: (value: unknown, context: unknown, info) => {
        this.#log.add(`resolveType ${name}`, { context }, info);
        const wrong = [undefined, null, 'Nothing', 'Color', 'C', 5, this.#object('A')];
        return this.#values.verdict(value, name, typenameOf(value), wrong) as string; // or anything else
      },
    };
  }

  #createInterface(): GraphQLInterfaceType {
    return new GraphQLInterfaceType({
      name: 'I',
      fields: () => this.#fields('I'),
      ...this.#resolveType('I'),
    });
  }

  #createUnion(): GraphQLUnionType {
    return new GraphQLUnionType({
      name: 'U',
      types: this.#plan.union.map((name) => this.#object(name)),
      ...this.#resolveType('U'),
    });
  }

  #createIn(): GraphQLInputObjectType {
    const type: GraphQLInputObjectType = new GraphQLInputObjectType({
      name: 'In',
      fields: () => ({
        n: { type: GraphQLInt, defaultValue: 9 },
        c: { type: this.#get('Color') as GraphQLEnumType },
        odd: { type: this.#get('Odd') as GraphQLScalarType },
        deep: { type },
      }),
    });
    return type;
  }
}

function typenameOf(value: unknown): unknown {
  return (value as Readonly<Record<string, unknown>> | null)?.['__typename'];
}

function createColor(): GraphQLEnumType {
  return new GraphQLEnumType({
    name: 'Color',
    values: { RED: { value: 'red-value' }, GREEN: { value: 'green-value' } },
  });
}

function createOne(): GraphQLInputObjectType {
  return new GraphQLInputObjectType({
    name: 'One',
    isOneOf: true,
    fields: { a: { type: GraphQLInt }, b: { type: GraphQLString } },
  });
}

function writeLater(value: string): unknown {
  if (value === 'later: throw') throw new Error('cannot be written in the end');
  return value === 'later: null' ? null : value;
}

/** A scalar that makes an object of whatever it is given, or fails. */
function createOdd(log: CallLog): GraphQLScalarType {
  return new GraphQLScalarType({
    name: 'Odd',
    serialize: (value) => {
      if (value === 'throw') throw new Error('cannot be written');
      const isLater = typeof value === 'string' && value.startsWith('later');
      if (isLater) return settleAfter(value.length % 3, () => writeLater(value));
      return value === 'null' ? null : value;
    },
    parseValue: (value) => {
      log.note(`parse ${typeof value}`, 'input');
      if (value === 'throw') throw new Error('cannot be read');
      return { read: value };
    },
  });
}

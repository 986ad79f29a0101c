import { getArgumentValues, isEnumType, isSpecifiedScalarType, getNamedType, Kind } from 'graphql';
import type { GraphQLFieldResolver, GraphQLResolveInfo } from 'graphql';

import type { FieldPlan } from './plan.ts';
import { coercedValues } from './semantics.ts';
import type { Semantics } from './semantics.ts';

/** What an operation is executed with however often: its variables, and who resolves. */
export interface BindingParts extends Pick<
  GraphQLResolveInfo,
  'schema' | 'fragments' | 'operation' | 'variableValues'
> {
  readonly hideSuggestions: boolean;
  /** Resolves fields without a resolver whose property is a function. */
  readonly fieldResolver: GraphQLFieldResolver<unknown, unknown>;
}

/** Argument values of a graphql-js: a plain object, of whichever prototype. */
type ArgumentValues = Record<string, unknown>;

/** Values that may be handed out as copies. */
type KnownArguments = readonly { readonly name: string; readonly value: unknown }[];

/** Variables that are bound to the arguments of a plan. */
export class Binding {
  readonly parts: BindingParts;
  /** Values that may be handed out as copies; `undefined`: they have to be made anew each time. */
  readonly #known = new WeakMap<FieldPlan, KnownArguments | undefined>();
  /** Of the field that was found there last, mostly the only one. By its token: whoever uses a plan must not keep it. */
  #latestToken: symbol | undefined;
  #latestKnown: KnownArguments | undefined;
  readonly #noArguments: Semantics['noArguments'];

  constructor(parts: BindingParts, { noArguments }: Semantics) {
    this.parts = parts;
    this.#noArguments = noArguments;
  }

  /**
   * The arguments of a field, for one call of its resolver, which may do with them what it wants.
   *
   * @throws GraphQLError for those that do not fit
   */
  argumentsOf(field: FieldPlan): ArgumentValues {
    const known = this.#find(field);
    if (known) {
      // not spread, which takes ten times as long where there is no prototype
      const copy = this.#noArguments();
      for (const { name, value } of known) copy[name] = value;
      return copy;
    }
    const values = this.#make(field);
    if (!this.#known.has(field)) {
      const isKept = isCopyable(field, values, coercedValues(this.parts.variableValues));
      this.#known.set(field, isKept ? toKnown(values) : undefined);
    }
    return values;
  }

  /**
   * The same for a resolver that perhaps sees none: nothing if that can be had later just as well.
   *
   * @throws GraphQLError for those that do not fit
   */
  argumentsUnlessKnown(field: FieldPlan): ArgumentValues | undefined {
    return this.#find(field) ? undefined : this.argumentsOf(field);
  }

  #find(field: FieldPlan): KnownArguments | undefined {
    const { token } = field;
    if (token === this.#latestToken) return this.#latestKnown;
    const known = this.#known.get(field);
    if (!known) return undefined;
    this.#latestToken = token;
    this.#latestKnown = known;
    return known;
  }

  #make({ definition, node }: FieldPlan): ArgumentValues {
    const { variableValues, hideSuggestions } = this.parts;
    // the last two are of graphql 17
    return getArgumentValues(definition, node, variableValues, undefined, hideSuggestions);
  }
}

function toKnown(values: ArgumentValues): KnownArguments {
  return Object.entries(values).map(([name, value]) => ({ name, value }));
}

/** Whether nothing of the values is made for one call alone: values of variables are shared by all in graphql-js, too. */
function isCopyable(
  { definition, node }: FieldPlan,
  values: ArgumentValues,
  coerced: object,
): boolean {
  return definition.args.every(({ name, type }) => {
    const given = node.arguments?.find((argument) => argument.name.value === name)?.value;
    if (given?.kind === Kind.VARIABLE && Object.hasOwn(coerced, given.name.value)) return true;
    const named = getNamedType(type);
    const value = values[name];
    const isPrimitive = value === null || !['object', 'function'].includes(typeof value);
    return isPrimitive && (isEnumType(named) || isSpecifiedScalarType(named));
  });
}

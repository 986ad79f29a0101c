import {
  defaultFieldResolver,
  defaultTypeResolver,
  getNullableType,
  GraphQLError,
  isAbstractType,
  isLeafType,
  isListType,
  isNonNullType,
  isObjectType,
  SchemaMetaFieldDef,
  TypeMetaFieldDef,
  TypeNameMetaFieldDef,
} from 'graphql';
import type {
  FieldNode,
  GraphQLAbstractType,
  GraphQLField,
  GraphQLFieldResolver,
  GraphQLLeafType,
  GraphQLList,
  GraphQLObjectType,
  GraphQLOutputType,
  GraphQLTypeResolver,
  SelectionSetNode,
} from 'graphql';

import { collectFields } from './collect-fields.ts';
import type { Selecting } from './collect-fields.ts';
import { hole } from './plan.ts';
import type { Completer, Container, FieldPlan, Place, SelectionPlan } from './plan.ts';
import type { Run } from './run.ts';
import { toRuntimeType, typenameOf } from './runtime-type.ts';
import { show, writerOf } from './semantics.ts';
import {
  isAsyncIterable,
  isIterable,
  isObjectLike,
  isOrdinaryArray,
  isPlain,
  isThenable,
  plainKindOf,
  put,
} from './values.ts';
import type { PlainKind } from './values.ts';

/** What plans are compiled from. */
export interface Compiling extends Selecting {
  readonly fieldResolver: GraphQLFieldResolver<unknown, unknown>;
  readonly typeResolver: GraphQLTypeResolver<unknown, unknown>;
  /** Plans of fields that may be kept; those beyond it are compiled each time. */
  readonly fieldLimit: number;
}

/** Compiles selections, those below abstract types when they are first met. */
export class Compiler {
  readonly #compiling: Compiling;
  #fields = 0;

  constructor(compiling: Compiling) {
    this.#compiling = compiling;
  }

  /** The fields of an operation. @throws GraphQLError for a directive whose arguments cannot be had */
  compileRoot(type: GraphQLObjectType, selectionSet: SelectionSetNode): SelectionPlan {
    return this.#compileFields(type, [selectionSet], { above: undefined, level: 0, depth: 0 });
  }

  #compileFields(
    type: GraphQLObjectType,
    selectionSets: readonly SelectionSetNode[],
    where: Where,
  ): SelectionPlan {
    const plans: FieldPlan[] = [];
    for (const [responseName, nodes] of collectFields(this.#compiling, type, selectionSets)) {
      const [node] = nodes;
      const definition = node && this.#definitionOf(type, node);
      if (node && definition)
        plans.push(this.#compileField({ type, definition, nodes, node, responseName }, where));
    }
    this.#fields += plans.length;
    return plans;
  }

  #definitionOf(type: GraphQLObjectType, { name: { value } }: FieldNode): AnyField | undefined {
    const isQuery = this.#compiling.schema.getQueryType() === type;
    if (isQuery && value === SchemaMetaFieldDef.name) return SchemaMetaFieldDef;
    if (isQuery && value === TypeMetaFieldDef.name) return TypeMetaFieldDef;
    return value === TypeNameMetaFieldDef.name ? TypeNameMetaFieldDef : type.getFields()[value];
  }

  #compileField(selected: SelectedField, where: Where): FieldPlan {
    const { type: parentType, definition, ...rest } = selected;
    const { type } = definition;
    const resolver = definition.resolve ?? this.#compiling.fieldResolver;
    const isProperty = resolver === defaultFieldResolver && definition.args.length === 0;
    const isOrdinary = selected.responseName !== '__proto__';
    // its place needs it, and it needs its place
    const field = {
      ...rest,
      parentType,
      definition,
      type,
      property: isProperty && isOrdinary ? definition.name : undefined,
      plain: this.#plainKindOf(type),
    } as Mutable<FieldPlan>;
    field.place = this.#compilePlace(field, type, { ...where, key: selected.responseName });
    field.take = compileTaking(field);
    field.execute =
      definition === TypeNameMetaFieldDef
        ? (_run, _source, target) => put(target, field.responseName, parentType.name)
        : compileExecution(field, this.#compileResolution(resolver, field));
    return field;
  }

  #plainKindOf(type: GraphQLOutputType): PlainKind {
    const inner = getNullableType(type);
    return isLeafType(inner) ? plainKindOf(inner) : 'none';
  }

  #compilePlace(
    field: FieldPlan,
    type: GraphQLOutputType,
    where: Where & { readonly key: string | undefined },
  ): Place {
    const place = { ...where, field, isNullable: !isNonNullType(type) } as Mutable<Place>; // as above
    place.complete = this.#compileCompletion(place, type);
    return place;
  }

  #compileResolution(
    resolver: GraphQLFieldResolver<unknown, unknown>,
    field: FieldPlan,
  ): (run: Run, source: unknown) => unknown {
    if (resolver === defaultFieldResolver) return compileProperty(field);
    const { noArguments } = this.#compiling.semantics;
    if (field.definition.args.length === 0) {
      return (run, source) => resolver(source, noArguments(), run.context, run.infoOf(field));
    }
    return (run, source) => {
      // in this order: arguments that do not fit have an info that nobody sees
      const args = run.binding.argumentsOf(field);
      return resolver(source, args, run.context, run.infoOf(field));
    };
  }

  #compileCompletion(place: Place, type: GraphQLOutputType): Completer {
    const nullable = this.#compileNullable(place, getNullableType(type));
    const { parentType, definition } = place.field;
    if (place.isNullable) {
      return (run, value) => {
        if (value === null || value === undefined) return null;
        if (value instanceof Error) throw value;
        return nullable(run, value);
      };
    }
    const message = `Cannot return null for non-nullable field ${parentType.name}.${definition.name}.`;
    return (run, value) => {
      if (value instanceof Error) throw value;
      if (value === null || value === undefined) throw new Error(message);
      return nullable(run, value);
    };
  }

  /** For values that are something. */
  #compileNullable(place: Place, type: GraphQLOutputType): Completer {
    if (isListType(type)) return this.#compileList(place, type as GraphQLList<GraphQLOutputType>); // of what is put out
    if (isLeafType(type)) return this.#compileLeaf(type);
    if (isAbstractType(type)) return this.#compileAbstract(place, type);
    if (isObjectType(type)) return this.#compileObject(place, type);
    throw new TypeError(`${String(type)} is no output type.`);
  }

  #compileLeaf(type: GraphQLLeafType): Completer {
    const { semantics } = this.#compiling;
    const writeValue = writerOf(type, semantics);
    const plain = plainKindOf(type);
    return (_run, value) => {
      if (isPlain(plain, value)) return value;
      const written = writeValue(value);
      if (written !== null && written !== undefined) return written;
      throw new Error(
        `Expected \`${type.name}.${semantics.writer}(${show(value, semantics)})\` to return non-nullable value, returned: ${String(written)}`,
      );
    };
  }

  #compileList(place: Place, { ofType }: GraphQLList<GraphQLOutputType>): Completer {
    const { semantics } = this.#compiling;
    const { field } = place;
    const depth = place.depth + 1;
    const item = this.#compilePlace(field, ofType, {
      above: place,
      key: undefined,
      level: place.level + 1,
      depth,
    });
    const take = (run: Run, list: unknown[], value: unknown): void =>
      takeItem(run, item, list, value);
    const message = `Expected Iterable, but did not find one for field "${field.parentType.name}.${field.definition.name}".`;
    return (run, value) => {
      if (semantics.hasAsyncLists && isAsyncIterable(value)) {
        run.awaitList(place, value, (list, each) => take(run, list, each));
        return hole;
      }
      if (!isIterable(value)) throw new GraphQLError(message);
      const list: unknown[] = [];
      run.objects[depth] = list as unknown as Container; // by index
      try {
        if (isOrdinaryArray(value)) {
          // as its iterator does: it may grow
          for (let i = 0; i < value.length; i += 1) takeItem(run, item, list, value[i]);
        } else if (semantics.drainsFailedLists)
          readToItsEnd(value, (each) => take(run, list, each));
        else for (const each of value) take(run, list, each);
      } catch (error) {
        run.leaveContainer(list as unknown as Container, depth); // by index
        throw error;
      }
      return list;
    };
  }

  #compileAbstract(place: Place, type: GraphQLAbstractType): Completer {
    const { semantics, typeResolver, schema } = this.#compiling;
    const resolveType = type.resolveType ?? typeResolver;
    const isDefault = resolveType === defaultTypeResolver;
    const { field } = place;
    const asked = { type, field, schema, semantics };
    const completers = new Map<unknown, Completer>();
    const completeAs = (run: Run, name: unknown, value: unknown): unknown => {
      let complete = completers.get(name);
      if (!complete) {
        complete = this.#compileObject(place, toRuntimeType(name, value, asked));
        completers.set(name, complete);
      }
      return complete(run, value);
    };
    return (run, value) => {
      const named = isDefault ? typenameOf(value) : undefined;
      if (named !== undefined) return completeAs(run, named, value);
      const name: unknown = resolveType(value, run.context, run.infoOf(field), type);
      if (!isThenable(name)) return completeAs(run, name, value);
      run.await(name, place, (later, resolved) => completeAs(later, resolved, value), 'step');
      return hole;
    };
  }

  #compileObject(place: Place, type: GraphQLObjectType): Completer {
    const { semantics } = this.#compiling;
    const execute = this.#compileSelection(place, type);
    const { isTypeOf } = type;
    if (!isTypeOf) return (run, value) => execute.get()(run, value);
    const { nodes } = place.field;
    const refuse = (value: unknown): GraphQLError =>
      new GraphQLError(
        `Expected value of type "${type.name}" but got: ${show(value, semantics)}.`,
        { nodes },
      );
    return (run, value) => {
      // graphql 16 looks at the fields before it looks at the type
      if (semantics.writer === 'serialize') execute.get();
      const verdict = isTypeOf(value, run.context, run.infoOf(place.field));
      if (isThenable(verdict)) {
        const goOn: Completer = (later, isOfType) => {
          if (!isOfType) throw refuse(value);
          return execute.get()(later, value);
        };
        run.await(verdict, place, goOn, 'step');
        return hole;
      }
      if (!verdict) throw refuse(value);
      return execute.get()(run, value);
    };
  }

  /** Compiled when it is first needed, and kept if there is room. */
  #compileSelection(place: Place, type: GraphQLObjectType): { get(): Completer } {
    const selectionSets = place.field.nodes.flatMap(({ selectionSet }) => selectionSet ?? []);
    const depth = place.depth + 1;
    let known: Completer | undefined;
    return {
      get: () => {
        if (known) return known;
        const where = { above: place, level: place.level, depth };
        const fields = this.#compileFields(type, selectionSets, where);
        const complete: Completer = (run, value) => {
          const target: Container = {};
          run.objects[depth] = target;
          run.executeFields(fields, value, target);
          return target;
        };
        if (this.#fields <= this.#compiling.fieldLimit) known = complete;
        return complete;
      },
    };
  }
}

type AnyField = GraphQLField<unknown, unknown>;
type Where = Pick<Place, 'above' | 'level' | 'depth'>;
type Mutable<Plan> = { -readonly [Member in keyof Plan]: Plan[Member] };

interface SelectedField extends Pick<FieldPlan, 'definition' | 'nodes' | 'node' | 'responseName'> {
  readonly type: GraphQLObjectType;
}

/** For a value that was read, or resolved. */
function compileTaking(field: FieldPlan): FieldPlan['take'] {
  const { place, responseName } = field;
  const { complete } = place;
  return (run, value, source, target) => {
    try {
      const resolved = typeof value === 'function' ? callProperty(run, field, source) : value;
      if (isThenable(resolved)) {
        put(target, responseName, null);
        run.await(resolved, place);
        return;
      }
      const completed = complete(run, resolved);
      put(target, responseName, completed === hole ? null : completed);
    } catch (error) {
      run.failAt(place, error, target);
    }
  };
}

function compileExecution(
  { place, responseName }: FieldPlan,
  resolve: (run: Run, source: unknown) => unknown,
): FieldPlan['execute'] {
  const { complete } = place;
  return (run, source, target) => {
    try {
      const value = resolve(run, source);
      if (isThenable(value)) {
        put(target, responseName, null);
        run.await(value, place);
        return;
      }
      const completed = complete(run, value);
      put(target, responseName, completed === hole ? null : completed);
    } catch (error) {
      run.failAt(place, error, target);
    }
  };
}

type Method = (...given: unknown[]) => unknown;

/** The default resolver: a property, or what it returns if it is a function. */
function compileProperty(field: FieldPlan): (run: Run, source: unknown) => unknown {
  const { name, args: definitions } = field.definition;
  const hasArguments = definitions.length > 0;
  return (run, source) => {
    const args = hasArguments ? run.binding.argumentsUnlessKnown(field) : undefined;
    if (!isObjectLike(source)) return undefined;
    const value = source[name];
    if (typeof value !== 'function') return value;
    return callProperty(run, field, source, args);
  };
}

/** Read again, as the default resolver does. */
function callProperty(
  run: Run,
  field: FieldPlan,
  source: unknown,
  known?: Record<string, unknown>,
): unknown {
  const { definition } = field;
  const args = known ?? run.binding.argumentsOf(field);
  const info = run.infoOf(field);
  const { fieldResolver } = run.binding.parts;
  return definition.resolve || fieldResolver === defaultFieldResolver
    ? ((source as Record<string, Method>)[definition.name] as Method)(args, run.context, info)
    : fieldResolver(source, args, run.context, info);
}

function takeItem(run: Run, item: Place, list: unknown[], value: unknown): void {
  const index = list.length;
  run.indices[item.level - 1] = index;
  try {
    if (isThenable(value)) {
      list.push(null);
      run.await(value, item);
      return;
    }
    const completed = item.complete(run, value);
    list[index] = completed === hole ? null : completed;
  } catch (error) {
    run.failAt(item, error, list as unknown as Container); // by index
  }
}

/** Whatever `take` throws: promises among the rest shall not be rejected unheard. */
function readToItsEnd(values: Iterable<unknown>, take: (value: unknown) => void): void {
  const iterator = values[Symbol.iterator]();
  let isLeft = false;
  try {
    for (let step = iterator.next(); !step.done; step = iterator.next()) take(step.value);
  } catch (error) {
    isLeft = true;
    throw error;
  } finally {
    if (isLeft) ignoreRest(iterator);
  }
}

function ignoreRest(iterator: Iterator<unknown>): void {
  try {
    for (let step = iterator.next(); !step.done; step = iterator.next()) {
      if (isThenable(step.value)) step.value.then(undefined, () => {});
    }
  } catch {
    // nobody reads it any more
  }
}

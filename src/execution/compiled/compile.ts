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
import { isAsyncIterable, isIterable, isThenable, plainTests, put } from './values.ts';

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
    // its place needs it, and it needs its place
    const field = { ...rest, parentType, definition, type } as Mutable<FieldPlan>;
    field.place = this.#compilePlace(field, type, { ...where, key: selected.responseName });
    field.execute =
      definition === TypeNameMetaFieldDef
        ? (_run, _source, target) => put(target, field.responseName, parentType.name)
        : this.#compileExecution(field);
    return field;
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

  #compileExecution(field: FieldPlan): FieldPlan['execute'] {
    const { place, definition, responseName } = field;
    const resolve = this.#compileResolution(definition, field);
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

  #compileResolution(
    definition: AnyField,
    field: FieldPlan,
  ): (run: Run, source: unknown) => unknown {
    const resolver = definition.resolve ?? this.#compiling.fieldResolver;
    if (resolver === defaultFieldResolver) return compileProperty(field);
    if (definition.args.length === 0 && this.#compiling.semantics.writer === 'serialize') {
      return (run, source) => resolver(source, {}, run.context, run.infoOf(field));
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
    const isPlain = plainTests.get(type);
    return (_run, value) => {
      if (isPlain?.(value)) return value;
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
        if (semantics.drainsFailedLists) readToItsEnd(value, (each) => take(run, list, each));
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
          for (const field of fields) field.execute(run, value, target);
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

/** The default resolver: a property, or what it returns if it is a function. */
function compileProperty(field: FieldPlan): (run: Run, source: unknown) => unknown {
  const { definition } = field;
  const { name } = definition;
  const hasArguments = definition.args.length > 0;
  return (run, source) => {
    const args = hasArguments ? run.binding.argumentsUnlessKnown(field) : undefined;
    if ((typeof source !== 'object' || source === null) && typeof source !== 'function')
      return undefined;
    const object = source as Record<string, unknown>;
    const value = object[name];
    if (typeof value !== 'function') return value;
    return (object[name] as (...given: unknown[]) => unknown)(
      args ?? run.binding.argumentsOf(field),
      run.context,
      run.infoOf(field),
    );
  };
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

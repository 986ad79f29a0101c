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

import type { CodeGenerator } from './code-generator.ts';
import { collectFields } from './collect-fields.ts';
import type { Selecting } from './collect-fields.ts';
import { compileExecution, compileProperty, compileTaking } from './field-execution.ts';
import type { Resolution } from './field-execution.ts';
import { compileReading } from './list-reading.ts';
import { hole } from './plan.ts';
import type { Completer, FieldPlan, Place, SelectionPlan } from './plan.ts';
import type { PlanRoom } from './plan-room.ts';
import { looksAtSourceAlone } from '../pure.ts';
import type { Run } from './run.ts';
import { toRuntimeType, typenameOf } from './runtime-type.ts';
import { Selection } from './selection.ts';
import { show, writerOf } from './semantics.ts';
import { isPlain, isThenable, plainKindOf, put } from './values.ts';
import type { PlainKind } from './values.ts';

/** What plans are compiled from. */
export interface Compiling extends Selecting {
  readonly fieldResolver: GraphQLFieldResolver<unknown, unknown>;
  readonly typeResolver: GraphQLTypeResolver<unknown, unknown>;
  /** Plans of fields that may be kept; those beyond it are compiled for each execution. */
  readonly fieldLimit: number;
  /** What writes code for selections that are executed often. */
  readonly generator: CodeGenerator | undefined;
  /** Where those count that are kept. */
  readonly room: PlanRoom;
}

/** Compiles selections, those below abstract types when they are first met. */
export class Compiler {
  readonly #compiling: Compiling;
  #fields = 0;

  constructor(compiling: Compiling) {
    this.#compiling = compiling;
  }

  /** The fields of an operation. @throws GraphQLError for a directive whose arguments cannot be had */
  compileRoot(type: GraphQLObjectType, selectionSet: SelectionSetNode): Selection {
    const where = { above: undefined, level: 0, depth: 0 };
    const fields = this.#compileFields(type, [selectionSet], where);
    this.#compiling.room.grow(fields.length);
    return new Selection(fields, 0, this.#compiling.generator);
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
      token: Symbol(definition.name),
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
  ): Resolution {
    if (resolver === defaultFieldResolver) return compileProperty(field);
    if (looksAtSourceAlone(resolver)) {
      return (run, source) => {
        run.binding.argumentsUnlessKnown(field); // those that do not fit are an error all the same
        return (resolver as SourceResolver)(source, undefined, run.context);
      };
    }
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
    if (isLeafType(type)) return this.#compileLeaf(place, type);
    if (isAbstractType(type)) return this.#compileAbstract(place, type);
    if (isObjectType(type)) return this.#compileObject(place, type);
    throw new TypeError(`${String(type)} is no output type.`);
  }

  #compileLeaf(place: Place, type: GraphQLLeafType): Completer {
    const { semantics } = this.#compiling;
    const writeValue = writerOf(type, semantics);
    const plain = plainKindOf(type);
    return (run, value) => {
      if (isPlain(plain, value)) return value;
      const written = writeValue(value);
      if (semantics.isWrittenLater(written)) {
        run.await(written, place, takeAsWritten, 'leaf');
        return hole;
      }
      if (written !== null && written !== undefined) return written;
      throw new Error(
        `Expected \`${type.name}.${semantics.writer}(${show(value, semantics)})\` to return non-nullable value, returned: ${String(written)}`,
      );
    };
  }

  #compileList(place: Place, { ofType }: GraphQLList<GraphQLOutputType>): Completer {
    const item = this.#compilePlace(place.field, ofType, {
      above: place,
      key: undefined,
      level: place.level + 1,
      depth: place.depth + 1,
    });
    return compileReading(place, item, this.#compiling.semantics);
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
    const selection = this.#compileSelection(place, type);
    const { isTypeOf } = type;
    if (!isTypeOf) return (run, value) => selection.get(run).complete(run, value);
    const { nodes } = place.field;
    const refuse = (value: unknown): GraphQLError =>
      new GraphQLError(
        `Expected value of type "${type.name}" but got: ${show(value, semantics)}.`,
        { nodes },
      );
    return (run, value) => {
      // graphql 16 looks at the fields before it looks at the type
      if (semantics.writer === 'serialize') selection.get(run);
      const verdict = isTypeOf(value, run.context, run.infoOf(place.field));
      if (isThenable(verdict)) {
        const goOn: Completer = (later, isOfType) => {
          if (!isOfType) throw refuse(value);
          return selection.get(later).complete(later, value);
        };
        run.await(verdict, place, goOn, 'step');
        return hole;
      }
      if (!verdict) throw refuse(value);
      return selection.get(run).complete(run, value);
    };
  }

  /** Compiled when it is first needed, and kept: for one execution only if there is no room. */
  #compileSelection(place: Place, type: GraphQLObjectType): LazySelection {
    const selectionSets = place.field.nodes.flatMap(({ selectionSet }) => selectionSet ?? []);
    const depth = place.depth + 1;
    let known: Selection | undefined;
    const lazy: LazySelection = {
      get: (run) => {
        if (known) return known;
        const met = this.#isFull ? run.ownPlans.get(lazy) : undefined;
        if (met) return met;
        const where = { above: place, level: place.level, depth };
        const fields = this.#compileFields(type, selectionSets, where);
        const selection = new Selection(fields, depth, this.#compiling.generator);
        const room = this.#isFull ? run.ownPlans : this.#compiling.room;
        room.grow(fields.length);
        if (this.#isFull) room.set(lazy, selection);
        else known = selection;
        return selection;
      },
    };
    return lazy;
  }

  get #isFull(): boolean {
    return this.#fields > this.#compiling.fieldLimit;
  }
}

type AnyField = GraphQLField<unknown, unknown>;
type Where = Pick<Place, 'above' | 'level' | 'depth'>;
type Mutable<Plan> = { -readonly [Member in keyof Plan]: Plan[Member] };

interface LazySelection {
  get(run: Run): Selection;
}

interface SelectedField extends Pick<FieldPlan, 'definition' | 'nodes' | 'node' | 'responseName'> {
  readonly type: GraphQLObjectType;
}

/** Whatever else it is called with, it does not look at it. */
type SourceResolver = (source: unknown, args: undefined, context: unknown) => unknown;

const takeAsWritten: Completer = (_run, written) => written;

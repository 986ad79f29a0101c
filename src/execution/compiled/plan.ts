import type { FieldNode, GraphQLField, GraphQLObjectType, GraphQLOutputType } from 'graphql';

import type { Run } from './run.ts';
import type { PlainKind } from './values.ts';

/** Stands for a value that is written into its container later. */
export const hole: unique symbol = Symbol('hole');

/** Makes what stands in the response of what a resolver gave, or {@link hole}; throws what is wrong with that. */
export type Completer = (run: Run, value: unknown) => unknown;

/**
 * Where a value stands in the response: a field, or an item of a list.
 *
 * @remarks
 * Places know theirs above them, so that a path is only made when somebody wants it. What differs between the values of one place is the indices of the lists around it.
 */
export interface Place {
  /** Whose value the container is; absent for the fields of the operation. */
  readonly above: Place | undefined;
  readonly field: FieldPlan;
  /** The name in the response; absent for an item, whose index is that of its list. */
  readonly key: string | undefined;
  /** How many lists are around it, its own included. */
  readonly level: number;
  /** How many containers are around its own. */
  readonly depth: number;
  readonly isNullable: boolean;
  readonly complete: Completer;
}

/** One field of the response, for one type of the object that it belongs to. */
export interface FieldPlan {
  /** Stands for it where it shall not be kept. */
  readonly token: symbol;
  readonly parentType: GraphQLObjectType;
  readonly definition: GraphQLField<unknown, unknown>;
  readonly type: GraphQLOutputType;
  /** Its mentions in the document, which execution merges; the first one has the arguments. */
  readonly nodes: readonly FieldNode[];
  readonly node: FieldNode;
  readonly responseName: string;
  readonly place: Place;
  /** What to read of an object, where there is no resolver and there are no arguments. */
  readonly property: string | undefined;
  /** Which values are written as they are. */
  readonly plain: PlainKind;
  /** {@link FieldPlan.execute} for a property that was read. */
  readonly take: (run: Run, value: unknown, source: unknown, target: Container) => void;
  /** Writes its value into `target`, or sees to that; throws a located error if it must not be null and is. */
  readonly execute: (run: Run, source: unknown, target: Container) => void;
}

/** An object of the response, or a list. */
export type Container = Record<string | number, unknown>;

/** The fields of an object of one type. */
export type SelectionPlan = readonly FieldPlan[];

import { GraphQLBoolean, GraphQLFloat, GraphQLID, GraphQLInt, GraphQLString } from 'graphql';
import type { GraphQLLeafType, GraphQLScalarType } from 'graphql';

import type { Container } from './plan.ts';

/** Names that mean something else to an object are names of the response all the same. */
export function put(container: Container, key: string | number, value: unknown): void {
  if (key !== '__proto__') container[key] = value;
  else
    Object.defineProperty(container, key, {
      value,
      configurable: true,
      enumerable: true,
      writable: true,
    });
}

/** As graphql-js has it: anything with such a method. */
export function isThenable(value: unknown): value is PromiseLike<unknown> {
  return (
    value !== null &&
    value !== undefined &&
    typeof value !== 'string' &&
    typeof (value as { readonly then?: unknown }).then === 'function'
  );
}

export function isAsyncIterable(value: unknown): value is AsyncIterable<unknown> {
  return typeof (value as Partial<AsyncIterable<unknown>>)[Symbol.asyncIterator] === 'function';
}

export function isIterable(value: unknown): value is Iterable<unknown> {
  return (
    typeof value === 'object' &&
    value !== null &&
    typeof (value as Partial<Iterable<unknown>>)[Symbol.iterator] === 'function'
  );
}

/** What has properties. */
export function isObjectLike(value: unknown): value is Record<string, unknown> {
  return (typeof value === 'object' && value !== null) || typeof value === 'function';
}

const arrayIterator: unknown = Array.prototype[Symbol.iterator];

/** An array that is iterated over as arrays are. */
export function isOrdinaryArray(value: unknown): value is readonly unknown[] {
  return Array.isArray(value) && value[Symbol.iterator] === arrayIterator;
}

/** What values of a type are written as they are. */
export type PlainKind = 'none' | 'string' | 'integer' | 'number' | 'boolean';

const plainKinds: ReadonlyMap<GraphQLLeafType, PlainKind> = new Map<GraphQLLeafType, PlainKind>([
  [GraphQLString, 'string'],
  [GraphQLID, 'string'],
  [GraphQLBoolean, 'boolean'],
  [GraphQLInt, 'integer'],
  [GraphQLFloat, 'number'],
]);

const ownWriters: ReadonlyMap<GraphQLLeafType, unknown> = new Map(
  [...plainKinds.keys()].map((type) => [type, writerIn(type)]),
);

function writerIn(type: GraphQLLeafType): unknown {
  return 'coerceOutputValue' in type
    ? type.coerceOutputValue
    : (type as GraphQLScalarType).serialize; // graphql 16
}

/** Of the built-in scalars alone, as long as their methods are graphql's own. */
export function plainKindOf(type: GraphQLLeafType): PlainKind {
  return ownWriters.get(type) === writerIn(type) ? (plainKinds.get(type) ?? 'none') : 'none';
}

/** Whether a value is written as it is. */
export function isPlain(kind: PlainKind, value: unknown): boolean {
  switch (kind) {
    case 'none':
      return false;
    case 'string':
      return typeof value === 'string';
    case 'boolean':
      return typeof value === 'boolean';
    case 'integer':
      // those that are no 32-bit integers are the type's business
      return typeof value === 'number' && (value | 0) === value;
    case 'number':
      return typeof value === 'number' && value - value === 0;
  }
}

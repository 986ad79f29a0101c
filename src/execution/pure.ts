import { GraphQLScalarType, isScalarType, specifiedScalarTypes } from 'graphql';

import { UsageError } from '../errors.ts';

/**
 * Declares that a resolver (or a `resolveType` or `isTypeOf`), or a scalar, answers the same whoever asks, so that its answer may be shared among subscribers.
 *
 * @remarks
 * What is declared MUST depend on nothing but its arguments, and not on the context or `info` among them. That rules out
 * `AsyncLocalStorage` and everything else that tells subscribers apart. A shared execution passes a context
 * that belongs to nobody; whoever reads it gets an error, and the event is executed for each subscriber after all.
 *
 * The same function or scalar is given back, marked in place. A function that wraps it has no mark, also one
 * that copies all its properties; a copy made by `bind(thisValue)` has it, since resolver maps are bound by
 * `makeExecutableSchema`. Throws a {@link UsageError} for anything else than a function or a scalar.
 */
export function pure<Scalar extends GraphQLScalarType>(scalar: Scalar): Scalar;
export function pure<Parameters extends readonly unknown[], Result>(
  resolver: (...parameters: Parameters) => Result,
): (...parameters: Parameters) => Result;
export function pure(declared: object): object {
  if (typeof declared === 'function') markFunction(declared);
  else if (isScalarType(declared)) markScalar(declared);
  else throw new UsageError('`pure` takes a resolver function or a GraphQLScalarType.');
  return declared;
}

/** Whether somebody declared a function by {@link pure}, in whichever copy of this package. */
export function isDeclaredPure(declared: unknown): boolean {
  // The mark names its bearer, so that it says nothing about a wrapper that copied it.
  return typeof declared === 'function' && mark in declared && declared[mark] === declared;
}

/** Whether the output of a scalar is declared by {@link pure}, or is made by code of graphql alone. */
export function isPureScalar(scalar: GraphQLScalarType): boolean {
  const extension: unknown = scalar.extensions[extensionName];
  const isDeclared = isObject(extension) && 'pure' in extension && extension.pure === true;
  return isDeclared || outputFunctionsOf(scalar).every((output) => outputsOfGraphQL.has(output));
}

/**
 * Declares by {@link pure} a resolver that looks at its first argument and the context alone, so that nothing else has to be made for it.
 *
 * @remarks
 * For resolvers of this package: whether what it is called with is ever looked at can be seen there.
 */
export function pureInSource<Parameters extends readonly unknown[], Result>(
  resolver: (...parameters: Parameters) => Result,
): (...parameters: Parameters) => Result {
  Object.defineProperty(pure(resolver), sourceMark, { value: true });
  return resolver;
}

/** Whether {@link pureInSource} was said of a function. */
export function looksAtSourceAlone(declared: object): boolean {
  return isDeclaredPure(declared) && sourceMark in declared;
}

const mark = Symbol.for('millrace.pure');
const sourceMark = Symbol.for('millrace.pure-in-source');
const extensionName = 'millrace';

/** Compared by function, not by name: graphql-tools lets a schema replace what `String` does. */
const outputsOfGraphQL: ReadonlySet<unknown> = new Set(
  // A scalar without functions, as SDL declares them, gives out the value as it is.
  [...specifiedScalarTypes, new GraphQLScalarType({ name: 'Unchanged' })].flatMap(
    outputFunctionsOf,
  ),
);

/** graphql 17 calls the second; 16 does not have it and calls the first. */
function outputFunctionsOf(scalar: GraphQLScalarType): readonly unknown[] {
  return [scalar.serialize, scalar.coerceOutputValue];
}

function markFunction(declared: object): void {
  if (isDeclaredPure(declared)) return;
  Object.defineProperties(declared, { [mark]: { value: declared }, bind: { value: bindMarked } });
}

function bindMarked(this: (...parameters: never[]) => unknown, ...bound: never[]): unknown {
  const copy: unknown = Function.prototype.bind.apply(this, bound as unknown as [unknown]);
  const [, ...parameters] = bound;
  // Bound parameters would move the context to where the function expects something else.
  if (parameters.length > 0 || !isDeclaredPure(this)) return copy;
  markFunction(copy as object);
  if (sourceMark in this) Object.defineProperty(copy, sourceMark, { value: true });
  return copy;
}

function markScalar(scalar: GraphQLScalarType): void {
  const extension: unknown = scalar.extensions[extensionName];
  const members = isObject(extension) ? extension : {};
  const extensions = { ...scalar.extensions, [extensionName]: { ...members, pure: true } };
  Object.assign(scalar, { extensions });
}

function isObject(value: unknown): value is object {
  return typeof value === 'object' && value !== null;
}

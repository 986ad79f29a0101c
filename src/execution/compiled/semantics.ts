import { GraphQLEnumType, versionInfo } from 'graphql';
import type { GraphQLLeafType, GraphQLResolveInfo } from 'graphql';

import { isThenable } from './values.ts';

/** In what the supported versions of graphql-js differ where an operation is executed. */
export interface Semantics {
  /** The method of a leaf type that writes a value. */
  readonly writer: 'coerceOutputValue' | 'serialize';
  /** Whether what a leaf type wrote is awaited; nobody looks at what it turns out to be. */
  readonly isWrittenLater: (written: unknown) => written is PromiseLike<unknown>;
  /** The arguments of a field that has none. */
  readonly noArguments: () => Record<string, unknown>;
  /** Whether lists may be async iterables. */
  readonly hasAsyncLists: boolean;
  /** What a wrong name of a runtime type is said to be. */
  readonly notAName: string;
  /** Whether a list that failed is read to its end, for the sake of the promises in it; otherwise it is closed. */
  readonly drainsFailedLists: boolean;
  /** Whether promises are asked themselves (`value.then(…)`) rather than awaited. */
  readonly asksPromises: boolean;
  /** Microtasks between the failure of a promised value and its treatment. */
  readonly valueTicks: number;
  /** Microtasks by which the failure of a value is held up that came to be behind a promise. */
  readonly adoptionTicks: number;
  /** Whether an object whose field failed at once waits for its fields that are pending before it fails. */
  readonly failsLate: boolean;
  /** Whether directives are looked at where a fragment is spread that was spread before. */
  readonly readsRepeatedSpreads: boolean;
  /** Whether promises that settle after the answer are heard in vain. */
  readonly endsEarly: boolean;
}

const semanticsOf17: Semantics = {
  writer: 'coerceOutputValue',
  isWrittenLater: (written) => written instanceof Promise,
  // not `Object.create`, which takes several times as long
  noArguments: () => ({ __proto__: null }),
  hasAsyncLists: true,
  notAName: ', which is not a valid Object type name.',
  drainsFailedLists: true,
  asksPromises: false,
  valueTicks: 0,
  adoptionTicks: 0,
  failsLate: false,
  readsRepeatedSpreads: true,
  endsEarly: true,
};

const semanticsOf16: Semantics = {
  writer: 'serialize',
  isWrittenLater: isThenable,
  noArguments: () => ({}),
  hasAsyncLists: false,
  notAName: '.',
  drainsFailedLists: false,
  asksPromises: true,
  valueTicks: 1,
  adoptionTicks: 1,
  failsLate: true,
  readsRepeatedSpreads: false,
  endsEarly: false,
};

/** Those of the installed version; `undefined` if it is one that nobody has compared. */
export const semantics: Semantics | undefined = chooseSemantics();

function chooseSemantics(): Semantics | undefined {
  const { major, minor } = versionInfo;
  if (major === 17 && minor >= 1) return semanticsOf17;
  return major === 16 && minor >= 15 ? semanticsOf16 : undefined;
}

/** The values of variables by their names. */
export function coercedValues(
  variableValues: GraphQLResolveInfo['variableValues'],
): Readonly<Record<string, unknown>> {
  // graphql 16 has them there already
  return semantics?.writer === 'serialize' ? { ...variableValues } : variableValues.coerced;
}

/** The variables of `names` alone, in the same form. */
export function pickVariables(
  variableValues: GraphQLResolveInfo['variableValues'],
  names: readonly string[],
): GraphQLResolveInfo['variableValues'] {
  // as above
  if (semantics?.writer === 'serialize') return pick(variableValues, names);
  const { sources, coerced } = variableValues;
  return { sources: pick(sources, names), coerced: pick(coerced, names) };
}

function pick<Values extends object>(values: Values, names: readonly string[]): Values {
  const picked = Object.create(null) as Record<string, unknown>;
  for (const name of names) {
    if (Object.hasOwn(values, name)) picked[name] = values[name as keyof Values];
  }
  return picked as Values; // a map of which any name may be missing
}

/** Writes a value of a leaf type, as its type does. */
export type LeafWriter = (value: unknown) => unknown;

/** The type's own method, looked up each time: it may be replaced. */
export function writerOf(type: GraphQLLeafType, { writer }: Semantics): LeafWriter {
  const writing = type as unknown as Record<typeof writer, LeafWriter>; // the one of this version
  return (value) => writing[writer](value);
}

const probe = new GraphQLEnumType({ name: 'X', values: { X: { value: Symbol('X') } } });
const probePrefix = 'Enum "X" cannot represent value: ';

/** How graphql-js shows a value in its messages: no export of it, but what an enum says of a value that it lacks. */
export function show(value: unknown, installed: Semantics): string {
  try {
    writerOf(probe, installed)(value);
  } catch (error) {
    if (error instanceof Error) return error.message.slice(probePrefix.length);
  }
  return String(value);
}

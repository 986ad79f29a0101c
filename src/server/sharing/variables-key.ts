import type { OperationRequest } from '../../vocabulary.ts';

/** Values nested deeper than this are not compared. */
const maximumDepth = 20;

/**
 * A text that is equal for equal variables, whatever the order of their members; `undefined` if they hold anything but JSON, which only
 * direct calls can bring.
 */
export function variablesKey(variables: OperationRequest['variables']): string | undefined {
  return variables === undefined ? '{}' : keyOf(variables, 0);
}

function keyOf(value: unknown, depth: number): string | undefined {
  if (depth > maximumDepth) return undefined;
  switch (typeof value) {
    case 'string':
    case 'boolean':
      return JSON.stringify(value);
    case 'number':
      return Number.isFinite(value) ? JSON.stringify(value) : undefined;
    case 'object':
      return value === null ? 'null' : keyOfObject(value, depth);
    case 'bigint':
    case 'symbol':
    case 'undefined':
    case 'function':
      return undefined;
  }
}

function keyOfObject(value: object, depth: number): string | undefined {
  if (Array.isArray(value)) return joined(value, depth, (_item, key) => key);
  const prototype: unknown = Object.getPrototypeOf(value);
  if (prototype !== Object.prototype && prototype !== null) return undefined;
  const members = Object.entries(value).toSorted(([one], [other]) => (one < other ? -1 : 1));
  const keys = joined(
    members.map(([, member]) => member),
    depth,
    (index, key) => `${JSON.stringify(members[index]?.[0])}:${key}`,
  );
  return keys === undefined ? undefined : `{${keys.slice(1, -1)}}`;
}

function joined(
  values: readonly unknown[],
  depth: number,
  write: (index: number, key: string) => string,
): string | undefined {
  const keys: string[] = [];
  for (const [index, value] of values.entries()) {
    const key = keyOf(value, depth + 1);
    if (key === undefined) return undefined;
    keys.push(write(index, key));
  }
  return `[${keys.join(',')}]`;
}

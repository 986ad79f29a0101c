/** Values nested deeper than this do not count as plain. */
const maximumDepth = 50;

/** Whether JSON gives `value` back as it is; members that are `undefined` are left out by it, and do not count. */
export function isPlainJson(value: unknown, depth = 0): boolean {
  if (depth > maximumDepth) return false;
  switch (typeof value) {
    case 'string':
    case 'boolean':
    case 'undefined':
      return true;
    case 'number':
      return Number.isFinite(value);
    case 'object':
      return value === null || isPlainObject(value, depth);
    case 'bigint':
    case 'symbol':
    case 'function':
      return false;
  }
}

function isPlainObject(value: object, depth: number): boolean {
  if (Array.isArray(value)) return value.every((item) => isPlainJson(item, depth + 1));
  const prototype: unknown = Object.getPrototypeOf(value);
  if (prototype !== Object.prototype && prototype !== null) return false;
  return Object.values(value).every((member) => isPlainJson(member, depth + 1));
}

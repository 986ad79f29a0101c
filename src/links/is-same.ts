/** Whether two values say the same in JSON; what is no JSON, a file for instance, is the same as itself alone. */
export function isSame(one: unknown, other: unknown): boolean {
  if (Object.is(one, other)) return true;
  if (hasJson(one) && hasJson(other)) return isSame(one.toJSON(), other.toJSON());
  if (!isPlain(one) || !isPlain(other) || Array.isArray(one) !== Array.isArray(other)) return false;
  const names = definedIn(one);
  return (
    names.length === definedIn(other).length &&
    names.every((name) => isSame(one[name], other[name]))
  );
}

/** JSON leaves out what is undefined. */
function definedIn(value: Readonly<Record<string, unknown>>): readonly string[] {
  return Object.keys(value).filter((name) => value[name] !== undefined);
}

function isPlain(value: unknown): value is Readonly<Record<string, unknown>> {
  if (typeof value !== 'object' || value === null) return false;
  const prototype: unknown = Object.getPrototypeOf(value);
  return Array.isArray(value) || prototype === Object.prototype || prototype === null;
}

/** Dates, for instance. */
function hasJson(value: unknown): value is { toJSON(): unknown } {
  return typeof (value as { readonly toJSON?: unknown } | null | undefined)?.toJSON === 'function'; // members of a value that is nothing are not asked for
}

/** Keys and indexes that lead into a value of JSON. */
export type Path = readonly (string | number)[];

/** What is at the end of `path`; `undefined` if it leads nowhere. */
export function valueAt(value: unknown, path: Path): unknown {
  return path.reduce<unknown>((place, key) => (isRecord(place) ? place[key] : undefined), value);
}

/** The value with another one at the end of `path`; what is on the way is copied, and the rest shared. */
export function replaceAt(value: unknown, path: Path, change: (old: unknown) => unknown): unknown {
  const [key, ...rest] = path;
  if (key === undefined) return change(value);
  if (!isRecord(value)) return value;
  const copy: Record<string | number, unknown> | unknown[] = Array.isArray(value)
    ? [...value]
    : { ...value };
  return Object.assign(copy, { [key]: replaceAt(value[key], rest, change) });
}

/** Both together: members of objects and entries of lists of the same place are merged, otherwise the second one counts. */
export function mergeValues(one: unknown, other: unknown): unknown {
  if (!isRecord(one) || !isRecord(other)) return other;
  const merged = Object.entries(other).map(([key, value]) => [key, mergeValues(one[key], value)]);
  return Object.assign(Array.isArray(one) ? [...one] : { ...one }, Object.fromEntries(merged));
}

/** Lists are records of their indexes. */
function isRecord(value: unknown): value is Readonly<Record<string | number, unknown>> {
  return typeof value === 'object' && value !== null;
}

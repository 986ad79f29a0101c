/** Whether `value` has everything that `pattern` has: members of objects may be more, lists have the same length, a function is asked. */
export function matches(value: unknown, pattern: unknown): boolean {
  // a pattern is whatever a test wrote; a function in it takes whatever stands in its place
  if (typeof pattern === 'function') return (pattern as (value: unknown) => boolean)(value);
  if (Array.isArray(pattern)) {
    return (
      Array.isArray(value) &&
      value.length === pattern.length &&
      pattern.every((item, index) => matches(value[index], item))
    );
  }
  if (!isObject(pattern)) return Object.is(value, pattern);
  return (
    isObject(value) && Object.entries(pattern).every(([name, item]) => matches(value[name], item))
  );
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null;
}

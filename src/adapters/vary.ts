/** Headers of an answer beside those that a framework has set already: what either says that it varies with, it varies with. */
export function keepVary(
  headers: Readonly<Record<string, string>>,
  earlier: unknown,
): Readonly<Record<string, string>> {
  const { vary } = headers;
  if (earlier === undefined || vary === undefined) return headers;
  return { ...headers, vary: `${String(earlier)}, ${vary}` };
}

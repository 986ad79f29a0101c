import type { IncrementalPayload, ResponsePath } from './payloads.ts';

/** Where entries of an id belong, and what the next item of a list would be. */
export interface AnnouncedPlace {
  readonly path: ResponsePath;
  /** `undefined` for a fragment. */
  readonly nextIndex: number | undefined;
}

/** How many items the list at `path` has in what `payload` delivers; `undefined` if there is no list. */
export function deliveredLength(
  path: ResponsePath,
  payload: IncrementalPayload,
  announced: ReadonlyMap<string, AnnouncedPlace>,
): number | undefined {
  const inData = lengthIn(payload.data, path);
  if (inData !== undefined) return inData;
  const passed = new Map<string, number>();
  for (const { id, data, subPath = [], items } of payload.incremental ?? []) {
    const place = announced.get(id);
    if (!place) continue;
    const first = passed.get(id) ?? place.nextIndex ?? 0;
    if (items) passed.set(id, first + items.length);
    const rest = below([...place.path, ...subPath], path);
    const length = rest && (items ? lengthInItems(items, first, rest) : lengthIn(data, rest));
    if (length !== undefined) return length;
  }
  return undefined;
}

function lengthInItems(
  items: readonly unknown[],
  first: number,
  [index, ...rest]: ResponsePath,
): number | undefined {
  return typeof index === 'number' ? lengthIn(items[index - first], rest) : undefined;
}

function lengthIn(value: unknown, path: ResponsePath): number | undefined {
  let at = value;
  for (const step of path) {
    if (typeof at !== 'object' || at === null || !Object.hasOwn(at, step)) return undefined;
    at = (at as Readonly<Record<string, unknown>>)[step]; // it has that member
  }
  return Array.isArray(at) ? at.length : undefined;
}

/** The rest of `path` below `base`. */
function below(base: ResponsePath, path: ResponsePath): ResponsePath | undefined {
  return base.every((step, index) => step === path[index]) ? path.slice(base.length) : undefined;
}

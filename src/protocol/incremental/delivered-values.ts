import type { IncrementalEntry, IncrementalPayload, ResponsePath } from './payloads.ts';

/** Where entries of an id belong, and what the next item of a list would be. */
export interface AnnouncedPlace {
  readonly path: ResponsePath;
  /** `undefined` for a fragment. */
  readonly nextIndex: number | undefined;
}

/**
 * What one payload delivers, by the places at which that stands.
 *
 * @remarks
 * Each entry is read once, as soon as its id has a place: a payload may have thousands of parts and announce as many.
 */
export class DeliveredValues {
  readonly #data: unknown;
  /** Entries of ids that have no place so far. */
  readonly #entries = new Map<string, IncrementalEntry[]>();
  /** Fields of an object, or an item, by the text of its path. */
  readonly #values = new Map<string, unknown[]>();

  constructor(
    { data, incremental = [] }: IncrementalPayload,
    announced: ReadonlyMap<string, AnnouncedPlace>,
  ) {
    this.#data = data;
    for (const entry of incremental) add(this.#entries, entry.id, entry);
    for (const id of this.#entries.keys()) {
      const place = announced.get(id);
      if (place) this.place(id, place);
    }
  }

  /** Tells where entries of `id` belong. */
  place(id: string, { path, nextIndex = 0 }: AnnouncedPlace): void {
    let index = nextIndex;
    for (const { data, subPath = [], items = [] } of this.#entries.get(id) ?? []) {
      if (data) add(this.#values, textOf([...path, ...subPath]), data);
      for (const item of items) add(this.#values, textOf([...path, index++]), item);
    }
  }

  /** How many items the list at `path` has; `undefined` if none is delivered there. */
  lengthAt(path: ResponsePath): number | undefined {
    const inData = lengthIn(this.#data, path);
    if (inData !== undefined) return inData;
    for (let steps = 0; steps <= path.length; steps += 1) {
      const rest = path.slice(steps);
      for (const value of this.#values.get(textOf(path.slice(0, steps))) ?? []) {
        const length = lengthIn(value, rest);
        if (length !== undefined) return length;
      }
    }
    return undefined;
  }
}

function add<Value>(values: Map<string, Value[]>, name: string, value: Value): void {
  const known = values.get(name);
  if (known) known.push(value);
  else values.set(name, [value]);
}

/** The same for equal paths alone: a name that looks like an index is another step. */
function textOf(path: ResponsePath): string {
  return JSON.stringify(path);
}

function lengthIn(value: unknown, path: ResponsePath): number | undefined {
  let at = value;
  for (const step of path) {
    if (typeof at !== 'object' || at === null || !Object.hasOwn(at, step)) return undefined;
    at = (at as Readonly<Record<string, unknown>>)[step]; // it has that member
  }
  return Array.isArray(at) ? at.length : undefined;
}

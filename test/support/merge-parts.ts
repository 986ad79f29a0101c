import type {
  IncrementalEntry,
  IncrementalPayload,
  PatchPayload,
  ResponsePath,
} from '../../src/protocol/incremental/payloads.ts';
import type { FormattedError } from 'millrace';

/** What a client has in the end. */
export interface Merged {
  readonly data: unknown;
  readonly errors: readonly FormattedError[];
}

type Fields = Record<string, unknown>;

/** Puts an answer in `incrementalSpec=v0.2` together; throws where it breaks a rule. */
export function mergeParts(payloads: readonly IncrementalPayload[]): Merged {
  const [first, ...others] = structuredClone(payloads);
  if (!first || !('data' in first)) throw new Error('no first payload');
  if (others.some((payload) => 'data' in payload || 'errors' in payload)) throw new Error('data');
  assertEnd(payloads);
  const merging = new Merging(first.data, first.errors);
  for (const payload of [first, ...others]) merging.apply(payload);
  if (merging.pending.size > 0) throw new Error('not complete');
  return { data: merging.data, errors: merging.errors };
}

class Merging implements Merged {
  readonly data: unknown;
  readonly errors: FormattedError[];
  readonly pending = new Map<string, ResponsePath>();
  readonly #announced = new Set<string>();

  constructor(data: unknown, errors: readonly FormattedError[] = []) {
    this.data = data;
    this.errors = [...errors];
  }

  apply({ pending = [], incremental = [], completed = [] }: IncrementalPayload): void {
    for (const { id, path } of pending) this.#announce(id, path);
    for (const entry of incremental) this.#deliver(entry);
    for (const { id, errors = [] } of completed) {
      demand(this.pending.get(id));
      this.pending.delete(id);
      this.errors.push(...errors);
    }
  }

  #announce(id: string, path: ResponsePath): void {
    if (this.#announced.has(id) || typeof id !== 'string') throw new Error(`id ${id} again`);
    this.#announced.add(id);
    this.pending.set(id, path);
  }

  #deliver({ id, subPath = [], data, items, errors = [] }: IncrementalEntry): void {
    const target = at(this.data, [...demand(this.pending.get(id)), ...subPath]);
    if (items) (target as unknown[]).push(...items);
    else mergeFields(target as Fields, data as Fields);
    this.errors.push(...errors);
  }
}

/** Puts an answer in `deferSpec=20220824` together; throws where it breaks a rule. */
export function mergePatches(payloads: readonly PatchPayload[]): Merged {
  const [first, ...others] = structuredClone(payloads);
  if (!first || !('data' in first)) throw new Error('no first payload');
  const errors = [...(first.errors ?? [])];
  assertEnd(payloads);
  for (const { incremental = [] } of [first, ...others]) {
    for (const patch of incremental) {
      errors.push(...(patch.errors ?? []));
      if ('items' in patch) mergeItems(first.data, patch.path, patch.items ?? []);
      else if (patch.data) mergeFields(at(first.data, patch.path) as Fields, patch.data);
    }
  }
  return { data: first.data, errors };
}

function assertEnd(payloads: readonly { readonly hasNext: boolean }[]): void {
  if (payloads.some(({ hasNext }, index) => hasNext !== index < payloads.length - 1)) {
    throw new Error('hasNext');
  }
}

function mergeItems(root: unknown, path: ResponsePath, items: readonly unknown[]): void {
  const list = at(root, path.slice(0, -1)) as unknown[];
  const start = Number(path.at(-1));
  if (start > list.length) throw new Error('a hole');
  items.forEach((item, index) => {
    list[start + index] = item;
  });
}

function mergeFields(target: Fields, data: Fields): void {
  for (const [name, value] of Object.entries(data)) {
    const known = target[name];
    if (isObject(known) && isObject(value)) mergeFields(known, value);
    else target[name] = value;
  }
}

function isObject(value: unknown): value is Fields {
  return typeof value === 'object' && value !== null;
}

function at(root: unknown, path: ResponsePath): unknown {
  let value = root;
  for (const step of path) {
    if (!isObject(value)) throw new Error(`nothing at ${path.join('.')}`);
    value = value[step];
  }
  return value;
}

function demand<Value>(value: Value | undefined): Value {
  if (value === undefined) throw new Error('an id that was not announced');
  return value;
}

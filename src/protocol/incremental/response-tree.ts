import { ProtocolViolation } from '../../errors.ts';
import { isJsonObject } from '../json-frame.ts';
import type { ResponsePath } from './payloads.ts';

/** An object or a list of a response, by names or indices. */
type Container = Record<string | number, unknown>;

/**
 * A response that grows, and can be shown at any time: what was shown never changes.
 *
 * @remarks
 * Before something changes that was shown it is copied, with what it stands in, and once until the next time that the tree is shown. What is merged into the tree belongs to it.
 */
export class ResponseTree<Root extends object> {
  #root: Root;
  /** Copies that nobody was shown. */
  #own = new Set<object>();

  constructor(root: Root) {
    this.#root = root;
  }

  /** The response as it is now. */
  show(): Readonly<Root> {
    this.#own = new Set();
    return this.#root;
  }

  /**
   * Merges the fields of an object into the one at `path`.
   *
   * @throws ProtocolViolation if either is no object
   */
  merge(path: ResponsePath, fields: unknown): void {
    const target = this.#reach(path);
    if (Array.isArray(target) || !isJsonObject(fields)) throw misplaced('fields', path);
    this.#mergeInto(target, fields);
  }

  /**
   * Puts items behind those of the list at `path`, or from `index` on in their place.
   *
   * @throws ProtocolViolation if there is no list, or if it ends before `index`
   */
  insert(path: ResponsePath, items: readonly unknown[], index?: unknown): void {
    const list = this.#reach(path);
    if (!Array.isArray(list)) throw misplaced('items', path);
    let at = index ?? list.length;
    if (!isIndex(at) || at > list.length) throw misplaced('items', path);
    for (const item of items) list[at++] = item;
  }

  /** How many items the list at `path` has. */
  lengthAt(path: ResponsePath): number | undefined {
    const list = this.#reach(path);
    return Array.isArray(list) ? list.length : undefined;
  }

  /** What stands at `path`, for us alone to change. */
  #reach(path: ResponsePath): Container {
    const root = this.#claim(this.#root, path);
    this.#root = root as Root & Container; // a copy of it
    let at = root;
    for (const step of path) {
      const below = this.#claim(ownMember(at, step), path);
      put(at, step, below);
      at = below;
    }
    return at;
  }

  #claim(value: unknown, path: ResponsePath): Container {
    if (!isContainer(value)) throw misplaced('a part', path);
    if (this.#own.has(value)) return value;
    const copy = (Array.isArray(value) ? value.slice() : { ...value }) as Container; // as `value` is
    this.#own.add(copy);
    return copy;
  }

  /** Object by object and index by index; everything else takes the place of what was there. */
  #mergeInto(target: Container, from: object): void {
    for (const [name, value] of Object.entries(from)) {
      const known = ownMember(target, name);
      if (
        isContainer(known) &&
        isContainer(value) &&
        Array.isArray(known) === Array.isArray(value)
      ) {
        const own = this.#claim(known, [name]);
        put(target, name, own);
        this.#mergeInto(own, value);
      } else put(target, name, value);
    }
  }
}

function isContainer(value: unknown): value is Container {
  return typeof value === 'object' && value !== null;
}

function isIndex(value: unknown): value is number {
  return Number.isInteger(value) && Number(value) >= 0;
}

/** Names that objects inherit find nothing. */
function ownMember(container: Container, name: string | number): unknown {
  return Object.hasOwn(container, name) ? container[name] : undefined;
}

function put(container: Container, name: string | number, value: unknown): void {
  // an assignment to it would give the object another prototype
  if (name !== '__proto__') container[name] = value;
  else
    Object.defineProperty(container, name, {
      value,
      configurable: true,
      enumerable: true,
      writable: true,
    });
}

function misplaced(what: string, path: ResponsePath): ProtocolViolation {
  return new ProtocolViolation(
    'BAD_RESPONSE',
    `There is no place for ${what} at ${path.join('.')}.`,
  );
}

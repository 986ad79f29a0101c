/** Values that are looked at before the rest is extrapolated from them. */
const nodeLimit = 1_000;

const slotBytes = 8;
const headerBytes = 16;

/**
 * About how much memory an event holds, in bytes.
 *
 * @remarks
 * Looks at no more than about 1,000 values and extrapolates from them, so that its cost has a bound. Strings count two bytes per
 * UTF-16 unit. Never throws, whatever it is given. What closures and host objects hold is unknown and not counted.
 */
export function estimateBytes(event: unknown): number {
  return new SizeWalk(event).run();
}

class SizeWalk {
  #bytes = 0;
  #visited = 0;
  #skipped = 0;
  readonly #pending: object[] = [];
  readonly #root: unknown;
  #seen: Set<unknown> | undefined;

  constructor(root: unknown) {
    this.#root = root;
    this.#visit(root);
  }

  run(): number {
    for (let next = this.#pending.pop(); next !== undefined; next = this.#pending.pop()) {
      try {
        this.#visitMembers(next);
      } catch {
        // A getter or proxy of the user's threw: what it hides cannot be measured.
      }
    }
    if (this.#skipped === 0) return this.#bytes;
    return Math.ceil(this.#bytes * (1 + this.#skipped / this.#visited));
  }

  #visit(value: unknown): void {
    if (this.#visited >= nodeLimit) {
      this.#skipped += 1;
      return;
    }
    this.#visited += 1;
    if (typeof value === 'string') this.#bytes += headerBytes + 2 * value.length;
    else if (typeof value === 'object' && value !== null) this.#visitObject(value);
    else this.#bytes += slotBytes;
  }

  #visitObject(value: object): void {
    this.#bytes += headerBytes;
    // The set costs more than a flat event does, so it waits for the second object.
    if (this.#visited > 1) {
      this.#seen ??= new Set([this.#root]);
      if (this.#seen.has(value)) return;
      this.#seen.add(value);
    }
    this.#pending.push(value);
  }

  #visitMembers(value: object): void {
    if (ArrayBuffer.isView(value) || value instanceof ArrayBuffer) this.#bytes += value.byteLength;
    else if (Array.isArray(value)) this.#visitSome(value, value.length);
    else if (value instanceof Map) this.#visitMap(value);
    else if (value instanceof Set) this.#visitSome(value, value.size);
    else this.#visitProperties(value);
  }

  #visitMap(map: ReadonlyMap<unknown, unknown>): void {
    this.#visitSome(map.keys(), map.size);
    this.#visitSome(map.values(), map.size);
  }

  #visitSome(members: Iterable<unknown>, count: number): void {
    this.#bytes += slotBytes * count;
    let left = Math.min(count, nodeLimit - this.#visited);
    this.#skipped += count - left;
    if (left <= 0) return;
    for (const member of members) {
      this.#visit(member);
      left -= 1;
      if (left <= 0) return;
    }
  }

  #visitProperties(value: object): void {
    const names = Object.keys(value);
    this.#bytes += slotBytes * names.length;
    for (let i = 0; i < names.length; i++) {
      if (this.#visited >= nodeLimit) {
        this.#skipped += names.length - i;
        return;
      }
      this.#visit(Reflect.get(value, names[i] ?? ''));
    }
  }
}

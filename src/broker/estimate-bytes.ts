/** Values that are looked at; what they leave unseen counts like the average of those. */
const nodeLimit = 1_000;

/** Members of one object, array, map or set that are looked at; each stands for its share of the others. */
const sampleLimit = 64;

const slotBytes = 8;
const headerBytes = 16;

/**
 * About how much memory an event holds, in bytes.
 *
 * @remarks
 * Looks at about 1,000 values and extrapolates from them, so that its cost has a bound. Strings count two bytes per
 * UTF-16 unit. Never throws, whatever it is given. What closures and host objects hold is unknown and not counted.
 */
export function estimateBytes(event: unknown): number {
  return sizeOfFlat(event) ?? new SizeWalk(event).run();
}

/** The size of a record without objects in it, which most events are: a walk would allocate more than such an event does. `undefined` for all else. */
function sizeOfFlat(event: unknown): number | undefined {
  try {
    if (!isRecord(event)) return undefined;
    let bytes = headerBytes;
    let members = 0;
    for (const name in event) {
      const member = event[name];
      members += 1;
      if ((typeof member === 'object' && member !== null) || members > sampleLimit)
        return undefined;
      bytes += slotBytes + sizeOfPrimitive(member);
    }
    return bytes;
  } catch {
    return undefined; // a getter or proxy of the user's threw
  }
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  if (typeof value !== 'object' || value === null) return false;
  const prototype: unknown = Object.getPrototypeOf(value);
  return prototype === Object.prototype || prototype === null;
}

function sizeOfPrimitive(value: unknown): number {
  return typeof value === 'string' ? headerBytes + 2 * value.length : slotBytes;
}

class SizeWalk {
  readonly #root: unknown;
  readonly #pending: { readonly value: object; readonly weight: number }[] = [];
  #seen: Set<unknown> | undefined;
  #bytes = 0;
  #visited = 0;
  #visitedWeight = 0;

  constructor(root: unknown) {
    this.#root = root;
    this.#visit(root, 1);
  }

  run(): number {
    while (this.#visited < nodeLimit) {
      const next = this.#pending.pop();
      if (next === undefined) return Math.ceil(this.#bytes);
      try {
        this.#visitMembers(next.value, next.weight);
      } catch {
        // A getter or proxy of the user's threw: what it hides cannot be measured.
      }
    }
    const unseenWeight = this.#pending.reduce((sum, { weight }) => sum + weight, 0);
    return Math.ceil(this.#bytes * (1 + unseenWeight / this.#visitedWeight));
  }

  /** `weight` is the number of values that this one stands for. */
  #visit(value: unknown, weight: number): void {
    this.#visited += 1;
    this.#visitedWeight += weight;
    if (typeof value === 'object' && value !== null) this.#visitObject(value, weight);
    else this.#bytes += weight * sizeOfPrimitive(value);
  }

  #visitObject(value: object, weight: number): void {
    this.#bytes += weight * headerBytes;
    // The set costs more than a flat event does, so it waits for the second object.
    if (value !== this.#root || this.#visited > 1) {
      this.#seen ??= new Set([this.#root]);
      if (this.#seen.has(value)) return;
      this.#seen.add(value);
    }
    this.#pending.push({ value, weight });
  }

  #visitMembers(value: object, weight: number): void {
    if (ArrayBuffer.isView(value) || value instanceof ArrayBuffer)
      this.#bytes += weight * value.byteLength;
    else if (Array.isArray(value)) this.#visitIndexed(value.length, weight, (i) => value[i]);
    else if (value instanceof Map) this.#visitMap(value, weight);
    else if (value instanceof Set) this.#visitFirst(value, value.size, weight);
    else this.#visitProperties(value, weight);
  }

  #visitProperties(value: object, weight: number): void {
    const names = Object.keys(value);
    this.#visitIndexed(names.length, weight, (i) => Reflect.get(value, names[i] ?? ''));
  }

  /** Looks at members in equal distances. */
  #visitIndexed(count: number, weight: number, memberAt: (index: number) => unknown): void {
    this.#bytes += weight * slotBytes * count;
    const sampled = Math.min(count, sampleLimit);
    for (let i = 0; i < sampled; i++) {
      this.#visit(memberAt(Math.floor((i * count) / sampled)), (weight * count) / sampled);
    }
  }

  #visitMap(map: ReadonlyMap<unknown, unknown>, weight: number): void {
    this.#visitFirst(map.keys(), map.size, weight);
    this.#visitFirst(map.values(), map.size, weight);
  }

  #visitFirst(members: Iterable<unknown>, count: number, weight: number): void {
    this.#bytes += weight * slotBytes * count;
    const sampled = Math.min(count, sampleLimit);
    let seen = 0;
    for (const member of members) {
      if (seen === sampled) return;
      seen += 1;
      this.#visit(member, (weight * count) / sampled);
    }
  }
}

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import type { ResponsePath } from '../../src/protocol/incremental/payloads.ts';
import { ResultMerger } from '../../src/protocol/incremental/result-merger.ts';
import type { FormattedResult } from '../../src/vocabulary.ts';

type Fields = Record<string, unknown>;
type Payload = Record<string, unknown>;

/** Something that is delivered later: fields of an object, or items of a list from an index on. */
type Part =
  | { readonly path: ResponsePath; readonly data: Fields }
  | { readonly path: ResponsePath; readonly index: number; readonly items: readonly unknown[] };

/** A result, cut into what comes first and parts of which each stands behind what it belongs to. */
interface Cut {
  readonly whole: unknown;
  readonly first: unknown;
  readonly parts: readonly Part[];
}

const name = fc.constantFrom('a', 'b', 'c', 'd', '__proto__', 'constructor', 'toString', '0');

const tree = fc.letrec<{ value: unknown; object: Fields; list: unknown[] }>((tie) => ({
  value: fc.oneof(
    { depthSize: 'small', withCrossShrink: true },
    fc.oneof(fc.constant(null), fc.nat(9), fc.constantFrom('', 'x')),
    tie('object'),
    tie('list'),
  ),
  object: fc
    .array(fc.tuple(name, tie('value')), { maxLength: 4 })
    .map((entries) => Object.fromEntries(entries)),
  list: fc.array(tie('value'), { maxLength: 4 }),
}));

/** Cuts a tree: `isLater` says of each field and of the rest of each list whether it comes in a part. */
class Cutter {
  readonly parts: Part[] = [];
  readonly #isLater: () => boolean;

  constructor(isLater: () => boolean) {
    this.#isLater = isLater;
  }

  cut(value: unknown, path: ResponsePath): unknown {
    if (Array.isArray(value)) return this.#cutList(value, path);
    if (typeof value !== 'object' || value === null) return value;
    return this.#cutObject(value, path);
  }

  #cutObject(fields: object, path: ResponsePath): Fields {
    const now: [string, unknown][] = [];
    const later: [string, unknown][] = [];
    for (const entry of Object.entries(fields)) (this.#isLater() ? later : now).push(entry);
    const cutAll = (entries: readonly [string, unknown][]): Fields =>
      Object.fromEntries(entries.map(([key, value]) => [key, this.cut(value, [...path, key])]));
    const first = cutAll(now);
    // its place in the order is before the parts of what is in it
    const at = this.parts.length;
    const data = cutAll(later);
    if (later.length > 0) this.parts.splice(at, 0, { path, data });
    return first;
  }

  #cutList(items: readonly unknown[], path: ResponsePath): unknown[] {
    const kept = items.findIndex(() => this.#isLater());
    const now = kept < 0 ? items : items.slice(0, kept);
    const first = now.map((item, index) => this.cut(item, [...path, index]));
    for (let index = now.length; index < items.length;) {
      const taken = items.slice(index, index + (this.#isLater() ? 1 : 2));
      const at = this.parts.length;
      const start = index;
      const cut = taken.map((item, offset) => this.cut(item, [...path, start + offset]));
      this.parts.splice(at, 0, { path, index, items: cut });
      index += taken.length;
    }
    return first;
  }
}

const cuts: fc.Arbitrary<Cut> = fc
  .tuple(tree.object, fc.infiniteStream(fc.boolean()))
  .map(([whole, choices]) => {
    const cutter = new Cutter(() => choices.next().value === true);
    const first = cutter.cut(whole, []);
    return { whole, first, parts: cutter.parts };
  });

/** What comes first, and batches of parts; whether the end is a word of its own. */
const answers = fc
  .tuple(cuts, fc.infiniteStream(fc.nat(3)), fc.boolean(), fc.nat(5))
  .map(([cut, sizes, isEndAlone, split]) => {
    const batches: (readonly Part[])[] = [];
    for (let at = 0; at < cut.parts.length;) {
      const size = sizes.next().value ?? 1;
      batches.push(cut.parts.slice(at, at + size));
      at += size;
    }
    const { whole, first } = cut;
    return { whole, first, batches, isEndAlone, split };
  });

/** Marks which payload is the last. */
function withEnd(payloads: readonly Payload[], isEndAlone: boolean): readonly FormattedResult[] {
  const all = isEndAlone ? [...payloads, {}] : payloads;
  return all.map((payload, index) => Object.assign(payload, { hasNext: index < all.length - 1 }));
}

/** In patches that name their place. */
function toPatches({ first, batches, isEndAlone }: Answer): readonly FormattedResult[] {
  const later = batches.map((parts) => ({
    incremental: parts.map((part) =>
      'data' in part ? part : { items: part.items, path: [...part.path, part.index] },
    ),
  }));
  return withEnd([{ data: first }, ...later], isEndAlone);
}

/** In parts that are announced where their place is there, with some of the path in each of them. */
function toAnnounced({ first, batches, isEndAlone, split }: Answer): readonly FormattedResult[] {
  let lastId = 0;
  const later = batches.map((parts) => {
    const announced = parts.map((part) => {
      lastId += 1;
      const id = String(lastId);
      if (!('data' in part))
        return { pending: { id, path: part.path }, entry: { id, items: part.items } };
      const path = part.path.slice(0, split);
      const subPath = part.path.slice(split);
      return { pending: { id, path }, entry: { id, data: part.data, subPath } };
    });
    return {
      pending: announced.map(({ pending }) => pending),
      incremental: announced.map(({ entry }) => entry),
      completed: announced.map(({ pending }) => ({ id: pending.id })),
    };
  });
  return withEnd([{ data: first }, ...later], isEndAlone);
}

type Answer = typeof answers extends fc.Arbitrary<infer Value> ? Value : never;

const formats = { 'incrementalSpec=v0.2': toAnnounced, 'deferSpec=20220824': toPatches };

describe.each(Object.entries(formats))('an answer in %s', (_, write) => {
  it('ID-50 ID-51 ID-61 comes to the same however it is cut, and what was shown stays as it was', () => {
    fc.assert(
      fc.property(answers, (answer) => {
        const merger = new ResultMerger();
        const shown: FormattedResult[] = [];
        const asTheyWere: string[] = [];
        // as they come from the wire: objects of their own
        for (const payload of JSON.parse(JSON.stringify(write(answer))) as FormattedResult[]) {
          merger.take(payload);
          const result = merger.show();
          shown.push(result);
          asTheyWere.push(JSON.stringify(result));
        }

        expect(merger.isIncomplete).toBe(false);
        expect(merger.show()).toEqual({ data: answer.whole, hasNext: false });
        expect(shown.map((result) => JSON.stringify(result))).toEqual(asTheyWere);
        expect(Object.keys(Object.prototype)).toEqual([]);
      }),
      { numRuns: 500 },
    );
  });

  it('changes nothing of what it was given', () => {
    fc.assert(
      fc.property(answers, (answer) => {
        const payloads = write(answer);
        const before = JSON.stringify(payloads);
        const merger = new ResultMerger();
        for (const payload of payloads) merger.take(payload);

        expect(JSON.stringify(payloads)).toBe(before);
      }),
    );
  });
});

describe('anything at all', () => {
  const anyValue = fc.jsonValue({ maxDepth: 1 });
  const anyEntry = fc.record(
    {
      id: fc.oneof(fc.constantFrom('0', 0), anyValue),
      path: fc.oneof(fc.constant([]), fc.constant(['a']), anyValue),
      subPath: anyValue,
      data: fc.oneof(fc.constant({ a: {} }), anyValue),
      items: anyValue,
      errors: anyValue,
    },
    { requiredKeys: [] },
  );
  const anyEntries = fc.oneof(fc.array(anyEntry, { maxLength: 3 }), anyValue);
  const anyPayload = fc.record(
    {
      data: fc.oneof(fc.constant({ a: {}, list: [] }), anyValue),
      hasNext: fc.oneof(fc.boolean(), anyValue),
      path: anyValue,
      pending: anyEntries,
      incremental: anyEntries,
      completed: anyEntries,
      errors: anyValue,
      extensions: anyValue,
    },
    { requiredKeys: [] },
  );

  it('ID-63 is merged or is a violation, and pollutes nothing', () => {
    fc.assert(
      fc.property(fc.array(anyPayload, { maxLength: 4 }), (payloads) => {
        const merger = new ResultMerger();
        try {
          for (const payload of payloads) merger.take(payload as object); // whatever it is
        } catch (error) {
          expect(error).toMatchObject({ name: 'ProtocolViolation', code: 'BAD_RESPONSE' });
        }

        expect(Object.keys(Object.prototype)).toEqual([]);
        expect(Object.keys(Array.prototype)).toEqual([]);
      }),
      { numRuns: 500 },
    );
  });
});

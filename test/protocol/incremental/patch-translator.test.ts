import { describe, expect, it } from 'vitest';

import type { DeferPlan, Selection } from '../../../src/protocol/incremental/defer-plan.ts';
import { PatchTranslator } from '../../../src/protocol/incremental/patch-translator.ts';
import type {
  IncrementalPayload,
  PatchPayload,
} from '../../../src/protocol/incremental/payloads.ts';

type Names = { readonly [name: string]: Names };
interface Places {
  readonly [name: string]: Places | readonly [label: string | undefined, selected: Names][];
}

/** `@` holds the fragments of a place. */
function plan({ '@': fragments = [], ...below }: Places): DeferPlan {
  return {
    below: new Map(Object.entries(below).map(([name, place]) => [name, plan(place as Places)])),
    fragments: (fragments as readonly [string | undefined, Names][]).map(([label, selected]) => ({
      label,
      selection: select(selected),
    })),
  };
}

function select(names: Names): Selection {
  return new Map(
    Object.entries(names).map(([name, below]) => [
      name,
      Object.keys(below).length === 0 ? 'leaf' : select(below),
    ]),
  );
}

function translate(places: Places, payloads: readonly IncrementalPayload[]): PatchPayload[] {
  const translator = new PatchTranslator(plan(places));
  return payloads.flatMap((payload) => translator.translate(payload) ?? []);
}

const leaf = {};

describe('an answer in deferSpec=20220824', () => {
  it('ID-20 has patches for a fragment and for each item of a list', () => {
    const translated = translate({ person: { '@': [['D', { slow: leaf }]], slow: leaf } }, [
      {
        data: { person: { name: 'Luke', films: [{ title: 'A' }] } },
        pending: [
          { id: '0', path: ['person'], label: 'D' },
          { id: '1', path: ['person', 'films'], label: 'S' },
        ],
        hasNext: true,
      },
      { hasNext: true, incremental: [{ id: '1', items: [{ title: 'B' }, { title: 'C' }] }] },
      {
        hasNext: true,
        incremental: [{ id: '1', items: [{ title: 'D' }] }],
        completed: [{ id: '1' }],
      },
      {
        hasNext: false,
        incremental: [{ id: '0', data: { slow: 's' } }],
        completed: [{ id: '0' }],
      },
    ]);

    expect(translated).toEqual([
      { data: { person: { name: 'Luke', films: [{ title: 'A' }] } }, hasNext: true },
      {
        hasNext: true,
        incremental: [
          { items: [{ title: 'B' }, { title: 'C' }], path: ['person', 'films', 1], label: 'S' },
        ],
      },
      {
        hasNext: true,
        incremental: [{ items: [{ title: 'D' }], path: ['person', 'films', 3], label: 'S' }],
      },
      { hasNext: false, incremental: [{ data: { slow: 's' }, path: ['person'], label: 'D' }] },
    ]);
  });

  it('has what fragments share in full in each of them', () => {
    const nested = { slow: leaf, slow2: leaf, name: leaf };
    const places = {
      person: {
        '@': [
          ['D1', { slow: leaf, nested: { slow: leaf, name: leaf } }],
          ['D2', { slow2: leaf, nested: { slow2: leaf, name: leaf } }],
        ] as const,
        slow: leaf,
        slow2: leaf,
        nested,
      },
    } as Places;

    const translated = translate(places, [
      {
        data: { person: { name: 'Luke' } },
        pending: [
          { id: '0', path: ['person'], label: 'D1' },
          { id: '1', path: ['person'], label: 'D2' },
        ],
        hasNext: true,
      },
      {
        hasNext: true,
        incremental: [
          { id: '0', data: { nested: { name: 'N' } } },
          { id: '0', data: { slow: 's' } },
          { id: '0', subPath: ['nested'], data: { slow: 't' } },
        ],
        completed: [{ id: '0' }],
      },
      {
        hasNext: false,
        incremental: [
          { id: '1', data: { slow2: 'u' } },
          { id: '1', subPath: ['nested'], data: { slow2: 'v' } },
        ],
        completed: [{ id: '1' }],
      },
    ]);

    expect(translated.slice(1)).toEqual([
      {
        hasNext: true,
        incremental: [
          {
            data: { slow: 's', nested: { slow: 't', name: 'N' } },
            path: ['person'],
            label: 'D1',
          },
        ],
      },
      {
        hasNext: false,
        incremental: [
          {
            data: { slow2: 'u', nested: { slow2: 'v', name: 'N' } },
            path: ['person'],
            label: 'D2',
          },
        ],
      },
    ]);
  });

  it('says nothing until a fragment is complete', () => {
    const translated = translate({ '@': [[undefined, { a: leaf, b: leaf }]], a: leaf, b: leaf }, [
      { data: {}, pending: [{ id: '0', path: [] }], hasNext: true },
      { hasNext: true, incremental: [{ id: '0', data: { a: 1 } }] },
      { hasNext: true, incremental: [{ id: '0', data: { b: 2 } }], completed: [{ id: '0' }] },
      { hasNext: false },
    ]);

    expect(translated).toEqual([
      { data: {}, hasNext: true },
      { hasNext: true, incremental: [{ data: { a: 1, b: 2 }, path: [] }] },
      { hasNext: false },
    ]);
  });

  it('ID-21 has null and the errors for a fragment that failed', () => {
    const errors = [{ message: 'slow boom', path: ['person', 'nested', 'slow'] }];

    const translated = translate(
      { person: { nested: { '@': [['E', { slow: leaf }]], slow: leaf } } },
      [
        {
          data: { person: { nested: { name: 'N' } } },
          pending: [{ id: '0', path: ['person', 'nested'], label: 'E' }],
          hasNext: true,
        },
        { hasNext: false, completed: [{ id: '0', errors }] },
      ],
    );

    expect(translated.at(-1)).toEqual({
      hasNext: false,
      incremental: [{ data: null, path: ['person', 'nested'], label: 'E', errors }],
    });
  });

  it('ID-21 has null, the index and the errors for a list that failed', () => {
    const errors = [{ message: 'boom', path: ['list'] }];

    const translated = translate({}, [
      { data: { list: [1] }, pending: [{ id: '0', path: ['list'] }], hasNext: true },
      { hasNext: true, incremental: [{ id: '0', items: [2] }] },
      { hasNext: false, completed: [{ id: '0', errors }] },
    ]);

    expect(translated.at(-1)).toEqual({
      hasNext: false,
      incremental: [{ items: null, path: ['list', 2], errors }],
    });
  });

  it('has errors once, with the first fragment that has their fields', () => {
    const errors = [{ message: 'boom', path: ['deep', 'bad'] }];
    const places = {
      '@': [['X', { deep: { bad: leaf } }]],
      deep: { '@': [['Y', { bad: leaf, more: leaf }]], bad: leaf, more: leaf },
    } as Places;

    const translated = translate(places, [
      {
        data: { deep: {} },
        pending: [
          { id: '0', path: [], label: 'X' },
          { id: '1', path: ['deep'], label: 'Y' },
        ],
        hasNext: true,
      },
      {
        hasNext: true,
        incremental: [{ id: '1', data: { bad: null }, errors }],
        completed: [{ id: '0' }],
      },
      {
        hasNext: false,
        incremental: [{ id: '1', data: { more: 1 } }],
        completed: [{ id: '1' }],
      },
    ]);

    expect(translated.slice(1).map(({ incremental }) => incremental)).toEqual([
      [{ data: { deep: { bad: null } }, path: [], label: 'X', errors }],
      [{ data: { bad: null, more: 1 }, path: ['deep'], label: 'Y' }],
    ]);
  });

  it('has a parent before what is inside of it, also in one payload', () => {
    const places = {
      '@': [['P', { child: { name: leaf } }]],
      child: { '@': [['C', { slow: leaf }]], name: leaf, slow: leaf },
    } as Places;

    const translated = translate(places, [
      { data: {}, pending: [{ id: '0', path: [], label: 'P' }], hasNext: true },
      {
        hasNext: false,
        pending: [
          { id: '1', path: ['child'], label: 'C' },
          { id: '2', path: ['child', 'list'], label: 'L' },
        ],
        incremental: [
          { id: '0', data: { child: { name: 'N', list: [1, 2] } } },
          { id: '2', items: [3] },
          { id: '1', data: { slow: 's' } },
        ],
        completed: [{ id: '1' }, { id: '2' }, { id: '0' }],
      },
    ]);

    expect(translated.at(-1)?.incremental).toEqual([
      expect.objectContaining({ label: 'P' }),
      { data: { slow: 's' }, path: ['child'], label: 'C' },
      { items: [3], path: ['child', 'list', 2], label: 'L' },
    ]);
  });

  it('knows the length of a list that stands in an item of another', () => {
    const translated = translate({}, [
      { data: { a: [] }, pending: [{ id: '0', path: ['a'] }], hasNext: true },
      { hasNext: true, incremental: [{ id: '0', items: [{ b: [] }] }] },
      {
        hasNext: true,
        pending: [{ id: '1', path: ['a', 2, 'b'] }],
        incremental: [
          { id: '0', items: [{ b: [] }] },
          { id: '0', items: [{ b: [1, 2] }] },
        ],
      },
      {
        hasNext: false,
        incremental: [{ id: '1', items: [3] }],
        completed: [{ id: '0' }, { id: '1' }],
      },
    ]);

    expect(translated.at(-1)?.incremental).toEqual([{ items: [3], path: ['a', 2, 'b', 2] }]);
  });

  it('keeps extensions, and an answer that is complete at once', () => {
    expect(
      translate({}, [
        { data: { a: 1 }, hasNext: true, extensions: { first: 1 } },
        { hasNext: true, extensions: { second: 2 } },
        { hasNext: false },
      ]),
    ).toEqual([
      { data: { a: 1 }, hasNext: true, extensions: { first: 1 } },
      { hasNext: true, extensions: { second: 2 } },
      { hasNext: false },
    ]);
    expect(translate({}, [{ data: { a: 1 }, hasNext: false }])).toEqual([
      { data: { a: 1 }, hasNext: false },
    ]);
  });

  it('takes a name that objects inherit for a name', () => {
    const data = JSON.parse('{"__proto__":{"polluted":1}}') as Record<string, unknown>;
    const names = JSON.parse('{"__proto__":{"polluted":{}}}') as Names;
    const places = { ...names, '@': [[undefined, names]] };
    const own = Object.defineProperty(places, '__proto__', {
      value: names['__proto__'],
      enumerable: true,
    }) as unknown as Places;

    const [, last] = translate(own, [
      { data: {}, pending: [{ id: '0', path: [] }], hasNext: true },
      { hasNext: false, incremental: [{ id: '0', data }], completed: [{ id: '0' }] },
    ]);

    expect(JSON.stringify(last)).toBe(
      '{"hasNext":false,"incremental":[{"data":{"__proto__":{"polluted":1}},"path":[]}]}',
    );
    expect(Object.hasOwn(Object.prototype, 'polluted')).toBe(false);
  });
});

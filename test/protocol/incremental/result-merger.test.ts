import { describe, expect, it } from 'vitest';

import { ResultMerger } from '../../../src/protocol/incremental/result-merger.ts';
import type { FormattedResult } from '../../../src/vocabulary.ts';

type Payload = Readonly<Record<string, unknown>>;

/** What is shown after each payload that has news. */
function merge(...payloads: readonly Payload[]): readonly FormattedResult[] {
  const merger = new ResultMerger();
  return payloads.flatMap((payload) => {
    const { kind, isNews } = merger.take(structuredClone(payload));
    return kind === 'whole' ? [payload] : isNews ? [merger.show()] : [];
  });
}

const last = (...payloads: readonly Payload[]): FormattedResult | undefined =>
  merge(...payloads).at(-1);

const badResponse = expect.objectContaining({ name: 'ProtocolViolation', code: 'BAD_RESPONSE' });

const luke = { person: { name: 'Luke', films: [{ title: 'A' }] } };

const boom = { message: 'boom', path: ['person', 'slow'] };

describe('an answer with announced parts', () => {
  it('ID-50 is shown as it grows', () => {
    expect(
      merge(
        {
          data: luke,
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
      ),
    ).toEqual([
      { data: luke, hasNext: true },
      { data: { person: { name: 'Luke', films: titles('A', 'B', 'C') } }, hasNext: true },
      { data: { person: { name: 'Luke', films: titles('A', 'B', 'C', 'D') } }, hasNext: true },
      {
        data: { person: { name: 'Luke', films: titles('A', 'B', 'C', 'D'), slow: 's' } },
        hasNext: false,
      },
    ]);
  });

  it('ID-50 has what fragments share once, behind the path of either', () => {
    expect(
      last(
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
            { id: '0', data: { slow: 's', nested: {} } },
            { id: '0', subPath: ['nested'], data: { name: 'N' } },
          ],
          completed: [{ id: '0' }],
        },
        {
          hasNext: false,
          incremental: [
            { id: '1', data: { slow2: 't' } },
            { id: '1', subPath: ['nested'], data: { slow2: 'u' } },
          ],
          completed: [{ id: '1' }],
        },
      ),
    ).toEqual({
      data: { person: { name: 'Luke', slow: 's', slow2: 't', nested: { name: 'N', slow2: 'u' } } },
      hasNext: false,
    });
  });

  it('ID-50 has parts that are announced later, and used by the same payload', () => {
    expect(
      last(
        { data: { a: {} }, pending: [{ id: '0', path: ['a'] }], hasNext: true },
        {
          hasNext: false,
          pending: [
            { id: '1', path: ['a', 'b'] },
            { id: '2', path: ['a', 'b', 'list', 0] },
          ],
          incremental: [
            { id: '0', data: { b: { list: [{}] } } },
            { id: '1', data: { c: 1 } },
            { id: '2', data: { d: 2 } },
          ],
          completed: [{ id: '2' }, { id: '0' }, { id: '1' }],
        },
      ),
    ).toEqual({ data: { a: { b: { list: [{ d: 2 }], c: 1 } } }, hasNext: false });
  });

  it('ID-53 may have all in its first payload, with nothing announced', () => {
    expect(merge({ data: luke, hasNext: true }, { hasNext: false })).toEqual([
      { data: luke, hasNext: true },
    ]);
  });

  it('ID-54 may end with a word that says nothing else, or twice', () => {
    const merger = new ResultMerger();
    merger.take({ data: { a: 1 }, hasNext: true });

    expect(merger.take({ hasNext: false })).toEqual({ kind: 'last', isNews: false });
    expect(merger.take({ hasNext: false })).toEqual({ kind: 'part', isNews: false });
    expect(merger.show()).toEqual({ data: { a: 1 }, hasNext: false });
    expect(merger.isIncomplete).toBe(false);
  });

  it('ID-55 may be complete with its first payload, parts included', () => {
    expect(
      merge({
        data: { a: {}, list: [] },
        pending: [
          { id: '0', path: ['a'] },
          { id: '1', path: ['list'] },
        ],
        incremental: [
          { id: '0', data: { b: 1 } },
          { id: '1', items: [1, 2] },
        ],
        completed: [{ id: '0' }, { id: '1' }],
        hasNext: false,
      }),
    ).toEqual([{ data: { a: { b: 1 }, list: [1, 2] }, hasNext: false }]);
  });

  it('ID-56 ignores entries and members that nobody knows', () => {
    expect(
      last(
        { data: { a: 1 }, pending: [{ id: '0', path: [], mood: 'good' }], hasNext: true, mood: 1 },
        {
          hasNext: false,
          incremental: [
            { id: '0', mood: 'good' },
            { id: '7', splice: [] },
            'x',
            null,
            { id: '0', data: { b: 2 } },
          ],
          completed: [{ id: '0', mood: 'good' }],
        },
      ),
    ).toEqual({ data: { a: 1, b: 2 }, hasNext: false });
  });

  it('ID-57 keeps the rest where a part failed, and has its errors', () => {
    expect(
      last(
        {
          data: luke,
          errors: [{ message: 'early' }],
          pending: [
            { id: '0', path: ['person'] },
            { id: '1', path: ['person', 'films'] },
          ],
          hasNext: true,
        },
        {
          hasNext: true,
          incremental: [{ id: '1', items: [null], errors: [{ message: 'item' }] }],
          completed: [{ id: '0', errors: [boom] }],
        },
        { hasNext: false, completed: [{ id: '1', errors: [{ message: 'source' }] }] },
      ),
    ).toEqual({
      data: { person: { name: 'Luke', films: [{ title: 'A' }, null] } },
      errors: [{ message: 'early' }, { message: 'item' }, boom, { message: 'source' }],
      hasNext: false,
    });
  });

  it('ID-60 has ids that are numbers here and texts there', () => {
    expect(
      last(
        { data: { a: 1 }, pending: [{ id: 0, path: [] }], hasNext: true },
        { hasNext: true, incremental: [{ id: '0', data: { b: 2 } }] },
        { hasNext: false, incremental: [{ id: 0, data: { c: 3 } }], completed: [{ id: '0' }] },
      ),
    ).toEqual({ data: { a: 1, b: 2, c: 3 }, hasNext: false });
  });

  it.each([1, 3])('ID-62 may have %i items where another number was asked for', (count) => {
    const items = Array.from({ length: count }, (_, index) => index);

    expect(
      last(
        { data: { list: items }, pending: [{ id: '0', path: ['list'] }], hasNext: true },
        { hasNext: false, incremental: [{ id: '0', items: [9] }], completed: [{ id: '0' }] },
      )?.data,
    ).toEqual({ list: [...items, 9] });
  });

  it.each([
    ['incremental', { incremental: [{ id: '7', data: { b: 1 } }] }],
    ['incremental', { incremental: [{ id: '7', items: [1] }] }],
    ['completed', { completed: [{ id: '7' }] }],
    ['completed, a second time', { completed: [{ id: '0' }, { id: '0' }] }],
  ])('ID-63 fails by an id in %s that was not announced', (_, members) => {
    const merger = new ResultMerger();
    merger.take({ data: {}, pending: [{ id: '0', path: [] }], hasNext: true } as FormattedResult);

    expect(() => merger.take({ hasNext: true, ...members })).toThrow(badResponse);
  });

  it.each([
    ['fields for a list', { id: '1', data: { a: 1 } }],
    ['items for an object', { id: '0', items: [1] }],
    ['fields below a scalar', { id: '0', subPath: ['name'], data: { a: 1 } }],
    ['fields below nothing', { id: '0', subPath: ['friend'], data: { a: 1 } }],
    ['fields below an inherited name', { id: '0', subPath: ['constructor'], data: { a: 1 } }],
    ['a path that is none', { id: '0', subPath: 'name', data: { a: 1 } }],
    ['steps that are none', { id: '0', subPath: [{}, null], data: { a: 1 } }],
  ])('fails by %s', (_, entry) => {
    const merger = new ResultMerger();
    merger.take({
      data: luke,
      pending: [
        { id: '0', path: ['person'] },
        { id: '1', path: ['person', 'films'] },
      ],
      hasNext: true,
    } as FormattedResult);

    expect(() => merger.take({ incremental: [entry], hasNext: true } as FormattedResult)).toThrow(
      badResponse,
    );
  });

  it.each([
    ['data', { data: {}, hasNext: true }],
    ['no list of parts', { incremental: {}, hasNext: true }],
    ['no list of errors', { errors: 'no', hasNext: true }],
  ])('fails by a later payload with %s', (_, payload) => {
    const merger = new ResultMerger();
    merger.take({ data: {}, hasNext: true });

    expect(() => merger.take(payload as FormattedResult)).toThrow(badResponse);
  });

  it('fails by a part before its first payload', () => {
    expect(() => merge({ incremental: [{ path: [], data: { a: 1 } }], hasNext: true })).toThrow(
      badResponse,
    );
  });

  it('has extensions of all payloads, of which later ones replace earlier ones', () => {
    expect(
      merge(
        { data: {}, hasNext: true, extensions: { a: { x: 1 }, b: 1 } },
        { hasNext: true, extensions: { a: { y: 2 } } },
        { hasNext: false },
      ),
    ).toEqual([
      { data: {}, hasNext: true, extensions: { a: { x: 1 }, b: 1 } },
      { data: {}, hasNext: true, extensions: { a: { y: 2 }, b: 1 } },
    ]);
  });
});

describe('an answer in patches', () => {
  it('ID-51 is shown as it grows, with several items in one patch', () => {
    expect(
      merge(
        { data: luke, hasNext: true },
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
      ),
    ).toEqual([
      { data: luke, hasNext: true },
      { data: { person: { name: 'Luke', films: titles('A', 'B', 'C') } }, hasNext: true },
      { data: { person: { name: 'Luke', films: titles('A', 'B', 'C', 'D') } }, hasNext: true },
      {
        data: { person: { name: 'Luke', films: titles('A', 'B', 'C', 'D'), slow: 's' } },
        hasNext: false,
      },
    ]);
  });

  it('ID-51 may repeat fields and items, and leave out the path of the root', () => {
    expect(
      last(
        { data: { a: { b: 1, list: [{ x: 1 }, { x: 2 }] } }, hasNext: true },
        {
          hasNext: false,
          incremental: [
            { data: { a: { b: 1, c: 2, list: [{ y: 1 }] } } },
            { items: [{ x: 2 }, { x: 3 }], path: ['a', 'list', 1] },
          ],
        },
      )?.data,
    ).toEqual({ a: { b: 1, c: 2, list: [{ x: 1, y: 1 }, { x: 2 }, { x: 3 }] } });
  });

  it('ID-58 has the errors of patches without data, and nothing else of them', () => {
    expect(
      last(
        { data: luke, hasNext: true },
        {
          hasNext: true,
          incremental: [
            { data: null, path: ['person'], label: 'E', errors: [boom], extensions: { n: 1 } },
          ],
        },
        {
          hasNext: true,
          incremental: [{ items: null, path: ['person', 'films', 1], errors: [boom] }],
        },
        {
          hasNext: false,
          incremental: [{ items: null, path: ['person', 'films'], errors: [boom] }],
        },
      ),
    ).toEqual({
      data: luke,
      errors: [boom, boom, boom],
      extensions: { n: 1 },
      hasNext: false,
    });
  });

  it.each([[-1], [2], [1e9], [0.5], ['1']])('fails by items at %j, where the list is not', (at) => {
    expect(() =>
      merge(
        { data: { list: [1] }, hasNext: true },
        { hasNext: false, incremental: [{ items: [2], path: ['list', at] }] },
      ),
    ).toThrow(badResponse);
  });

  it('keeps its format, whatever else an entry has', () => {
    expect(
      last(
        { data: {}, hasNext: true },
        { hasNext: true, incremental: [{ data: { a: 1 }, path: [] }] },
        { hasNext: false, incremental: [{ id: '0', data: { b: 2 }, path: [] }] },
      )?.data,
    ).toEqual({ a: 1, b: 2 });
  });

  it('may have patches that are payloads by themselves', () => {
    expect(
      merge(
        { data: { a: {}, list: [1] }, hasNext: true },
        { data: { b: 1 }, path: ['a'], label: 'D', hasNext: true },
        { data: 2, path: ['list', 1], hasNext: true },
        { data: null, path: ['list', 2], errors: [boom], hasNext: true },
        { data: null, path: ['a'], errors: [boom], extensions: { n: 1 }, hasNext: false },
      ).at(-1),
    ).toEqual({
      data: { a: { b: 1 }, list: [1, 2, null] },
      errors: [boom, boom],
      extensions: { n: 1 },
      hasNext: false,
    });
  });
});

describe('results by themselves', () => {
  it.each([
    { data: { a: 1 } },
    { data: null, errors: [boom] },
    { errors: [boom], extensions: { n: 1 } },
    { data: { a: 1 }, path: ['a'], id: '1' },
  ])('ID-52 pass as they are: %j', (result) => {
    const merger = new ResultMerger();

    expect(merger.take(result as FormattedResult)).toEqual({ kind: 'whole', isNews: true });
    expect(merger.isIncomplete).toBe(false);
  });

  it('may be followed by another that comes in parts', () => {
    expect(
      merge(
        { data: { n: 1 } },
        { data: {}, hasNext: true },
        { hasNext: false, incremental: [{ data: { n: 2 }, path: [] }] },
        { data: {}, hasNext: true, pending: [{ id: '0', path: [] }] },
        { hasNext: false, incremental: [{ id: '0', data: { n: 3 } }], completed: [{ id: '0' }] },
      ).map(({ data }) => data),
    ).toEqual([{ n: 1 }, {}, { n: 2 }, {}, { n: 3 }]);
  });
});

describe('what was shown', () => {
  it('never changes, and shares what is equal', () => {
    const [first, second, third] = merge(
      { data: { a: { n: 1 }, b: { n: 1 }, list: [{ n: 1 }, { n: 2 }] }, hasNext: true },
      { hasNext: true, incremental: [{ data: { m: 1 }, path: ['list', 0] }] },
      { hasNext: false, incremental: [{ data: { m: 1 }, path: ['b'] }] },
    ) as readonly { readonly data: Shape }[];
    interface Shape {
      readonly a: object;
      readonly b: object;
      readonly list: readonly object[];
    }

    expect(first?.data).toEqual({ a: { n: 1 }, b: { n: 1 }, list: [{ n: 1 }, { n: 2 }] });
    expect(second?.data.list).toEqual([{ n: 1, m: 1 }, { n: 2 }]);
    expect(second?.data.a).toBe(first?.data.a);
    expect(second?.data.list[1]).toBe(first?.data.list[1]);
    expect(third?.data.list).toBe(second?.data.list);
    expect(third?.data.b).toEqual({ n: 1, m: 1 });
  });

  it('is not what came: a part may be used again by whoever gave it', () => {
    const merger = new ResultMerger();
    const first = { data: { a: { b: 1 } }, hasNext: true };
    const part = { hasNext: true, incremental: [{ data: { a: { c: { d: 1 } } }, path: [] }] };
    merger.take(first);
    merger.take(part);
    merger.take({
      hasNext: false,
      incremental: [{ data: { e: 2 }, path: ['a', 'c'] }],
    } as FormattedResult);

    expect(first.data).toEqual({ a: { b: 1 } });
    expect(part.incremental[0]?.data).toEqual({ a: { c: { d: 1 } } });
    expect(merger.show().data).toEqual({ a: { b: 1, c: { d: 1, e: 2 } } });
  });
});

const parse = (text: string): Payload => JSON.parse(text) as Payload;

describe('ID-61 a name that objects inherit', () => {
  it.each(['__proto__', 'constructor', 'prototype'])(
    '%s is a name as any other in data',
    (name) => {
      const merged = last(
        parse(`{"data":{"a":{}},"hasNext":true}`),
        parse(`{"hasNext":true,"incremental":[{"data":{"${name}":{"x":1}},"path":["a"]}]}`),
        parse(`{"hasNext":true,"incremental":[{"data":{"${name}":{"y":2}},"path":["a"]}]}`),
        parse(`{"hasNext":false,"incremental":[{"data":{"z":3},"path":["a","${name}"]}]}`),
      );

      expect(JSON.stringify(merged?.data)).toBe(`{"a":{"${name}":{"x":1,"y":2,"z":3}}}`);
      expect(Object.hasOwn(Object.prototype, 'x')).toBe(false);
      expect(Object.hasOwn(Object, 'x')).toBe(false);
    },
  );

  it.each([['__proto__'], ['constructor'], ['constructor', 'prototype'], ['toString']])(
    '%j leads nowhere in a path',
    (...path) => {
      expect(() =>
        merge(
          { data: { a: {} }, hasNext: true },
          { hasNext: false, incremental: [{ data: { polluted: 1 }, path: ['a', ...path] }] },
        ),
      ).toThrow(badResponse);
      expect('polluted' in {}).toBe(false);
    },
  );
});

function titles(...all: readonly string[]): readonly { readonly title: string }[] {
  return all.map((title) => ({ title }));
}

import { describe, expect, it } from 'vitest';

import { isSame } from '../../src/links/is-same.ts';

const file = new Blob(['a']);

describe('isSame', () => {
  it.each([
    [1, 1],
    [Number.NaN, Number.NaN],
    [null, null],
    ['a', 'a'],
    [[], []],
    [{ a: [1, { b: null }] }, { a: [1, { b: null }] }],
    [
      { a: 1, b: 2 },
      { b: 2, a: 1 },
    ],
    [{ a: 1, b: undefined }, { a: 1 }],
    [Object.assign(Object.create(null), { a: 1 }), { a: 1 }],
    [new Date(0), new Date(0)],
    [{ file }, { file }],
  ])('holds %o and %o for the same', (one, other) => {
    expect(isSame(one, other)).toBe(true);
    expect(isSame(other, one)).toBe(true);
  });

  it.each([
    [1, '1'],
    [0, null],
    [null, undefined],
    [[], {}],
    [{ a: 1 }, { a: 2 }],
    [{ a: 1 }, { a: 1, b: 1 }],
    [
      { a: 1, c: undefined },
      { a: 1, b: 1 },
    ],
    [[1, 2], [1]],
    [new Date(0), new Date(1)],
    [{ file }, { file: new Blob(['a']) }],
    [new Map([[1, 2]]), new Map([[1, 2]])],
  ])('holds %o and %o for different', (one, other) => {
    expect(isSame(one, other)).toBe(false);
    expect(isSame(other, one)).toBe(false);
  });
});

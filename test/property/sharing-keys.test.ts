import { isDeepStrictEqual } from 'node:util';

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import { variablesKey } from '../../src/server/sharing/variables-key.ts';

const variables = fc.dictionary(fc.string(), fc.jsonValue({ maxDepth: 4 }));

/** The same with the members of every object in reverse. */
function reversed(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(reversed);
  if (typeof value !== 'object' || value === null) return value;
  const members = Object.entries(value).map(([name, member]) => [name, reversed(member)] as const);
  return Object.fromEntries(members.toReversed());
}

/** As a client would have sent it. */
function sent(value: unknown): Record<string, unknown> {
  return JSON.parse(JSON.stringify(value)) as Record<string, unknown>; // of an object
}

describe('the key of variables', () => {
  it('is the same for the same ones, whatever the order of their members', () => {
    fc.assert(
      fc.property(variables, (some) => {
        const one = sent(some);
        const other = sent(reversed(one));

        expect(variablesKey(other)).toBe(variablesKey(one));
        expect(variablesKey(one)).toBeDefined();
      }),
    );
  });

  it('says all that they hold', () => {
    fc.assert(
      fc.property(variables, (some) => {
        const key = variablesKey(sent(some)) ?? '';

        expect(JSON.parse(key)).toEqual(sent(some));
      }),
    );
  });

  it('is another one for others', () => {
    fc.assert(
      fc.property(variables, variables, (one, other) => {
        const areEqual = isDeepStrictEqual(sent(one), sent(other));

        expect(variablesKey(sent(one)) === variablesKey(sent(other))).toBe(areEqual);
      }),
    );
  });

  it.each([
    ['a date', new Date(0)],
    ['a map', new Map()],
    ['a function', () => 1],
    ['undefined', undefined],
    ['a bigint', 1n],
    ['not a number', Number.NaN],
    ['an object of a class', new URL('https://example.com')],
    ['nested too deeply', Array.from({ length: 30 }).reduce((inner) => [inner], 0)],
  ])('does not exist where one is %s', (_kind, value) => {
    expect(variablesKey({ value })).toBeUndefined();
    expect(variablesKey({ values: [value] })).toBeUndefined();
  });

  it('keeps apart what looks alike as text', () => {
    const alike = [
      { a: '1' },
      { a: 1 },
      { a: [1] },
      { a: null },
      {},
      { a: { b: 1 } },
      { 'a:b': 1 },
    ];

    expect(new Set(alike.map((one) => variablesKey(one))).size).toBe(alike.length);
    expect(variablesKey(undefined)).toBe(variablesKey({}));
  });
});

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import { estimateBytes } from '../../src/broker/estimate-bytes.ts';

describe('estimateBytes', () => {
  it('counts two bytes for each unit of a string', () => {
    expect(estimateBytes('x'.repeat(1_000)) - estimateBytes('')).toBe(2_000);
  });

  it.each([
    ['an array of numbers', Array.from({ length: 500 }, (_, i) => i), 8_000, 10_000],
    ['a record', { id: 'a'.repeat(36), text: 'b'.repeat(100), n: 1 }, 272, 400],
    ['bytes', new Uint8Array(4_096), 4_096, 4_200],
    ['a buffer', new ArrayBuffer(4_096), 4_096, 4_200],
    ['a map', new Map([['k'.repeat(50), 'v'.repeat(50)]]), 200, 300],
    ['a set', new Set(['v'.repeat(50)]), 100, 200],
    ['nothing', undefined, 1, 20],
  ])('estimates %s', (_, value, least, most) => {
    expect(estimateBytes(value)).toBeGreaterThanOrEqual(least);
    expect(estimateBytes(value)).toBeLessThanOrEqual(most);
  });

  it.each([
    ['long arrays', Array.from({ length: 100_000 }, (_, i) => ({ text: `row ${i % 10}` })), 60],
    [
      'wide objects',
      Object.fromEntries(Array.from({ length: 50_000 }, (_, i) => [`key ${i}`, 'some text'])),
      42,
    ],
    ['large maps', new Map(Array.from({ length: 50_000 }, (_, i) => [i, 'some text'])), 58],
    [
      'arrays whose second half is longer',
      Array.from({ length: 50_000 }, (_, i) => 'x'.repeat(i < 25_000 ? 0 : 100)),
      124,
    ],
  ])('extrapolates %s from a part', (_, value, bytesPerMember) => {
    const members = value instanceof Map ? value.size : Object.keys(value).length;

    expect(estimateBytes(value) / members).toBeGreaterThan(bytesPerMember * 0.9);
    expect(estimateBytes(value) / members).toBeLessThan(bytesPerMember * 1.1);
  });

  it('looks at about a thousand values, however many there are', () => {
    let looks = 0;
    const look = () => {
      looks += 1;
      return 1;
    };
    const row = () => Object.defineProperty({}, 'watched', { enumerable: true, get: look });
    const rows = () => Array.from({ length: 100 }, row);

    estimateBytes(Array.from({ length: 100 }, rows));

    expect(looks).toBeGreaterThan(100);
    expect(looks).toBeLessThanOrEqual(1_000);
  });

  it('counts a cycle once', () => {
    const parent: { name: string; children: unknown[] } = { name: 'parent', children: [] };
    parent.children.push({ name: 'child', parent });

    expect(estimateBytes(parent)).toBeLessThan(300);
  });

  it('does not recurse', () => {
    let deep: unknown = 'end';
    for (let i = 0; i < 100_000; i++) deep = [deep];

    expect(estimateBytes(deep)).toBeGreaterThan(0);
  });

  it.each([
    [
      'a getter that throws',
      {
        get x(): never {
          throw new Error('no');
        },
      },
    ],
    [
      'a proxy that throws',
      new Proxy(
        {},
        {
          ownKeys: () => {
            throw new Error('no');
          },
        },
      ),
    ],
    ['a revoked proxy', revokedProxy()],
    ['a BigInt', 10n ** 50n],
    ['a symbol', Symbol('s')],
    ['a function', () => 1],
    ['an object without prototype', Object.create(null)],
  ])('does not throw on %s', (_, value) => {
    expect(estimateBytes({ value })).toBeGreaterThan(0);
    expect(estimateBytes(value)).toBeGreaterThan(0);
  });

  it('never throws and is never negative, whatever it is given', () => {
    fc.assert(
      fc.property(
        fc.anything({ withMap: true, withSet: true, withTypedArray: true, withBigInt: true }),
        (value) => {
          expect(estimateBytes(value)).toBeGreaterThan(0);
          expect(Number.isFinite(estimateBytes(value))).toBe(true);
        },
      ),
    );
  });
});

function revokedProxy(): object {
  const { proxy, revoke } = Proxy.revocable({}, {});
  revoke();
  return proxy;
}

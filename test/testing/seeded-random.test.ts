import { seededRandom } from 'millrace/testing';
import { describe, expect, it } from 'vitest';

function take(count: number, random: () => number): readonly number[] {
  return Array.from({ length: count }, random);
}

describe('seeded random numbers', () => {
  it('are the same for the same seed, and others for another', () => {
    expect(take(5, seededRandom(1))).toEqual(take(5, seededRandom(1)));
    expect(take(5, seededRandom(1))).not.toEqual(take(5, seededRandom(2)));
  });

  it('are at least 0 and less than 1, in every part of that', () => {
    const tenths = take(1_000, seededRandom(3)).map((value) => Math.floor(value * 10));

    expect([...new Set(tenths)].toSorted((one, other) => one - other)).toEqual([
      0, 1, 2, 3, 4, 5, 6, 7, 8, 9,
    ]);
  });
});

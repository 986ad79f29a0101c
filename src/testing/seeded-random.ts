/**
 * Numbers that look random and are the same for the same seed; for the `random` of a client, and wherever a test has to be repeatable.
 *
 * @returns gives a number from 0 to below 1
 */
export function seededRandom(seed: number): () => number {
  // mulberry32
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

import { describe, expect, it } from 'vitest';

import { TokenBucket } from '../../src/protocol/token-bucket.ts';

function taken(bucket: TokenBucket, now: number, attempts: number): number {
  return Array.from({ length: attempts }, () => bucket.take(now)).filter(Boolean).length;
}

describe('TokenBucket', () => {
  it('lets a burst through and then nothing', () => {
    expect(taken(new TokenBucket({ perSecond: 10, burst: 5 }, 0), 0, 20)).toBe(5);
  });

  it('refills at its rate', () => {
    const bucket = new TokenBucket({ perSecond: 10, burst: 5 }, 0);
    taken(bucket, 0, 5);

    expect(bucket.take(99)).toBe(false);
    expect(bucket.take(100)).toBe(true);
    expect(taken(bucket, 400, 20)).toBe(3);
  });

  it('never holds more than a burst', () => {
    const bucket = new TokenBucket({ perSecond: 10, burst: 5 }, 0);

    expect(taken(bucket, 3_600_000, 20)).toBe(5);
  });

  it('grants exactly rate times time plus burst over a long attack', () => {
    const bucket = new TokenBucket({ perSecond: 4, burst: 7 }, 0);
    let granted = 0;
    for (let now = 0; now <= 10_000; now += 1) granted += taken(bucket, now, 2);

    expect(granted).toBe(47);
  });

  it('lets everything through when the rate is infinite', () => {
    const bucket = new TokenBucket({ perSecond: Number.POSITIVE_INFINITY, burst: 1 }, 0);

    expect(taken(bucket, 0, 1_000)).toBe(1_000);
  });

  it('takes nothing from the future when the clock stands still or steps back', () => {
    const bucket = new TokenBucket({ perSecond: 10, burst: 1 }, 1_000);

    expect(taken(bucket, 1_000, 3)).toBe(1);
    expect(taken(bucket, 500, 3)).toBe(0);
    expect(taken(bucket, 1_100, 3)).toBe(1);
  });
});

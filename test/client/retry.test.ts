import fc from 'fast-check';
import { TransportError } from 'millrace/client';
import { describe, expect, it } from 'vitest';

import { mayRetry, retryDelayMs, toRetryPolicy } from '../../src/client/retry.ts';

const lost = new TransportError('CONNECTION_LOST', '', true);
const refused = new TransportError('CONNECTION_REFUSED', '', false);

const random = fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true });
const attempts = fc.nat(10_000);
const bounds = fc
  .tuple(fc.integer({ min: 1, max: 100_000 }), fc.integer({ min: 1, max: 1_000_000 }))
  .map(([minDelayMs, maxDelayMs]) => toRetryPolicy({ minDelayMs, maxDelayMs }));

describe('the pause before the next attempt', () => {
  it('has full jitter up to a bound that doubles, and a cap', () => {
    fc.assert(
      fc.property(bounds, attempts, random, (policy, attempt, chance) => {
        const bound = Math.min(policy.maxDelayMs, policy.minDelayMs * 2 ** attempt);

        expect(retryDelayMs(policy, lost, attempt, chance)).toBeCloseTo(chance * bound);
        expect(retryDelayMs(policy, lost, attempt, 0)).toBe(0);
      }),
    );
  });

  it('is never shorter than the server wishes, and longer only by the pause that there would be anyhow', () => {
    fc.assert(
      fc.property(bounds, attempts, random, fc.nat(10_000_000), (policy, attempt, chance, wish) => {
        const failure = new TransportError('CONNECTION_LOST', '', true, { retryAfterMs: wish });
        const delayMs = retryDelayMs(policy, failure, attempt, chance);

        expect(delayMs).toBeGreaterThanOrEqual(wish);
        expect(delayMs).toBeLessThanOrEqual(
          Math.max(wish + policy.minDelayMs, retryDelayMs(policy, lost, attempt, chance)),
        );
      }),
    );
  });

  it('is at most a day, whatever the server wishes', () => {
    const failure = new TransportError('CONNECTION_LOST', '', true, { retryAfterMs: Infinity });

    expect(retryDelayMs(toRetryPolicy({}), failure, 0, 0)).toBe(86_400_000);
  });

  it('is at most 1, 2, 4, … 60 seconds unless something else is said', () => {
    const policy = toRetryPolicy({});
    const attempt = [0, 1, 2, 5, 6, 7, 5_000];

    expect(attempt.map((count) => retryDelayMs(policy, lost, count, 1))).toEqual([
      1_000, 2_000, 4_000, 32_000, 60_000, 60_000, 60_000,
    ]);
  });
});

describe('whether another attempt follows', () => {
  it('is up to the failure and to how many failed', () => {
    const policy = toRetryPolicy({ attempts: 2 });

    expect([0, 1, 2, 3].map((attempt) => mayRetry(policy, lost, attempt))).toEqual([
      true,
      true,
      false,
      false,
    ]);
    expect(mayRetry(policy, refused, 0)).toBe(false);
  });

  it('is always so by default, and never with `false`', () => {
    expect(mayRetry(toRetryPolicy(undefined), lost, 1_000_000)).toBe(true);
    expect(mayRetry(toRetryPolicy(false), lost, 0)).toBe(false);
  });

  it('is for the predicate to say, if there is one', () => {
    const asked: unknown[] = [];
    const policy = toRetryPolicy({
      attempts: 0,
      shouldRetry: (failure, attempt) => asked.push([failure, attempt]) === 1,
    });

    expect([mayRetry(policy, refused, 7), mayRetry(policy, lost, 0)]).toEqual([true, false]);
    expect(asked).toEqual([
      [refused, 7],
      [lost, 0],
    ]);
  });
});

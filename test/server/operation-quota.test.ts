import { describe, expect, it } from 'vitest';

import { toEffectiveLimits } from '../../src/server/limits.ts';
import type { Limits } from '../../src/server/limits.ts';
import { OperationQuota } from '../../src/server/operation-quota.ts';

const quotaOf = (limits: Limits) => new OperationQuota({ limits: toEffectiveLimits(limits) }, 0);

describe('the quota of a connection', () => {
  it('lets an operation pass that reaches every limit and exceeds none', () => {
    const quota = quotaOf({
      operationsPerConnection: 2,
      operationIdBytes: 3,
      operationIdBudgetBytes: 6,
      subscribeBurst: 1,
    });

    expect(quota.refuse('abc', 2, 6, 0)).toBeUndefined();
  });

  it.each([
    {
      what: 'the operation above operationsPerConnection',
      refused: () => quotaOf({ operationsPerConnection: 2 }).refuse('a', 3, 3, 0),
      extensions: { code: 'TOO_MANY_OPERATIONS', limit: 'operationsPerConnection', maximum: 2 },
    },
    {
      what: 'an id of more bytes than operationIdBytes, however few its characters',
      refused: () => quotaOf({ operationIdBytes: 5 }).refuse('✓✓', 1, 6, 0),
      extensions: { code: 'OPERATION_ID_TOO_LONG', limit: 'operationIdBytes', maximum: 5 },
    },
    {
      what: 'a number as an id by its digits',
      refused: () => quotaOf({ operationIdBytes: 5 }).refuse(123_456, 1, 6, 0),
      extensions: { code: 'OPERATION_ID_TOO_LONG', limit: 'operationIdBytes', maximum: 5 },
    },
    {
      what: 'ids above their budget together',
      refused: () => quotaOf({ operationIdBudgetBytes: 10 }).refuse('abc', 4, 11, 0),
      extensions: { code: 'OPERATION_ID_TOO_LONG', limit: 'operationIdBudgetBytes', maximum: 10 },
    },
  ])('refuses $what', ({ refused, extensions }) => {
    expect(refused()?.extensions).toEqual(extensions);
  });

  it('refuses what comes faster than subscribesPerSecond, and no longer once time has passed', () => {
    const quota = quotaOf({ subscribeBurst: 2, subscribesPerSecond: 10 });
    const codes = [0, 0, 0, 99, 100].map(
      (now) => quota.refuse('a', 1, 1, now)?.extensions?.['code'],
    );

    expect(codes).toEqual([undefined, undefined, 'RATE_LIMITED', 'RATE_LIMITED', undefined]);
  });

  it('does not count against the rate what another limit refused', () => {
    const quota = quotaOf({ subscribeBurst: 1, operationsPerConnection: 1 });

    quota.refuse('a', 2, 2, 0);

    expect(quota.refuse('a', 1, 1, 0)).toBeUndefined();
  });
});

import { describe, expect, it } from 'vitest';

import { Account } from '../../examples/cluster/pages/account.ts';

function accountOf(...messages: readonly (readonly [publisher: string, sequence: number])[]) {
  const account = new Account();
  for (const [publisher, sequence] of messages) account.take({ publisher, sequence });
  const { received, lost, repeated, late } = account;
  return { received, lost, repeated, late };
}

describe('the account of a window of the cluster', () => {
  it('finds nothing wrong where each publisher counts on', () => {
    const account = accountOf(['a', 1], ['b', 7], ['a', 2], ['b', 8], ['a', 3]);

    expect(account).toEqual({ received: 5, lost: 0, repeated: 0, late: 0 });
  });

  it('counts what is missing between two messages', () => {
    const account = accountOf(['a', 1], ['a', 4]);

    expect(account).toEqual({ received: 2, lost: 2, repeated: 0, late: 0 });
  });

  it('counts what came after a later one as late, not as lost', () => {
    const account = accountOf(['a', 1], ['a', 3], ['a', 2]);

    expect(account).toEqual({ received: 3, lost: 0, repeated: 0, late: 1 });
  });

  it('counts what came before the first one as late, once', () => {
    const account = accountOf(['a', 2], ['a', 1], ['a', 1]);

    expect(account).toEqual({ received: 2, lost: 0, repeated: 1, late: 1 });
  });

  it('counts what came again', () => {
    const account = accountOf(['a', 1], ['a', 2], ['a', 1], ['a', 2]);

    expect(account).toEqual({ received: 2, lost: 0, repeated: 2, late: 0 });
  });
});

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import { isEntryId, timeOf, zeroId } from '../../src/broker/redis/entry-id.ts';
import { compareIds } from '../../src/broker/remote/entry-id.ts';

const part = fc.oneof(
  fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }),
  fc.bigInt({ min: 0n, max: 20n }),
);

describe('ids of stream entries', () => {
  it('are ordered as their two numbers are', () => {
    fc.assert(
      fc.property(part, part, part, part, (ms, sequence, otherMs, otherSequence) => {
        const [one, other] = [ms * 2n ** 64n + sequence, otherMs * 2n ** 64n + otherSequence];

        const order = compareIds(`${ms}-${sequence}`, `${otherMs}-${otherSequence}`);

        expect(Math.sign(order)).toBe(Number(one > other) - Number(one < other));
      }),
    );
  });

  it.each([zeroId, '1795338149125-0', '18446744073709551615-18446744073709551615'])(
    'may be %s',
    (id) => {
      expect(isEntryId(id)).toBe(true);
    },
  );

  it.each([
    '',
    '1',
    '-',
    '1-',
    '-1',
    '01-0',
    '1-00',
    '1-1-1',
    '1.5-0',
    '$',
    '18446744073709551616-0',
    '0-99999999999999999999',
    ' 1-1',
    '1-1\n',
  ])('are not %j', (text) => {
    expect(isEntryId(text)).toBe(false);
  });

  it('say when their entry was added', () => {
    expect(timeOf('1795338149125-7')).toBe(1_795_338_149_125);
  });
});

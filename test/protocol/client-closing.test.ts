import { describe, expect, it } from 'vitest';

import { errorTable } from '../../src/errors.ts';
import { isRetryableClose } from '../../src/protocol/client-closing.ts';

const closingRows = Object.entries(errorTable).flatMap(([name, entry]) =>
  'closeCode' in entry ? [{ name, code: entry.closeCode, retryable: entry.retryable }] : [],
);

describe('isRetryableClose', () => {
  it.each(closingRows.filter(({ name }) => name !== 'NORMAL_CLOSURE'))(
    'says of $name what the error table says',
    ({ code, retryable }) => {
      expect(isRetryableClose(code, false)).toBe(retryable);
    },
  );

  it('takes 1000 under running operations for no answer to them', () => {
    expect(isRetryableClose(1000, true)).toBe(true);
    expect(isRetryableClose(1000, false)).toBe(true);
  });

  it('takes 4403 after the ack for expired credentials', () => {
    expect(isRetryableClose(4403, true)).toBe(true);
  });
});

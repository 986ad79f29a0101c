import { describe, expect, it } from 'vitest';

import { errorTable } from '../../src/errors.ts';
import { toCloseReason } from '../../src/protocol/close-reason.ts';

describe('toCloseReason', () => {
  it('leaves a reason alone that fits', () => {
    expect(toCloseReason('')).toBe('');
    expect(toCloseReason('x'.repeat(123))).toBe('x'.repeat(123));
  });

  it.each([
    ['x'.repeat(124), 'x'.repeat(123)],
    ['é'.repeat(62), 'é'.repeat(61)],
    [`x${'é'.repeat(62)}`, `x${'é'.repeat(61)}`],
    ['€'.repeat(42), '€'.repeat(41)],
    ['😀'.repeat(31), '😀'.repeat(30)],
    [`xxx${'😀'.repeat(31)}`, `xxx${'😀'.repeat(30)}`],
    [`\uFEFF${'x'.repeat(130)}`, `\uFEFF${'x'.repeat(120)}`],
  ])('WS-19 cuts %s between two characters', (reason, expected) => {
    expect(toCloseReason(reason)).toBe(expected);
  });

  it('replaces unpaired surrogates, which UTF-8 cannot hold', () => {
    expect(toCloseReason('a\uD83Db')).toBe('a\uFFFDb');
  });

  it('changes no reason of the error table', () => {
    for (const entry of Object.values(errorTable)) {
      const reason = 'reason' in entry ? entry.reason : '';
      expect(toCloseReason(reason)).toBe(reason);
    }
  });
});

import { describe, expect, it, vi } from 'vitest';

import { writeErrors } from '../../src/protocol/errors-payload.ts';

describe('writeErrors', () => {
  it('writes once what JSON can hold', () => {
    const write = vi.fn<typeof JSON.stringify>(JSON.stringify);

    expect(writeErrors([{ message: 'no', path: ['a', 0] }], write)).toBe(
      '[{"message":"no","path":["a",0]}]',
    );
    expect(write).toHaveBeenCalledTimes(1);
  });

  it('keeps the messages when something in the errors refers to itself', () => {
    const circle: Record<string, unknown> = {};
    circle['self'] = circle;

    expect(writeErrors([{ message: 'no', extensions: circle }], JSON.stringify)).toBe(
      '[{"message":"no"}]',
    );
  });
});

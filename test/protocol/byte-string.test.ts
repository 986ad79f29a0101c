import fc from 'fast-check';
import { describe, expect, it, vi } from 'vitest';

import { isAscii, toByteString } from '../../src/protocol/byte-string.ts';

const anyText = fc.oneof(
  fc.string(),
  fc.string({ unit: 'binary' }),
  fc.array(fc.nat(0xffff)).map((units) => String.fromCharCode(...units)),
);

it('a byte string has the bytes that an encoder would write, unpaired surrogates included', () => {
  fc.assert(
    fc.property(anyText, (text) => {
      expect(Buffer.from(toByteString(text), 'latin1')).toEqual(Buffer.from(text, 'utf8'));
    }),
  );
});

it('a long text has them, too', () => {
  const text = '✓é😀x'.repeat(5_000);

  expect(Buffer.from(toByteString(text), 'latin1').toString('utf8')).toBe(text);
});

it('ASCII is its own byte string', () => {
  fc.assert(
    fc.property(anyText, (text) => {
      expect(isAscii(text)).toBe(toByteString(text) === text);
    }),
  );
});

describe('where the runtime has no Buffer', () => {
  it('the same texts are ASCII', async () => {
    vi.stubGlobal('Buffer', undefined);
    vi.resetModules();
    const without = await import('../../src/protocol/byte-string.ts');
    vi.unstubAllGlobals();

    expect(without.isAscii).not.toBe(isAscii);
    fc.assert(
      fc.property(anyText, (text) => {
        expect(without.isAscii(text)).toBe(isAscii(text));
      }),
    );
  });
});

import fc from 'fast-check';
import { expect, it } from 'vitest';

import { utf8Length } from '../../src/protocol/utf8-length.ts';

it('counts what an encoder would write, unpaired surrogates included', () => {
  const encoder = new TextEncoder();
  const units = fc.oneof(
    fc.constantFrom(
      0x41,
      0x7f,
      0x80,
      0x7ff,
      0x800,
      0xd7ff,
      0xd800,
      0xdbff,
      0xdc00,
      0xdfff,
      0xe000,
      0xffff,
    ),
    fc.nat(0xffff),
  );
  fc.assert(
    fc.property(fc.array(units, { maxLength: 12 }), (codes) => {
      const text = String.fromCharCode(...codes);
      expect(utf8Length(text)).toBe(encoder.encode(text).byteLength);
    }),
    { numRuns: 2_000 },
  );
});

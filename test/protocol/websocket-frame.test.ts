import fc from 'fast-check';
import { expect, it } from 'vitest';

import { pingFrame, textFrame, textFrameHead } from '../../src/protocol/websocket-frame.ts';
import { readFrames } from '../support/read-frames.ts';

const toBytes = (frames: string): Buffer => Buffer.from(frames, 'latin1');

it('a client reads the texts that were framed, whatever their lengths and letters', async () => {
  const length = fc.constantFrom(0, 1, 124, 125, 126, 127, 65_534, 65_535, 65_536, 70_000);
  const text = fc.oneof(
    fc.string({ unit: 'grapheme' }),
    length.map((count) => 'x'.repeat(count)),
    length.map((count) => 'é'.repeat(count)),
  );
  await fc.assert(
    fc.asyncProperty(fc.array(text, { maxLength: 5 }), async (texts) => {
      const frames = texts.map((each) => textFrame(each) + pingFrame).join('');

      expect(await readFrames(toBytes(frames))).toEqual(texts.flatMap((each) => [each, 'ping']));
    }),
  );
});

it('a length above 32 bits takes all of its eight bytes', () => {
  expect(toBytes(textFrameHead(2 ** 33 + 5)).toString('hex')).toBe('817f0000000200000005');
});

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import { MessageProgress } from '../../src/adapters/message-progress.ts';
import type { ClientFrame } from '../support/raw-websocket.ts';
import { opcodes, textFrame, toBytes } from '../support/raw-websocket.ts';

function progressAfter(...chunks: readonly Uint8Array[]): boolean {
  const progress = new MessageProgress();
  for (const chunk of chunks) progress.read(chunk);
  return progress.isUnderWay;
}

const whole = toBytes(textFrame({ type: 'connection_init' }));
const beginning = toBytes({ opcode: opcodes.text, payload: '{', fin: false });
const ping = toBytes({ opcode: opcodes.ping, payload: 'x' });

describe('a message is under way', () => {
  it.each([
    ['after the first byte of its header', [whole.subarray(0, 1)]],
    ['before its last byte', [whole.subarray(0, -1)]],
    ['after its first fragment', [beginning]],
    ['after a ping between its fragments', [beginning, ping]],
    ['within a ping between its fragments', [beginning, ping.subarray(0, 3)]],
    ['within a long one', [toBytes({ opcode: opcodes.text, declaredBytes: 70_000, payload: 'x' })]],
    ['behind one that is complete', [whole, whole.subarray(0, 4)]],
  ])('%s', (_when, chunks) => {
    expect(progressAfter(...chunks)).toBe(true);
  });

  it.each([
    ['before anything came', []],
    ['after its last byte', [whole]],
    ['after its last fragment', [beginning, toBytes({ opcode: opcodes.continuation })]],
    ['after an empty one', [toBytes({ opcode: opcodes.text })]],
    ['within a ping', [ping.subarray(0, 4)]],
    ['after a ping', [ping]],
    [
      'after a frame without a mask',
      [toBytes({ opcode: opcodes.text, masked: false, payload: 'x' })],
    ],
  ])('not %s', (_when, chunks) => {
    expect(progressAfter(...chunks)).toBe(false);
  });

  const frame = fc.record({
    opcode: fc.constantFrom(...Object.values(opcodes)),
    payload: fc
      .constantFrom(0, 1, 2, 125, 126, 127, 65_535, 65_536)
      .map((length) => new Uint8Array(length)),
    fin: fc.boolean(),
    masked: fc.boolean(),
  });

  it('wherever the chunks are cut', () => {
    fc.assert(
      fc.property(
        fc.array(frame, { maxLength: 6 }),
        fc.array(fc.oneof(fc.nat(20), fc.nat(70_000)), { maxLength: 20 }),
        (frames: readonly ClientFrame[], sizes) => {
          const bytes = Buffer.concat(frames.map(toBytes));
          const cuts = [0];
          for (const size of sizes) cuts.push((cuts.at(-1) ?? 0) + size);
          const chunks = cuts.map((cut, index) => bytes.subarray(cut, cuts[index + 1]));

          const data = frames.filter(({ opcode }) => opcode < 8);
          expect(progressAfter(...chunks)).toBe(data.at(-1)?.fin === false);
        },
      ),
    );
  });
});

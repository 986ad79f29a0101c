import fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import { envelopesFor } from '../../src/protocol/result-envelope.ts';
import type { FrameRun } from '../../src/server/frame-batch.ts';
import { smallFrames } from '../support/small-frames.ts';

const envelope = envelopesFor('next').string;

function batchOf(texts: readonly string[]): FrameRun {
  const [first, ...others] = texts.map((text) => smallFrames(envelope, text));
  if (!first) throw new Error('a batch has frames');
  return others.reduce<FrameRun>((batch, frames) => batch.followedBy(frames), first);
}

function memory() {
  const allocated: number[] = [];
  const allocate = (bytes: number): Uint8Array => {
    allocated.push(bytes);
    return new Uint8Array(bytes);
  };
  return { allocated, allocate };
}

describe('a batch of frames', () => {
  it('has for every id the bytes of its frames, also while somebody still reads those of another', () => {
    const texts = fc.array(fc.json(), { minLength: 1, maxLength: 5 });
    const reader = fc.record({
      id: fc.stringMatching(/^[a-z]{1,4}$/),
      isSlow: fc.boolean(),
    });
    fc.assert(
      fc.property(texts, fc.array(reader, { maxLength: 12 }), (given, readers) => {
        const ascii = given.map((text) => text.replaceAll(/[^ -~]/g, '?'));
        const batch = batchOf(ascii);
        const expected = (id: string): string =>
          ascii.map((text) => smallFrames(envelope, text).textFor(id)).join('');
        const { allocate } = memory();
        const beingRead: { readonly id: string; readonly bytes: Uint8Array }[] = [];
        for (const { id, isSlow } of readers) {
          const bytes =
            batch.bytesFor(id, { allocate }) ?? Buffer.from(batch.textFor(id), 'latin1');
          expect(Buffer.from(bytes).toString('latin1')).toBe(expected(id));
          expect(batch.lengthFor(id.length)).toBe(bytes.length);
          if (!isSlow) continue;
          batch.keep(id.length);
          beingRead.push({ id, bytes });
        }
        for (const { id, bytes } of beingRead) {
          expect(Buffer.from(bytes).toString('latin1')).toBe(expected(id));
        }
      }),
    );
  });

  it('is joined once per length of an id, and not at all for a single reader', () => {
    const batch = batchOf(['{"data":1}', '{"data":2}']);
    const { allocated, allocate } = memory();

    batch.bytesFor('a', { allocate });
    expect(allocated).toHaveLength(0);
    for (const id of ['b', 'c', '10', '11', '12', 'd']) batch.bytesFor(id, { allocate });

    expect(allocated).toEqual([batch.lengthFor(1), batch.lengthFor(2)]);
  });

  it('is the same for all who got the same', () => {
    const [one, two] = ['1', '2'].map((text) => smallFrames(envelope, text));
    if (!one || !two) throw new Error('there are frames');

    expect(one.followedBy(two)).toBe(one.followedBy(two));
  });
});

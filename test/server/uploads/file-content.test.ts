import fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import type { FileReader } from '../../../src/server/uploads/file-content.ts';
import { FileContent } from '../../../src/server/uploads/file-content.ts';
import { bytesOf } from '../../support/chunks.ts';

const ignore = (): void => {};

async function readPieces(reader: FileReader): Promise<readonly Uint8Array[]> {
  const pieces: Uint8Array[] = [];
  for (let piece = await reader.next(); piece; piece = await reader.next()) pieces.push(piece);
  return pieces;
}

const readText = async (reader: FileReader): Promise<string> =>
  Buffer.concat(await readPieces(reader)).toString();

describe.each([
  ['one place', false],
  ['several places', true],
])('a file that has %s', (_places, isKept) => {
  it('is held in large pieces, however small those were that came', async () => {
    const content = new FileContent(isKept, ignore);
    for (let count = 0; count < 1_000; count += 1) content.push(bytesOf('0123456789'));
    content.complete();

    const pieces = await readPieces(content.open());

    expect(pieces.length).toBeLessThan(12);
    expect(Buffer.concat(pieces).toString()).toBe('0123456789'.repeat(1_000));
  });

  it('holds nothing once it has failed, and says why to who reads on', async () => {
    const content = new FileContent(isKept, ignore);
    const reader = content.open();
    content.push(bytesOf('some'));
    await reader.next();
    const pending = reader.next();

    content.fail(new Error('first'));
    content.fail(new Error('second'));

    await expect(pending).rejects.toThrow('first');
    await expect(reader.next()).rejects.toThrow('first');
    expect(content.unreadBytes).toBe(0);
  });
});

describe('a file that has several places', () => {
  it('is read in full by each reader, whenever it begins and however they take turns', async () => {
    const act = fc.oneof(
      fc.string({ maxLength: 700 }).map((text) => ({ kind: 'push', text }) as const),
      fc.nat(2).map((reader) => ({ kind: 'read', reader }) as const),
    );
    await fc.assert(
      fc.asyncProperty(fc.array(act, { maxLength: 30 }), async (acts) => {
        const content = new FileContent(true, ignore);
        const readers = [0, 1, 2].map(() => ({ reader: content.open(), got: '' }));
        let sent = '';
        for (const each of acts) {
          if (each.kind === 'push') {
            content.push(bytesOf(each.text));
            sent += each.text;
            continue;
          }
          const who = readers[each.reader];
          // a reader that has everything would wait
          if (who && Buffer.byteLength(who.got) < Buffer.byteLength(sent)) {
            who.got += Buffer.from((await who.reader.next()) ?? []).toString();
          }
        }
        content.complete();
        for (const { reader, got } of readers) expect(got + (await readText(reader))).toBe(sent);
      }),
    );
  });
});

import { constants, deflateRawSync } from 'node:zlib';

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import { toByteString } from '../../src/protocol/byte-string.ts';
import {
  agreeOnDeflate,
  deflatedHead,
  mostStoredBytes,
  storedBlockBytes,
  withoutFlush,
} from '../../src/protocol/permessage-deflate.ts';
import { readCompressedFrames } from '../support/read-frames.ts';

const extension = 'permessage-deflate; server_no_context_takeover; client_no_context_takeover';

describe('what is agreed on', () => {
  it.each([
    'permessage-deflate',
    'permessage-deflate; client_max_window_bits',
    'permessage-deflate; client_max_window_bits=15',
    'permessage-deflate;client_max_window_bits = "10"',
    'permessage-deflate; client_max_window_bits=8',
    'permessage-deflate; server_no_context_takeover; client_no_context_takeover',
    'x-webkit-deflate-frame, permessage-deflate',
    'permessage-deflate; unheard_of, permessage-deflate',
    'permessage-deflate; server_max_window_bits=8, permessage-deflate; client_max_window_bits',
  ])('WS-32 has no window for the client, whatever it offers: %s', (offers) => {
    expect(agreeOnDeflate(offers)).toEqual({ extension, windowBits: 15 });
  });

  it.each([9, 10, 11, 12, 13, 14, 15])('WS-30 is a window of %d bits, if asked for', (bits) => {
    expect(agreeOnDeflate(`permessage-deflate; server_max_window_bits=${bits}`)).toEqual({
      extension: `${extension}; server_max_window_bits=${bits}`,
      windowBits: bits,
    });
  });

  it.each([
    undefined,
    '',
    'gzip',
    'Permessage-Deflate-ish',
    'permessage-deflate; unheard_of',
    'permessage-deflate; unheard_of=1',
    'permessage-deflate; server_no_context_takeover=1',
    'permessage-deflate; client_no_context_takeover=true',
    'permessage-deflate; server_no_context_takeover; server_no_context_takeover',
    'permessage-deflate; client_max_window_bits; client_max_window_bits=9',
    'permessage-deflate; server_max_window_bits',
    'permessage-deflate; server_max_window_bits=',
    'permessage-deflate; server_max_window_bits=7',
    'permessage-deflate; server_max_window_bits=8',
    'permessage-deflate; server_max_window_bits=16',
    'permessage-deflate; server_max_window_bits=010',
    'permessage-deflate; server_max_window_bits=0x9',
    'permessage-deflate; server_max_window_bits=10.0',
    'permessage-deflate; server_max_window_bits="10',
    'permessage-deflate; client_max_window_bits=7',
    'permessage-deflate; client_max_window_bits=16',
    'permessage-deflate;',
    'permessage-deflate; ; client_max_window_bits',
  ])('WS-31 is nothing, if every offer is invalid: %s', (offers) => {
    expect(agreeOnDeflate(offers)).toBeUndefined();
  });

  it('WS-31 is never an error, whatever is offered', () => {
    const piece = fc.oneof(
      fc.constantFrom('permessage-deflate', 'server_max_window_bits', ';', ',', '=', '"', ' ', '9'),
      fc.string(),
    );
    fc.assert(
      fc.property(fc.array(piece), (pieces) => {
        const agreement = agreeOnDeflate(pieces.join(''));

        expect(agreement?.extension.startsWith(extension) ?? true).toBe(true);
      }),
    );
  });
});

describe('a head in a stored block, and deflated bytes behind it', () => {
  const flush = { finishFlush: constants.Z_SYNC_FLUSH };

  it('WS-30 are one message to a standard inflater, with every window', async () => {
    const length = fc.oneof(
      { weight: 3, arbitrary: fc.nat(200) },
      fc.constantFrom(65_400, 65_500, mostStoredBytes - 7),
    );
    const piece = fc.oneof(
      fc.string({ unit: 'grapheme' }),
      fc.json(),
      fc.constantFrom(126, 1_024, 16_384, 65_535, 65_536, 70_000).map((count) => 'é'.repeat(count)),
    );
    const message = fc.record({ idBytes: length, pieces: fc.array(piece, { maxLength: 6 }) });
    const messages = fc.array(message, { minLength: 1, maxLength: 4 });
    await fc.assert(
      fc.asyncProperty(messages, fc.integer({ min: 9, max: 15 }), async (given, windowBits) => {
        const frames = given.map(({ idBytes, pieces }) => {
          const tail = withoutFlush(deflateRawSync(pieces.join(''), { ...flush, windowBits }));
          const head = deflatedHead('{"id":"', idBytes, tail.length) + 'i'.repeat(idBytes);
          return Buffer.concat([Buffer.from(head, 'latin1'), tail]);
        });

        expect(await readCompressedFrames(Buffer.concat(frames), windowBits)).toEqual(
          given.map(({ idBytes, pieces }) =>
            Buffer.from(`{"id":"${'i'.repeat(idBytes)}${pieces.join('')}`).toString('utf8'),
          ),
        );
      }),
    );
  });

  it.each([125, 126, 127, 65_535, 65_536, 65_537])(
    'are one frame of %d bytes, RSV1 set and no other bit',
    (payloadBytes) => {
      const head = deflatedHead('{', 0, payloadBytes - storedBlockBytes - 1);

      expect(head.charCodeAt(0)).toBe(0xc1);
      expect(lengthIn(Buffer.from(head, 'latin1'))).toBe(payloadBytes);
    },
  );

  it('may have letters of any kind in an id', async () => {
    const id = toByteString('Straße ✓ 🚰');
    const tail = withoutFlush(deflateRawSync('","x":"Straße"}', flush));
    const head = deflatedHead('{"id":"', id.length, tail.length) + id;

    const [text] = await readCompressedFrames(Buffer.concat([Buffer.from(head, 'latin1'), tail]));

    expect(text).toBe('{"id":"Straße ✓ 🚰","x":"Straße"}');
  });
});

/** Of the payload, as the head of a frame says it. */
function lengthIn(head: Buffer): number {
  const [, length = 0] = head;
  if (length < 126) return length;
  return length === 126 ? head.readUInt16BE(2) : Number(head.readBigUInt64BE(2));
}

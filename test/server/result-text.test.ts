import fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import {
  createServerConnection,
  distinctFraming,
  multipartFraming,
} from '../../src/protocol/index.ts';
import { toByteString, toIdText } from '../../src/protocol/index.ts';
import { toOperationId } from '../../src/protocol/operation-id.ts';
import { LargeResultFrames } from '../../src/server/result-frames.ts';
import { ResultText } from '../../src/server/result-text.ts';
import { readFrames } from '../support/read-frames.ts';

const connections = (['graphql-transport-ws', 'subscriptions-transport-ws'] as const).map(
  (protocol) => createServerConnection(protocol, 0),
);

function bytesFor(
  result: ResultText,
  connection: (typeof connections)[number],
  id: ReturnType<typeof toOperationId>,
): Uint8Array {
  const idText = toByteString(toIdText(id));
  const frames = result.framesIn(connection.resultEnvelope(id));
  if (!(frames instanceof LargeResultFrames)) return Buffer.from(frames.textFor(idText), 'latin1');
  return Buffer.concat([Buffer.from(frames.head(idText), 'latin1'), frames.tail]);
}

function resultOf(value: unknown): ResultText {
  const result = { data: { value } };
  return new ResultText(JSON.stringify(result), result);
}

describe('the frames of a result', () => {
  it.each([0, 20_000])(
    'are what its protocol makes of the text, if it cannot carry that, with %d characters more',
    async (length) => {
      const result = { data: null, errors: [{ message: 'x'.repeat(length) }] };
      const connection = createServerConnection('appsync', 0);
      const id = toOperationId('1');

      const bytes = bytesFor(new ResultText(JSON.stringify(result), result), connection, id);

      const [frame = ''] = await readFrames(bytes);
      expect(JSON.parse(frame)).toEqual({ id, type: 'data', payload: { ...result, data: {} } });
    },
  );

  it('are those of its messages, for every recipient in whatever order they come', async () => {
    const value = fc.oneof(
      fc.string({ unit: 'grapheme' }),
      fc.constantFrom(16_300, 16_384, 70_000).map((length) => 'x'.repeat(length)),
      fc.constantFrom(16_300, 16_384).map((length) => 'é'.repeat(length)),
    );
    const recipient = fc.record({
      connection: fc.constantFrom(...connections),
      id: fc
        .oneof(
          fc.constantFrom('1', '2', '10'),
          fc.string({ unit: 'grapheme', minLength: 1 }),
          fc.nat(),
        )
        .map(toOperationId),
    });
    await fc.assert(
      fc.asyncProperty(value, fc.array(recipient, { maxLength: 8 }), async (given, recipients) => {
        const result = resultOf(given);
        for (const { connection, id } of recipients) {
          expect(await readFrames(bytesFor(result, connection, id))).toEqual([
            connection.encodeResult(id, result.text),
          ]);
        }
      }),
    );
  });

  it('are made once for one envelope', () => {
    const result = resultOf('x');
    const [connection] = connections;
    const envelope = connection?.resultEnvelope(toOperationId('1'));
    if (!envelope) throw new Error('there is no connection');

    expect(result.framesIn(envelope)).toBe(result.framesIn(envelope));
  });
});

describe('the piece of a result in a response stream', () => {
  it.each([
    [distinctFraming, 'é'],
    [multipartFraming, 'é'],
    [distinctFraming, 'é'.repeat(20_000)],
  ])('is what its framing writes, made once: %#', (framing, value) => {
    const result = resultOf(value);

    const piece = result.pieceIn(framing);

    const { bytes } = piece;
    const written = typeof bytes === 'string' ? Buffer.from(bytes, 'latin1') : Buffer.from(bytes);
    expect(written.toString('utf8')).toBe(framing.result(result.text));
    expect(result.pieceIn(framing)).toBe(piece);
  });
});

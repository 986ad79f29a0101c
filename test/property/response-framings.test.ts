import fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import {
  EventStreamParser,
  MultipartParser,
  distinctFraming,
  encodeEvent,
  multipartFraming,
  parseBoundary,
  singleFraming,
} from '../../src/protocol/index.ts';
import type { OutgoingEvent } from '../../src/protocol/index.ts';
import { ProtocolViolation } from '../../src/errors.ts';
import { anySplit, bytesOf } from '../support/chunks.ts';
import { anyText, errors, jsonObject } from '../support/protocol-arbitraries.ts';

type Chunks = readonly Uint8Array[];

/** `text` and the chunks in which it arrives. */
function inChunks<Sent>(
  sent: fc.Arbitrary<Sent>,
  write: (sent: Sent) => string,
): fc.Arbitrary<readonly [Sent, Chunks]> {
  return sent.chain((all) => fc.tuple(fc.constant(all), anySplit(bytesOf(write(all)))));
}

function readEvents(chunks: Chunks) {
  const parser = new EventStreamParser();
  return chunks.flatMap((chunk) => parser.push(chunk));
}

function readParts(chunks: Chunks, boundary = parseBoundary(multipartFraming.contentType)) {
  const parser = new MultipartParser(boundary);
  const parts = chunks.flatMap((chunk) => parser.push(chunk));
  return { parts, hasEnded: parser.hasEnded };
}

/** What a parser makes of `chunks`, the violation that it ends with included. */
function outcome<Outcome>(read: (chunks: Chunks) => Outcome, chunks: Chunks): Outcome | string {
  try {
    return read(chunks);
  } catch (error) {
    if (error instanceof ProtocolViolation) return error.code;
    throw error;
  }
}

const lineSeparators = fc.constantFrom(
  '\n',
  '\r',
  '\r\n',
  '\u2028',
  '\u2029',
  '🚰',
  '\0',
  '\uFEFF',
);

/** With all that could be taken for a line end or a delimiter by mistake. */
const trickyText = fc
  .array(
    fc.oneof(lineSeparators, anyText, fc.constantFrom('--graphql', '\r\n--graphql--', 'data:')),
  )
  .map((pieces) => pieces.join(''));

const result = fc
  .tuple(jsonObject, trickyText)
  .map(([data, text]) => ({ data: { ...data, text } }));
const results = fc.array(result, { maxLength: 4 });

const operationId = fc.oneof(trickyText, fc.constantFrom('1', '__proto__'));

const data = trickyText.map((text) => text.replaceAll(/\r\n|\r/g, '\n'));
const event: fc.Arbitrary<OutgoingEvent> = fc.record({
  event: fc.constantFrom('next', 'complete'),
  data,
  id: anyText.filter((id) => !/[\r\n\0]/.test(id)),
});

describe('what is written is read again, however it is split', () => {
  it('any text as an event', () => {
    const written = inChunks(fc.array(event), (events) => events.map(encodeEvent).join(''));
    fc.assert(
      fc.property(written, ([events, chunks]) => {
        expect(readEvents(chunks)).toEqual(
          events.map(({ event: name, data: text, id }) => ({
            event: name,
            data: text,
            lastEventId: id,
          })),
        );
      }),
    );
  });

  it('results over distinct connections', () => {
    const written = inChunks(
      results,
      (all) =>
        distinctFraming.opening +
        all
          .map((each) => distinctFraming.result(JSON.stringify(each)) + distinctFraming.heartbeat)
          .join('') +
        distinctFraming.complete(),
    );
    fc.assert(
      fc.property(written, ([all, chunks]) => {
        const events = readEvents(chunks);

        expect(events.map((each) => each.event)).toEqual([...all.map(() => 'next'), 'complete']);
        expect(events.slice(0, -1).map((each) => JSON.parse(each.data) as unknown)).toEqual(all);
      }),
    );
  });

  it('results that were indented, over distinct connections', () => {
    const written = inChunks(result, (one) =>
      distinctFraming.result(JSON.stringify(one, null, 2).replaceAll('\n', '\r\n')),
    );
    fc.assert(
      fc.property(written, ([one, chunks]) => {
        expect(readEvents(chunks).map((each) => JSON.parse(each.data) as unknown)).toEqual([one]);
      }),
    );
  });

  it('results of many operations over a single connection', () => {
    const written = inChunks(fc.array(fc.tuple(operationId, result), { maxLength: 4 }), (all) =>
      all
        .map(
          ([id, one]) => singleFraming.result(id, JSON.stringify(one)) + singleFraming.complete(id),
        )
        .join(''),
    );
    fc.assert(
      fc.property(written, ([all, chunks]) => {
        const messages = readEvents(chunks).map((each) => [
          each.event,
          JSON.parse(each.data) as unknown,
        ]);

        expect(messages).toEqual(
          all.flatMap(([id, payload]) => [
            ['next', { id, payload }],
            ['complete', { id }],
          ]),
        );
      }),
    );
  });

  it('results in a multipart response', () => {
    const written = inChunks(
      results,
      (all) =>
        multipartFraming.opening +
        all.map((each) => multipartFraming.result(JSON.stringify(each))).join('') +
        multipartFraming.heartbeat +
        multipartFraming.complete(),
    );
    fc.assert(
      fc.property(written, ([all, chunks]) => {
        const { parts, hasEnded } = readParts(chunks);

        expect(hasEnded).toBe(true);
        expect(parts.map((part) => JSON.parse(part.body) as unknown)).toEqual([
          {},
          ...all.map((payload) => ({ payload })),
          {},
        ]);
      }),
    );
  });

  it('errors, and the end, in every framing', () => {
    fc.assert(
      fc.property(errors, (all) => {
        const events = readEvents([bytesOf(distinctFraming.error(all))]);
        const many = readEvents([bytesOf(singleFraming.error('a', all))]);
        const { parts, hasEnded } = readParts([
          bytesOf(multipartFraming.opening + multipartFraming.error(all)),
        ]);

        expect(events.map((each) => each.event)).toEqual(['next', 'complete']);
        expect(JSON.parse(events[0]?.data ?? '')).toEqual({ errors: all });
        expect(JSON.parse(many[0]?.data ?? '')).toEqual({ id: 'a', payload: { errors: all } });
        expect(JSON.parse(parts[1]?.body ?? '')).toEqual({ payload: null, errors: all });
        expect(hasEnded).toBe(true);
      }),
    );
  });
});

const eventStreamPieces = fc.oneof(
  fc.constantFrom('\n', '\r', '\r\n', '\n\n', ':', ' ', '\0', '\uFEFF', 'é', '🚰'),
  fc.constantFrom('data', 'data:', 'data: 1', 'event', 'event: next', 'id: 1', 'retry: 1'),
);

const multipartPieces = fc.oneof(
  fc.constantFrom('\r', '\n', '\r\n', '\r\n\r\n', '-', '--', ' ', '\t', ':', '{}', '🚰'),
  fc.constantFrom('graphql', '--graphql', '\r\n--graphql', '--graphql--', 'a: b'),
  fc.constantFrom('\r\n--graphql\r\na: b\r\n\r\n', '\r\n--graphql\r\n\r\n1\r\n--graphql'),
);

/** Random bytes, and texts of pieces that mean something to a parser. */
function garbage(piece: fc.Arbitrary<string>): fc.Arbitrary<Uint8Array<ArrayBuffer>> {
  return fc.oneof(
    { weight: 4, arbitrary: fc.array(piece).map((pieces) => bytesOf(pieces.join(''))) },
    { weight: 1, arbitrary: fc.uint8Array().map((bytes) => Uint8Array.from(bytes)) },
  );
}

function twice(bytes: fc.Arbitrary<Uint8Array<ArrayBuffer>>) {
  return bytes.chain((all) => fc.tuple(fc.constant([all]), anySplit(all)));
}

function readBoundedEvents(chunks: Chunks) {
  const parser = new EventStreamParser({ eventCharacters: 12 });
  return chunks.flatMap((chunk) => parser.push(chunk));
}

function readBoundedParts(chunks: Chunks) {
  const parser = new MultipartParser('graphql', { partCharacters: 12 });
  return chunks.flatMap((chunk) => parser.push(chunk));
}

const runs = { numRuns: 1_000 };

describe('garbage', () => {
  it('gives the same events however it is split, and nothing but a violation', () => {
    fc.assert(
      fc.property(twice(garbage(eventStreamPieces)), ([whole, chunks]) => {
        expect(outcome(readEvents, chunks)).toEqual(outcome(readEvents, whole));
      }),
      runs,
    );
  });

  it('gives the same parts however it is split, and nothing but a violation', () => {
    fc.assert(
      fc.property(twice(garbage(multipartPieces)), ([whole, chunks]) => {
        expect(outcome(readParts, chunks)).toEqual(outcome(readParts, whole));
      }),
      runs,
    );
  });

  it('breaks the same bounds however it is split', () => {
    fc.assert(
      fc.property(
        twice(garbage(eventStreamPieces)),
        twice(garbage(multipartPieces)),
        ([stream, streamChunks], [body, bodyChunks]) => {
          expect(outcome(readBoundedEvents, streamChunks)).toEqual(
            outcome(readBoundedEvents, stream),
          );
          expect(outcome(readBoundedParts, bodyChunks)).toEqual(outcome(readBoundedParts, body));
        },
      ),
      runs,
    );
  });

  it('is no boundary, or one of 1 to 70 characters', () => {
    const pieces = fc.constantFrom(';', 'boundary', '=', '"', '\\', ' ', 'a', ',', 'b'.repeat(40));
    fc.assert(
      fc.property(
        fc.oneof(
          anyText,
          fc.array(pieces).map((all) => all.join('')),
        ),
        (contentType) => {
          const boundary = outcome(() => parseBoundary(contentType), []);

          expect(boundary.length).toBeGreaterThanOrEqual(1);
          expect(boundary.length).toBeLessThanOrEqual(70);
        },
      ),
      runs,
    );
  });
});

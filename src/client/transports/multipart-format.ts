import { readErrors } from '../../protocol/errors-payload.ts';
import type { IncrementalFormat } from '../../protocol/incremental/payloads.ts';
import { isJsonObject } from '../../protocol/json-frame.ts';
import { MultipartParser } from '../../protocol/multipart/multipart-parser.ts';
import { parseBoundary } from '../../protocol/multipart/parse-boundary.ts';
import type { ResponseFormat, StreamOutput } from './response-format.ts';
import { acceptResult, areReload, resultMediaType } from './response-format.ts';
import { readObject } from './response-text.ts';

/** Codes of servers that end their subscriptions only to begin them anew. */
const reloads = /^SUBSCRIPTION_(SCHEMA|CONFIG)_RELOAD$/;

const acceptSubscription = 'multipart/mixed;boundary=graphql;subscriptionSpec=1.0';

/**
 * Multipart HTTP subscriptions, and answers in parts. Results without the `payload` around them are read wherever they come, as some servers send them.
 *
 * @param incremental - the formats of parts that are asked for, the best first
 */
export function createMultipartFormat(incremental: readonly IncrementalFormat[]): ResponseFormat {
  const parts = incremental.map((format) => `multipart/mixed;${format}`);
  // whatever a server weighs, whole results come last
  const acceptParts = [...parts, resultMediaType, 'application/json']
    .map((mediaType, index) => (index > 0 ? `${mediaType};q=0.${10 - index}` : mediaType))
    .join(', ');
  return {
    accept: ({ kind, request: { query } }) => {
      // a document that the server knows by another name may hold anything
      const mayComeInParts = parts.length > 0 && (!query || /@(?:defer|stream)\b/.test(query));
      if (!mayComeInParts) return `${acceptSubscription}, ${acceptResult}`;
      // queries are asked for as streams, too
      return kind === 'subscription' ? `${acceptSubscription}, ${acceptParts}` : acceptParts;
    },
    stream,
  };
}

const stream: NonNullable<ResponseFormat['stream']> = {
  mediaType: 'multipart/mixed',
  createReader: (contentType) => {
    const parser = new MultipartParser(parseBoundary(contentType));
    return {
      *push(chunk): Generator<StreamOutput> {
        for (const { body } of parser.push(chunk)) yield* readPart(body);
        if (parser.hasEnded) yield { kind: 'complete' };
      },
    };
  },
};

function* readPart(body: string): Generator<StreamOutput> {
  const part = readObject(body);
  if (!part) yield { kind: 'violation' };
  else if (!('payload' in part)) {
    yield Object.keys(part).length > 0 ? { kind: 'result', result: part } : { kind: 'heartbeat' };
  } else {
    const { payload } = part;
    if (isJsonObject(payload)) yield { kind: 'result', result: payload };
    else if (payload !== null) yield { kind: 'violation' };
    const errors = readErrors(part['errors']);
    if (errors) {
      const isReload = areReload(errors) || areReload(errors, reloads);
      yield { kind: isReload ? 'reload' : 'error', errors };
    } else if (payload === null) yield { kind: 'complete' };
  }
}

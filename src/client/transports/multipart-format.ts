import { readErrors } from '../../protocol/errors-payload.ts';
import { isJsonObject } from '../../protocol/json-frame.ts';
import { MultipartParser } from '../../protocol/multipart/multipart-parser.ts';
import { parseBoundary } from '../../protocol/multipart/parse-boundary.ts';
import type { ResponseFormat, StreamOutput } from './response-format.ts';
import { acceptResult } from './response-format.ts';
import { readObject } from './response-text.ts';

/** Codes of servers that end their subscriptions only to begin them anew. */
const reloads = /^SUBSCRIPTION_(SCHEMA|CONFIG)_RELOAD$/;

/** Multipart HTTP subscriptions; and results without the `payload` around them, as some servers send them. */
export const multipartFormat: ResponseFormat = {
  accept: `multipart/mixed;boundary=graphql;subscriptionSpec=1.0, ${acceptResult}`,
  stream: {
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
      const isReload = errors.some(({ extensions }) => reloads.test(String(extensions?.['code'])));
      yield { kind: isReload ? 'reload' : 'error', errors };
    } else if (payload === null) yield { kind: 'complete' };
  }
}

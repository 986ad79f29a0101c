import { EventStreamParser } from '../../protocol/sse/event-stream-parser.ts';
import type { FormattedResult, OperationRequest } from '../../vocabulary.ts';
import type { ResponseFormat, StreamOutput } from './response-format.ts';
import { readObject } from './response-text.ts';

const mediaType = 'text/event-stream';

/** The beginning of a comment. */
const colon = 0x3a;

/** The distinct connections mode of GraphQL over Server-Sent Events. */
export const sseFormat: ResponseFormat = {
  // alone, whatever the operation: the reference server compares the whole header with it
  accept: mediaType,
  stream: {
    mediaType,
    tokenHeader: 'last-event-id',
    createReader: (_, request) => {
      const parser = new EventStreamParser();
      return {
        get retryMs() {
          return parser.retryMs;
        },
        *push(chunk): Generator<StreamOutput> {
          const events = parser.push(chunk);
          if (events.length === 0 && chunk[0] === colon) yield { kind: 'heartbeat' };
          for (const { event, data, lastEventId } of events) {
            if (event === 'complete') yield { kind: 'complete' };
            if (event !== 'next') continue;
            const result = readObject(data);
            yield result
              ? { kind: 'result', result: withToken(result, lastEventId, request) }
              : { kind: 'violation' };
          }
        },
      };
    },
  },
};

/** A result says itself how to resume behind it, or the id of its event does, for those who asked. */
function withToken(
  result: FormattedResult,
  token: string,
  request: OperationRequest,
): FormattedResult {
  const { extensions } = result;
  return token && request.extensions?.['resume'] && !extensions?.['resume']
    ? { ...result, extensions: { ...extensions, resume: { token } } }
    : result;
}

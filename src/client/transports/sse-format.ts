import { EventStreamParser } from '../../protocol/sse/event-stream-parser.ts';
import type { FormattedResult, OperationRequest } from '../../vocabulary.ts';
import { areReload } from './response-format.ts';
import type { ResponseFormat, StreamOutput } from './response-format.ts';
import { readObject } from './response-text.ts';

/** The media type of event streams. */
export const eventStreamType = 'text/event-stream';

/** The distinct connections mode of GraphQL over Server-Sent Events. */
export const sseFormat: ResponseFormat = {
  // alone, whatever the operation: the reference server compares the whole header with it
  accept: eventStreamType,
  stream: {
    mediaType: eventStreamType,
    tokenHeader: 'last-event-id',
    createReader: (_, request) => {
      const parser = new EventStreamParser();
      return {
        get retryMs() {
          return parser.retryMs;
        },
        *push(chunk): Generator<StreamOutput> {
          const events = parser.push(chunk);
          if (isHeartbeat(chunk, events)) yield { kind: 'heartbeat' };
          for (const { event, data, lastEventId } of events) {
            if (event === 'complete') yield { kind: 'complete' };
            if (event !== 'next') continue;
            const result = readObject(data);
            const errors = result && endingErrors(result);
            if (errors) yield { kind: 'reload', errors };
            yield result
              ? { kind: 'result', result: withToken(result, lastEventId, request) }
              : { kind: 'violation' };
          }
        },
      };
    },
  },
};

/** The errors of a result after which nothing comes any more, because who had the subscription shall ask for it again. */
export function endingErrors({ data, errors }: FormattedResult): FormattedResult['errors'] {
  return data === undefined && areReload(errors) ? errors : undefined;
}

/** Whether nothing came but a comment. */
export function isHeartbeat([first]: Uint8Array, events: readonly unknown[]): boolean {
  return events.length === 0 && first === 0x3a; // a colon
}

/** A result says itself how to resume behind it, or the id of its event does, for those who asked. */
export function withToken(
  result: FormattedResult,
  token: string,
  request: OperationRequest,
): FormattedResult {
  const { extensions } = result;
  return token && request.extensions?.['resume'] && !extensions?.['resume']
    ? { ...result, extensions: { ...extensions, resume: { token } } }
    : result;
}

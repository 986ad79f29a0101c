import { writeErrors } from '../errors-payload.ts';
import type { ResponseFraming } from '../response-framing.ts';
import { comment, encodeEvent } from './event-stream.ts';

/** Content type of an event stream; it is always UTF-8. */
export const eventStreamContentType = 'text/event-stream';

const completion = encodeEvent({ event: 'complete', data: '' });

/** One operation in one event stream: the distinct connections mode of GraphQL over Server-Sent Events. */
export const distinctFraming: ResponseFraming = {
  contentType: eventStreamContentType,
  opening: comment,
  heartbeat: comment,
  result: (resultText, id) =>
    encodeEvent({ event: 'next', data: resultText, ...(id !== undefined && { id }) }),
  // an event without data is dispatched to nobody, but its id counts
  position: (id, report) =>
    report === ''
      ? `id: ${id}\n\n`
      : encodeEvent({ event: 'resume', data: report, ...(id !== undefined && { id }) }),
  complete: () => completion,
  // also before execution: the protocol has no other place for errors of a well-formed request
  error: (errors) =>
    writeErrors(errors, (all) =>
      encodeEvent({ event: 'next', data: JSON.stringify({ errors: all }) }),
    ) + completion,
};

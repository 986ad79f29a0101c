import type { FormattedError } from '../../vocabulary.ts';
import { writeErrors } from '../errors-payload.ts';
import type { ResponseFraming } from '../response-framing.ts';

const boundary = 'graphql';

/** A part that means nothing but that the stream lives. */
const heartbeat = encodePart('{}');

/** What turns the delimiter before it into the last one. */
const end = '--\r\n';

/**
 * One subscription in one `multipart/mixed` response (RFC 2046 section 5.1).
 *
 * @remarks
 * Every write ends with the delimiter that closes its part: a reader hands a part out when it sees that.
 */
export const multipartFraming: ResponseFraming = {
  // in this order and without quotes: some readers compare the text
  contentType: `multipart/mixed;boundary=${boundary};subscriptionSpec=1.0`,
  opening: `\r\n--${boundary}${heartbeat}`,
  heartbeat,
  result: (resultText) => encodePart(`{"payload":${resultText}}`),
  complete: () => end,
  error: (errors) =>
    writeErrors(errors, (all) =>
      encodePart(JSON.stringify({ payload: null, errors: all.map(withoutPlace) })),
    ) + end,
};

/** Some readers know this header alone, and in lower case. */
function encodePart(json: string): string {
  return `\r\ncontent-type: application/json\r\n\r\n${json}\r\n--${boundary}`;
}

/** Errors of the transport have no place in a document. */
function withoutPlace(error: FormattedError): FormattedError {
  const { locations: _locations, path: _path, ...rest } = error;
  return rest;
}

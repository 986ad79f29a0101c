import type { IncrementalFormat } from '../incremental/payloads.ts';
import type { ResponseFraming } from '../response-framing.ts';

/** One that many readers take for granted when the header names none. */
const boundary = '-';

/**
 * One answer in parts in one `multipart/mixed` response, by the format that the client named, or `unnamed`.
 *
 * @remarks
 * Every write ends with the delimiter that closes its part: a reader hands a part out when it sees that. Nothing means nothing to all of the readers, so
 * there are no heartbeats.
 */
export const partsFramings = {
  'incrementalSpec=v0.2': framingOf('; incrementalSpec=v0.2'),
  'deferSpec=20220824': framingOf('; deferSpec=20220824'),
  unnamed: framingOf(''),
} as const satisfies Record<IncrementalFormat | 'unnamed', ResponseFraming>;

function framingOf(parameter: string): ResponseFraming {
  return {
    // some readers look for the parameter as a text
    contentType: `multipart/mixed; boundary="${boundary}"${parameter}`,
    opening: `\r\n--${boundary}`,
    heartbeat: '',
    result: (resultText) =>
      `\r\ncontent-type: application/json; charset=utf-8\r\n\r\n${resultText}\r\n--${boundary}`,
    // turns the delimiter before it into the last one
    complete: () => '--\r\n',
    failsByCut: true,
    error: () => '',
  };
}

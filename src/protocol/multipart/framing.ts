import { writeErrors } from '../errors-payload.ts';
import type { ResponseFraming } from '../response-framing.ts';
import {
  encodePart,
  multipartContentType,
  multipartEnd,
  multipartHeartbeat,
  multipartOpening,
} from './multipart-writer.ts';

/** One subscription in one `multipart/mixed` response. */
export const multipartFraming: ResponseFraming = {
  contentType: multipartContentType,
  opening: multipartOpening + multipartHeartbeat,
  heartbeat: multipartHeartbeat,
  result: (resultText) => encodePart(`{"payload":${resultText}}`),
  complete: () => multipartEnd,
  error: (errors) =>
    writeErrors(errors, (all) => {
      // errors of the transport have no place in a document
      const bare = all.map(({ locations: _locations, path: _path, ...error }) => error);
      return encodePart(JSON.stringify({ payload: null, errors: bare }));
    }) + multipartEnd,
};

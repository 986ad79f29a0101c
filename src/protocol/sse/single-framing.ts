import type { FormattedError } from '../../vocabulary.ts';
import { writeErrors } from '../errors-payload.ts';
import { encodeEvent } from './event-stream.ts';

/** Many operations in one event stream: the single connection mode of GraphQL over Server-Sent Events. */
export const singleFraming = {
  result: (id: string, resultText: string): string =>
    encodeEvent({ event: 'next', data: `{"id":${JSON.stringify(id)},"payload":${resultText}}` }),
  complete: (id: string): string =>
    encodeEvent({ event: 'complete', data: JSON.stringify({ id }) }),
  error: (id: string, errors: readonly FormattedError[]): string =>
    writeErrors(errors, (all) => singleFraming.result(id, JSON.stringify({ errors: all }))) +
    singleFraming.complete(id),
} as const;

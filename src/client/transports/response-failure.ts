import { TransportError } from '../transport-error.ts';
import type { ResponseLike } from './fetch-options.ts';
import { readObject } from './response-text.ts';

/** How much of a body a failure shows. */
export const shownCharacters = 1_000;

/** Statuses that say nothing of the request itself: of the error table, and those of a proxy whose server is not there. */
const passing = /^(408|425|429|50[234]|52[0-4])$/;

/** Whether the same request may fare better later. */
export function isPassing({ status }: ResponseLike): boolean {
  return passing.test(String(status));
}

/** A response that is no answer; `body` is what it begins with, at least as far as it is shown. */
export function toFailure(response: ResponseLike, body: string): TransportError {
  const { status, headers } = response;
  const retryable = isPassing(response);
  const refusal = retryable ? 'CONNECTION_LOST' : 'CONNECTION_REFUSED';
  const retryAfterMs = toRetryAfterMs(headers);
  return new TransportError(
    response.ok ? 'BAD_RESPONSE' : refusal,
    `The server answered ${status} with ${headers.get('content-type') ?? 'no content type'}.`,
    retryable,
    {
      status,
      body: body.slice(0, shownCharacters),
      payload: readObject(body),
      ...(retryAfterMs > 0 && { retryAfterMs }),
    },
  );
}

/** `NaN` if there is nothing to read. */
function toRetryAfterMs(headers: ResponseLike['headers']): number {
  const value = headers.get('retry-after') ?? '';
  // a date is compared with that of the response: the clocks of two machines differ
  return /^\d+$/.test(value)
    ? Number(value) * 1_000
    : Date.parse(value) - (Date.parse(headers.get('date') ?? '') || Date.now());
}

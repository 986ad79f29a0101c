import type { FormattedError } from '../../vocabulary.ts';
import { never } from '../../vocabulary.ts';
import type { ClientClock } from '../transport.ts';
import { TransportError } from '../transport-error.ts';
import type { ResponseLike } from './fetch-options.ts';
import { readBeginning } from './response-body.ts';
import { shownCharacters, toFailure } from './response-failure.ts';
import { mediaTypeOf } from './response-format.ts';
import { readObject } from './response-text.ts';

/** Why something was refused. */
export interface Refusal {
  readonly failure: TransportError;
  /** What the server says about the operation, if it was a server of GraphQL that answered. */
  readonly errors?: readonly FormattedError[] | undefined;
  /** Whether there is no such stream any more: whoever reserves another one may fare better. */
  readonly isStreamGone: boolean;
  /** Whether there is no way to the server, for the time being. */
  readonly isUnreachable: boolean;
  /** Whether what was asked for may have been done all the same: nothing answered, or a proxy for somebody else. */
  readonly mayBeDone: boolean;
}

/** A request without a response; if that is nothing that another attempt could change, it was not even sent. */
export function withoutResponse(failure: TransportError): Refusal {
  const { retryable } = failure;
  return { failure, isStreamGone: false, isUnreachable: retryable, mayBeDone: retryable };
}

/** Reads a response that is not what was asked for. Never rejects. */
export async function readRefusal(response: ResponseLike, clock: ClientClock): Promise<Refusal> {
  const isJson = /[/+]json$/.test(mediaTypeOf(response));
  const text = await readBeginning(response, isJson ? never : shownCharacters, clock);
  // what was about to say why something failed had not come to its end
  if (text === undefined && response.ok) return withoutResponse(toLoss(toFailure(response, '')));
  return toRefusal(response, text ?? '');
}

function toRefusal(response: ResponseLike, body: string): Refusal {
  const errors = errorsIn(body);
  const { status } = response;
  const code = errors?.[0]?.extensions?.['code'];
  const isStreamGone =
    // nobody stopped what was asked for: it went with its stream, whose end is still on its way
    status === 204 ||
    // a document that is not trusted, say, is not found, either
    (status === 404 && (code === undefined || code === 'STREAM_NOT_FOUND'));
  const failure = toFailure(response, body);
  return {
    failure: isStreamGone ? toLoss(failure) : failure,
    errors,
    isStreamGone,
    isUnreachable: failure.retryable && status >= 500,
    mayBeDone: !errors && (status < 400 || status >= 500),
  };
}

function toLoss({ message, status, body, payload }: TransportError): TransportError {
  const details = { ...(status && { status }), ...(body && { body }), payload };
  return new TransportError('CONNECTION_LOST', message, true, details);
}

function errorsIn(body: string): readonly FormattedError[] | undefined {
  const errors = readObject(body)?.['errors'];
  // whatever a server has for errors
  return Array.isArray(errors) && errors.length > 0 ? (errors as FormattedError[]) : undefined;
}

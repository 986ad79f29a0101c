import { readErrors } from '../../protocol/errors-payload.ts';
import type { FormattedError } from '../../vocabulary.ts';
import type { TransportError } from '../transport-error.ts';

/** What a server has against a hash: it may not know this one, or not take any. */
export type Refusal = 'unknown' | 'not-taken';

/** Reads request errors: the codes of the convention, or the messages that were there before them. */
export function toRefusal(errors: readonly FormattedError[] = []): Refusal | undefined {
  // one with a path is of a resolver, which may itself be the client of another server
  const ofRequest = errors.filter(({ path }) => !path);
  const says = (text: string, word: string): boolean =>
    ofRequest.some(({ message, extensions }) => message === text || extensions?.['code'] === word);
  if (says('PersistedQueryNotFound', 'PERSISTED_QUERY_NOT_FOUND')) return 'unknown';
  if (says('PersistedQueryNotSupported', 'PERSISTED_QUERY_NOT_SUPPORTED')) return 'not-taken';
  return undefined;
}

/** The errors in a response whose status makes it a failure. */
export function errorsOf({ payload }: TransportError): readonly FormattedError[] | undefined {
  const { errors } = Object(payload) as { readonly errors?: unknown }; // an object has any member, or none
  return readErrors(errors);
}

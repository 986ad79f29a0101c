import type { FormattedError } from '../../vocabulary.ts';
import type { TransportError } from '../transport-error.ts';

/** What a server has against a hash: it may not know this one, or not take any. */
export type Refusal = 'unknown' | 'not-taken';

/** Codes of the convention, and the messages that were there before them. */
const words = {
  unknown: /^(PersistedQueryNotFound|PERSISTED_QUERY_NOT_FOUND)$/,
  'not-taken': /^(PersistedQueryNotSupported|PERSISTED_QUERY_NOT_SUPPORTED)$/,
} as const satisfies Record<Refusal, RegExp>;

/** Reads request errors. */
export function toRefusal(errors: readonly FormattedError[] = []): Refusal | undefined {
  // one with a path is of a resolver, which may itself be the client of another server
  const said = errors
    .filter(({ path }) => !path)
    .flatMap(({ message, extensions }) => [message, String(extensions?.['code'])]);
  return find(said);
}

/** Reads a response whose status makes it a failure: JSON, or an event of a stream. */
export function refusalIn({ body = '' }: TransportError): Refusal | undefined {
  return find(body.split(/\W+/));
}

function find(said: readonly string[]): Refusal | undefined {
  const is = (refusal: Refusal): boolean => said.some((word) => words[refusal].test(word));
  if (is('unknown')) return 'unknown';
  return is('not-taken') ? 'not-taken' : undefined;
}

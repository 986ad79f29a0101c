import { isJsonObject, readJsonObject } from '../../protocol/json-frame.ts';
import type { TransportError } from '../transport-error.ts';

/** What a server has against a hash: it may not know this one, or not take any. */
export type Refusal = 'unknown' | 'not-taken';

/** Codes of the convention, and the messages that were there before them. */
const words = {
  unknown: /^(PersistedQueryNotFound|PERSISTED_QUERY_NOT_FOUND)$/,
  'not-taken': /^(PersistedQueryNotSupported|PERSISTED_QUERY_NOT_SUPPORTED)$/,
} as const satisfies Record<Refusal, RegExp>;

/** Reads request errors, whatever a server has for such. */
export function toRefusal(errors: unknown): Refusal | undefined {
  const said = (Array.isArray(errors) ? errors : [])
    .filter(isJsonObject)
    // one with a path is of a resolver, which may itself be the client of another server
    .filter(({ path }) => !path)
    .flatMap(({ message, extensions }) => [
      message,
      isJsonObject(extensions) ? extensions['code'] : undefined,
    ]);
  const is = (refusal: Refusal): boolean => said.some((word) => words[refusal].test(String(word)));
  if (is('unknown')) return 'unknown';
  return is('not-taken') ? 'not-taken' : undefined;
}

/** Reads a response whose status makes it a failure: JSON, or an event of a stream. */
export function refusalIn({ payload, body = '' }: TransportError): Refusal | undefined {
  // the body is only its beginning
  const said = isJsonObject(payload) ? payload : readJsonObject(eventData.exec(body)?.[1] ?? body);
  const { data, errors } = said;
  return data ? undefined : toRefusal(errors);
}

const eventData = /^data:(.*)$/m;

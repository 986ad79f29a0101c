import { ProtocolViolation } from '../../errors.ts';
import { isJsonObject } from '../json-frame.ts';
import type { JsonObject } from '../json-frame.ts';

/**
 * Reads an authorization object. Its names become lower-case ones, because clients spell them differently; what else it has is left as it is.
 *
 * @throws ProtocolViolation with `BAD_REQUEST` for a name that occurs twice: whoever checks it first might have read the other one
 */
export function parseAuthorization(value: unknown): JsonObject {
  if (!isJsonObject(value)) {
    throw new ProtocolViolation('BAD_REQUEST', 'The authorization must be a JSON object.');
  }
  const members = Object.entries(value).map(([name, member]) => [name.toLowerCase(), member]);
  if (new Set(members.map(([name]) => name)).size !== members.length) {
    throw new ProtocolViolation('BAD_REQUEST', 'The authorization must not repeat a name.');
  }
  return Object.fromEntries(members) as JsonObject; // made of pairs of a name and anything
}

import type { ClosingCode } from '../errors.ts';
import { isJsonObject } from './json-frame.ts';
import type { JsonObject } from './json-frame.ts';

/**
 * `payload` of an ack, or of the answer to a renewal, with what a client has to know to renew its session in time: `extensions.session.expiresInMs`.
 *
 * @remarks
 * A duration, because the clocks of two machines differ.
 */
export function withExpiry(payload: JsonObject, expiresInMs: number): JsonObject {
  const { extensions } = payload;
  const others = isJsonObject(extensions) ? extensions : {};
  return {
    ...payload,
    extensions: { ...others, session: { expiresInMs: toWholeMs(expiresInMs) } },
  };
}

/** What JSON can hold, also of `never`. */
function toWholeMs(durationMs: number): number {
  return Math.floor(Math.min(Math.max(0, durationMs), Number.MAX_SAFE_INTEGER));
}

/** In how many milliseconds the session ends, as {@link withExpiry} has written it; `undefined` if it does not say. */
export function readExpiry(payload: unknown): number | undefined {
  const extensions = isJsonObject(payload) ? payload['extensions'] : undefined;
  const session = isJsonObject(extensions) ? extensions['session'] : undefined;
  const expiresInMs = isJsonObject(session) ? session['expiresInMs'] : undefined;
  return typeof expiresInMs === 'number' ? expiresInMs : undefined;
}

/** Whether a connection is closed because who has it may not go on as who they were. */
export function endsSession(
  error: ClosingCode,
): error is 'CREDENTIALS_EXPIRED' | 'SESSION_REVOKED' {
  return error === 'CREDENTIALS_EXPIRED' || error === 'SESSION_REVOKED';
}

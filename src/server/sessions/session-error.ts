import { errorEntry } from '../../errors.ts';
import type { FormattedError } from '../../vocabulary.ts';
import type { SessionEnd } from './session-lease.ts';

/** What a client is told whose stream ends because its session does. */
export function sessionError(end: SessionEnd): FormattedError {
  const { reason: message = '' } = errorEntry(end);
  return { message, extensions: { code: end } };
}

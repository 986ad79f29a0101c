import type { FormattedError } from '../vocabulary.ts';
import { isJsonObject } from './json-frame.ts';

/**
 * Reads the payload of an `error` message in every shape that servers give it: a list of errors, one error, an object with
 * the list in `errors`, or a bare text. `undefined` if it is none of them.
 */
export function readErrors(payload: unknown): readonly FormattedError[] | undefined {
  const error = typeof payload === 'string' ? { message: payload } : payload;
  if (isError(error)) return [error];
  const list = isJsonObject(error) ? error['errors'] : error;
  return Array.isArray(list) && list.length > 0 && list.every(isError) ? list : undefined;
}

/** Writes errors with `write`; if JSON cannot hold something that a resolver put into them, their messages alone. */
export function writeErrors(
  errors: readonly FormattedError[],
  write: (errors: readonly FormattedError[]) => string,
): string {
  try {
    return write(errors);
  } catch {
    // The operation has to end on the wire whatever its extensions hold: a cycle, a bigint, a `toJSON` that throws.
    return write(
      errors.map((error: { readonly message: unknown }) => ({ message: String(error.message) })),
    );
  }
}

function isError(value: unknown): value is FormattedError {
  return isJsonObject(value) && typeof value['message'] === 'string';
}

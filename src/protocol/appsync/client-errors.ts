import type { FormattedError } from '../../vocabulary.ts';
import { isJsonObject } from '../json-frame.ts';
import type { JsonObject } from '../json-frame.ts';

/**
 * Reads the payload of `error` and `connection_error`, whose `errors` are a list or a single error. What servers put beside the message goes into
 * `extensions`, where GraphQL has it.
 *
 * @returns at least one error, whatever came
 */
export function readAppsyncErrors(payload: unknown): readonly FormattedError[] {
  const said = isJsonObject(payload) ? (payload['errors'] ?? payload) : payload;
  const errors = (Array.isArray(said) ? said : [said]).filter(isJsonObject).map(toError);
  return errors.length > 0 ? errors : [{ message: noMessage }];
}

const noMessage = 'The server gave no message.';

function toError({
  errorType,
  errorCode,
  message,
  extensions,
  ...others
}: JsonObject): FormattedError {
  const all = {
    ...(errorType !== undefined && { errorType }),
    ...(errorCode !== undefined && { errorCode }),
    ...(isJsonObject(extensions) && extensions),
  };
  return {
    ...others,
    message: String(message ?? errorType ?? noMessage),
    ...(Object.keys(all).length > 0 && { extensions: all }),
  };
}

/** Whether a refusal of the connection would be the same the next time. The words may stand in a namespace. */
export function isFinalRefusal(payload: unknown): boolean {
  return readAppsyncErrors(payload).some(({ extensions }) => {
    const { errorType, errorCode } = extensions ?? {};
    return (
      [400, 401, 403].includes(Number(errorCode)) ||
      /Unauthorized|NotAuthorized|BadRequest/.test(String(errorType))
    );
  });
}

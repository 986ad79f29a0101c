import { errorEntry, isErrorCode } from '../../errors.ts';
import type { ErrorCode } from '../../errors.ts';
import type { FormattedError } from '../../vocabulary.ts';
import type { AppsyncError } from './messages.ts';

/**
 * The words of this protocol for codes of ours; others stand for themselves.
 *
 * @remarks
 * Clients that read a word for missing credentials on an operation close the connection and come back with fresh ones, so it stands for nothing that these cannot mend.
 */
const errorTypes: Readonly<Partial<Record<ErrorCode | 'UNAUTHENTICATED', string>>> = {
  UNAUTHORIZED: 'UnauthorizedException',
  UNAUTHENTICATED: 'UnauthorizedException',
  CREDENTIALS_EXPIRED: 'UnauthorizedException',
  SESSION_REVOKED: 'UnauthorizedException',
  BAD_REQUEST: 'BadRequestException',
  RATE_LIMITED: 'LimitExceededError',
  TOO_MANY_CONNECTIONS: 'LimitExceededError',
  TOO_MANY_OPERATIONS: 'MaxSubscriptionsReachedError',
  UNSUPPORTED_OPERATION: 'UnsupportedOperation',
  DUPLICATE_OPERATION_ID: 'DuplicatedOperationError',
  INTERNAL_SERVER_ERROR: 'InternalFailure',
};

/** Puts the word of this protocol, and the HTTP status if there is one, before what an error says otherwise. */
export function toAppsyncError(error: FormattedError): AppsyncError {
  const code = error.extensions?.['code'];
  const status = isErrorCode(code) ? errorEntry(code).httpStatus : undefined;
  return {
    errorType: typeof code === 'string' ? wordFor(code) : 'BadRequestException',
    ...(status !== undefined && { errorCode: status }),
    ...error,
  };
}

function wordFor(code: string): string {
  const word: unknown = Object.hasOwn(errorTypes, code) && Reflect.get(errorTypes, code);
  return typeof word === 'string' ? word : code;
}

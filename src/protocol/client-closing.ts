import type { ClosingCode, errorTable } from '../errors.ts';

/** The close code and the reason of a row of the error table. */
type Closing<Code extends ClosingCode> = readonly [
  code: (typeof errorTable)[Code]['closeCode'],
  reason: (typeof errorTable)[Code]['reason'],
];

// Repeated here so that a browser need not carry the table; their types keep them equal to it.

export const normalClosure: Closing<'NORMAL_CLOSURE'> = [1000, 'Normal Closure'];
export const badResponse: Closing<'BAD_RESPONSE'> = [4004, 'Bad response'];
export const forbidden: Closing<'FORBIDDEN'> = [4403, 'Forbidden'];
export const subprotocolNotAcceptable: Closing<'SUBPROTOCOL_NOT_ACCEPTABLE'> = [
  4406,
  'Subprotocol not acceptable',
];
export const terminated: Closing<'TERMINATED'> = [4499, 'Terminated'];
export const ackTimeout: Closing<'ACK_TIMEOUT'> = [4504, 'Connection acknowledgement timeout'];

/** Codes of the transport are final unless they stand here; those of the protocols are final if they do. */
const exceptions = /* @__PURE__ */ new Set([
  1000, 1001, 1005, 1006, 1012, 1013, 1014, 4004, 4005, 4400, 4401, 4406, 4409, 4429, 4500,
]);

/**
 * Whether operations that a close interrupted may be tried on another connection.
 *
 * @remarks
 * Follows the `retryable` column of the error table, with two differences: an orderly close (1000) under running operations is
 * no answer to them; and 4403 is final only as the answer to `connection_init`, for later it means that credentials expired.
 */
export function isRetryableClose(code: number, wasAcknowledged: boolean): boolean {
  return code === 4403 ? wasAcknowledged : exceptions.has(code) === code < 3000;
}

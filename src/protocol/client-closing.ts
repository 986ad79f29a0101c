import type { ClosingCode, errorTable } from '../errors.ts';

/** A close that the client decides on, and what it means for the operations under it. */
export interface ClientClosing {
  readonly code: number;
  readonly reason: string;
  readonly retryable: boolean;
}

type Row<Code extends ClosingCode> = {
  readonly code: (typeof errorTable)[Code]['closeCode'];
  readonly reason: (typeof errorTable)[Code]['reason'];
  readonly retryable: (typeof errorTable)[Code]['retryable'];
};

// Rows of the error table, repeated so that a browser need not carry the table; their types keep them equal to it.

export const normalClosure: Row<'NORMAL_CLOSURE'> = {
  code: 1000,
  reason: 'Normal Closure',
  retryable: false,
};

export const badResponse: Row<'BAD_RESPONSE'> = {
  code: 4004,
  reason: 'Bad response',
  retryable: false,
};

export const forbidden: Row<'FORBIDDEN'> = { code: 4403, reason: 'Forbidden', retryable: false };

export const subprotocolNotAcceptable: Row<'SUBPROTOCOL_NOT_ACCEPTABLE'> = {
  code: 4406,
  reason: 'Subprotocol not acceptable',
  retryable: false,
};

export const terminated: Row<'TERMINATED'> = { code: 4499, reason: 'Terminated', retryable: true };

export const ackTimeout: Row<'ACK_TIMEOUT'> = {
  code: 4504,
  reason: 'Connection acknowledgement timeout',
  retryable: true,
};

/** Codes of the transport are final unless they stand here; those of the protocols are final if they do. */
const exceptions = /* @__PURE__ */ new Set([
  1000, 1001, 1005, 1006, 1012, 1013, 1014, 4004, 4005, 4400, 4401, 4406, 4409, 4429, 4500,
]);

/**
 * Whether operations that a close by the server interrupted may be tried on another connection.
 *
 * @remarks
 * Follows the `retryable` column of the error table, with two differences: an orderly close (1000) under running operations is
 * no answer to them; and 4403 is final only as the answer to `connection_init`, for later it means that credentials expired.
 */
export function isRetryableClose(code: number, wasAcknowledged: boolean): boolean {
  if (code === 4403) return wasAcknowledged;
  return exceptions.has(code) === code < 3000;
}

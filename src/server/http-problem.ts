import type { ErrorCode } from '../errors.ts';
import { isErrorCode } from '../errors.ts';
import type { FormattedError } from '../vocabulary.ts';

/** A request that never becomes an operation; the code decides the status. */
export class HttpProblem extends Error {
  override readonly name = 'HttpProblem';
  readonly code: ErrorCode;
  readonly headers: Readonly<Record<string, string>>;
  /** What the client is told besides the message. */
  readonly details: Readonly<Record<string, unknown>>;

  constructor(
    code: ErrorCode,
    message: string,
    headers: Readonly<Record<string, string>> = {},
    details: Readonly<Record<string, unknown>> = {},
  ) {
    super(message);
    this.code = code;
    this.headers = headers;
    this.details = details;
  }
}

/** The problem that `error`, of one of our own limits, is for a request. */
export function toHttpProblem({ message, extensions = {} }: FormattedError): HttpProblem {
  const { code, ...details } = extensions;
  return new HttpProblem(isErrorCode(code) ? code : 'BAD_REQUEST', message, {}, details);
}

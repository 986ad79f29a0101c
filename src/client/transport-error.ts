import type { ErrorCode } from '../errors.ts';

/** What is known about a failure besides its code. */
export interface TransportErrorDetails {
  /** The WebSocket close code (RFC 6455 section 7.4), if the connection was closed. */
  readonly closeCode?: number;
  /** The reason that came with the close code; may be empty. */
  readonly reason?: string;
  /** The HTTP status, if a response came. */
  readonly status?: number;
  /** The beginning of the response's body, where that says more than the status: at most 1,000 characters. */
  readonly body?: string;
  /** What the server said when it refused the connection, in a message of the protocol. */
  readonly payload?: unknown;
  /** How long the server asks to be left alone, in milliseconds. */
  readonly retryAfterMs?: number;
  readonly cause?: unknown;
}

/**
 * The one way in which what carries operations fails. GraphQL errors are no failures: they are values in the stream.
 *
 * @remarks
 * An iterator throws it once, an observer gets it once, as the last thing.
 */
export class TransportError extends Error {
  override readonly name = 'TransportError';
  readonly code: ErrorCode;
  /** Whether another attempt may succeed. Where operations are tried again, this is what decides, unless `retry.shouldRetry` does. */
  readonly retryable: boolean;
  declare readonly closeCode?: number;
  declare readonly reason?: string;
  declare readonly status?: number;
  declare readonly body?: string;
  declare readonly payload?: unknown;
  declare readonly retryAfterMs?: number;

  constructor(
    code: ErrorCode,
    message: string,
    retryable: boolean,
    details: TransportErrorDetails = {},
  ) {
    super(message);
    this.code = code;
    this.retryable = retryable;
    Object.assign(this, details);
  }
}

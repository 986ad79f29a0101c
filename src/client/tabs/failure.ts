import type { ErrorCode } from '../../errors.ts';
import type { Connection, ConnectionListener } from '../transport.ts';
import { TransportError } from '../transport-error.ts';
import type { TransportErrorDetails } from '../transport-error.ts';

interface PlainFailure {
  readonly code: ErrorCode;
  readonly message: string;
  readonly retryable: boolean;
  readonly details: TransportErrorDetails;
}

/** A failure as another tab can read it. Of a cause only the text arrives. */
export function writeFailure(failure: TransportError): string {
  const { code, message, retryable, closeCode, reason, status, body, retryAfterMs } = failure;
  const { payload, cause } = failure;
  const known = { closeCode, reason, status, body, retryAfterMs };
  const details = { ...known, payload, ...(cause !== undefined && { cause: String(cause) }) };
  // JSON leaves out what is undefined; a payload came as JSON
  return JSON.stringify({ code, message, retryable, details });
}

/** The failure that {@link writeFailure} wrote. */
export function readFailure(text: string): TransportError {
  const { code, message, retryable, details } = JSON.parse(text) as PlainFailure; // the same version of this package wrote it
  return new TransportError(code, message, retryable, details);
}

/** A connection that fails, as soon as it may, with what the application threw. */
export function toFailing(listener: ConnectionListener, cause: unknown): Connection {
  let isOpen = true;
  const failure = new TransportError('CLIENT_ERROR', String(cause), false, { cause });
  queueMicrotask(() => {
    if (isOpen) listener.closed(failure);
  });
  return {
    start: () => () => {},
    close() {
      isOpen = false;
    },
  };
}

/** The one that holds the connection ends, and another one may be there at once: clients treat it as the restart of a server. */
export function movedOn(message: string): TransportError {
  return new TransportError('CONNECTION_LOST', message, true, { closeCode: 1012 });
}

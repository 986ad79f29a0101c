/**
 * Every way in which something can end badly: the close code on a WebSocket, the status over HTTP,
 * whether the same request may be tried again, and how loudly the server logs it.
 *
 * @remarks
 * Server, client, documentation and conformance suite read this table; nobody decides any of it locally.
 * `closeCode` is absent where the failure never closes a connection, `httpStatus` where it cannot happen
 * over HTTP. `reason` is the text on the wire where the protocol's document fixes one.
 */
export const errorTable = {
  // The connection ends as somebody wished.
  NORMAL_CLOSURE: { closeCode: 1000, reason: 'Normal Closure', retryable: false, log: 'debug' },
  GOING_AWAY: {
    closeCode: 1001,
    httpStatus: 503,
    reason: 'Going away',
    retryable: true,
    log: 'debug',
  },
  SERVICE_RESTART: { closeCode: 1012, reason: 'Service restart', retryable: true, log: 'debug' },

  // The peer broke the transport.
  PROTOCOL_ERROR: { closeCode: 1002, reason: '', retryable: false, log: 'info' },
  MESSAGE_TIMEOUT: {
    closeCode: 1008,
    reason: 'Message took too long',
    retryable: false,
    log: 'warn',
  },
  TOO_MANY_FRAGMENTS: { closeCode: 1008, reason: '', retryable: false, log: 'warn' },
  MESSAGE_TOO_BIG: { closeCode: 1009, httpStatus: 413, reason: '', retryable: false, log: 'info' },
  AT_CAPACITY: {
    closeCode: 1013,
    httpStatus: 503,
    reason: 'Try again later',
    retryable: true,
    log: 'warn',
  },
  SLOW_CONSUMER: { closeCode: 1013, reason: 'Reads too slowly', retryable: true, log: 'warn' },

  // The peer broke the protocol, or is refused by it.
  BAD_RESPONSE: { closeCode: 4004, reason: 'Bad response', retryable: false, log: 'warn' },
  CLIENT_ERROR: {
    closeCode: 4005,
    reason: 'Internal client error',
    retryable: false,
    log: 'error',
  },
  BAD_REQUEST: {
    closeCode: 4400,
    httpStatus: 400,
    draftHttpStatus: 422,
    reason: 'Invalid message received',
    retryable: false,
    log: 'info',
  },
  UNAUTHORIZED: {
    closeCode: 4401,
    httpStatus: 401,
    reason: 'Unauthorized',
    retryable: false,
    log: 'info',
  },
  FORBIDDEN: {
    closeCode: 4403,
    httpStatus: 403,
    reason: 'Forbidden',
    retryable: false,
    log: 'info',
  },
  // A session that had been accepted ends; it is worth coming back with other credentials alone.
  CREDENTIALS_EXPIRED: {
    closeCode: 4403,
    httpStatus: 401,
    reason: 'Credentials expired',
    retryable: false,
    log: 'debug',
  },
  SESSION_REVOKED: {
    closeCode: 4403,
    httpStatus: 403,
    reason: 'Session revoked',
    retryable: false,
    log: 'info',
  },
  CONNECTION_REFUSED: {
    closeCode: 1011,
    httpStatus: 403,
    reason: '',
    retryable: false,
    log: 'info',
  },
  SUBPROTOCOL_NOT_ACCEPTABLE: {
    closeCode: 4406,
    reason: 'Subprotocol not acceptable',
    retryable: false,
    log: 'info',
  },
  INIT_TIMEOUT: {
    closeCode: 4408,
    reason: 'Connection initialisation timeout',
    retryable: true,
    log: 'info',
  },
  PING_TIMEOUT: { closeCode: 4408, reason: 'Ping timeout', retryable: true, log: 'debug' },
  DUPLICATE_OPERATION_ID: {
    closeCode: 4409,
    reason: 'Subscriber already exists',
    retryable: false,
    log: 'info',
  },
  TOO_MANY_INITS: {
    closeCode: 4429,
    reason: 'Too many initialisation requests',
    retryable: false,
    log: 'info',
  },
  TOO_MANY_CONNECTIONS: {
    closeCode: 4429,
    httpStatus: 429,
    reason: 'Too many connections',
    retryable: false,
    log: 'info',
  },
  TOO_MANY_CONTROL_MESSAGES: {
    closeCode: 4400,
    reason: 'Too many control messages',
    retryable: false,
    log: 'warn',
  },
  TERMINATED: { closeCode: 4499, reason: 'Terminated', retryable: true, log: 'debug' },
  ACK_TIMEOUT: {
    closeCode: 4504,
    reason: 'Connection acknowledgement timeout',
    retryable: true,
    log: 'info',
  },
  INTERNAL_SERVER_ERROR: {
    closeCode: 4500,
    httpStatus: 500,
    reason: 'Internal server error',
    retryable: false,
    log: 'error',
  },

  // One operation is refused; the connection and its other operations go on.
  TOO_MANY_OPERATIONS: { httpStatus: 429, retryable: true, log: 'info' },
  RATE_LIMITED: { httpStatus: 429, retryable: true, log: 'info' },
  UNSUPPORTED_OPERATION: { httpStatus: 400, retryable: false, log: 'info' },
  OPERATION_ID_TOO_LONG: { httpStatus: 400, retryable: false, log: 'info' },
  GRAPHQL_PARSE_FAILED: { httpStatus: 400, retryable: false, log: 'debug' },
  GRAPHQL_VALIDATION_FAILED: {
    httpStatus: 400,
    draftHttpStatus: 422,
    retryable: false,
    log: 'debug',
  },
  DOCUMENT_LIMIT_EXCEEDED: { httpStatus: 400, draftHttpStatus: 422, retryable: false, log: 'info' },
  OPERATION_NOT_FOUND: { httpStatus: 400, draftHttpStatus: 422, retryable: false, log: 'debug' },
  BAD_USER_INPUT: { httpStatus: 400, draftHttpStatus: 422, retryable: false, log: 'debug' },
  OPERATION_TOO_EXPENSIVE: { httpStatus: 400, draftHttpStatus: 422, retryable: false, log: 'info' },
  PERSISTED_QUERY_NOT_FOUND: {
    httpStatus: 200,
    draftHttpStatus: 404,
    retryable: false,
    log: 'debug',
  },
  PERSISTED_QUERY_NOT_SUPPORTED: {
    httpStatus: 200,
    draftHttpStatus: 422,
    retryable: false,
    log: 'debug',
  },
  DOCUMENT_NOT_FOUND: { httpStatus: 404, retryable: false, log: 'info' },
  DOCUMENT_NOT_TRUSTED: { httpStatus: 403, retryable: false, log: 'info' },
  SUBSCRIBE_FAILED: { httpStatus: 500, retryable: false, log: 'error' },
  TOPIC_KEY_TOO_LONG: { httpStatus: 400, retryable: false, log: 'info' },
  SOURCE_NEEDS_PROCESS: { retryable: false, log: 'error' },
  RESULT_TOO_BIG: { retryable: false, log: 'warn' },

  // A running subscription ends.
  SOURCE_FAILED: { httpStatus: 500, retryable: true, log: 'error' },
  BUFFER_OVERFLOW: { httpStatus: 503, retryable: true, log: 'warn' },
  EVENTS_LOST: { httpStatus: 410, retryable: true, log: 'warn' },

  // A resumption cannot go on where it stopped.
  RESUME_GAP: { httpStatus: 410, retryable: false, log: 'info' },
  RESUME_EXPIRED: { httpStatus: 410, retryable: false, log: 'info' },
  RESUME_INVALID: { httpStatus: 400, retryable: false, log: 'info' },

  // HTTP alone.
  STREAM_NOT_FOUND: { httpStatus: 404, retryable: false, log: 'debug' },
  STREAM_ALREADY_OPEN: { httpStatus: 409, retryable: false, log: 'debug' },
  OPERATION_ALREADY_EXISTS: { httpStatus: 409, retryable: false, log: 'debug' },
  CALLBACK_NOT_ALLOWED: { httpStatus: 403, retryable: false, log: 'warn' },
  CALLBACK_CHECK_FAILED: { httpStatus: 400, retryable: true, log: 'info' },
  TOO_MANY_RESERVATIONS: { httpStatus: 503, retryable: true, log: 'warn' },
  BODY_NOT_JSON: { httpStatus: 400, retryable: false, log: 'debug' },
  METHOD_NOT_ALLOWED: { httpStatus: 405, retryable: false, log: 'debug' },
  REQUEST_TIMEOUT: { httpStatus: 408, retryable: true, log: 'info' },
  NOT_ACCEPTABLE: { httpStatus: 406, retryable: false, log: 'debug' },
  UNSUPPORTED_MEDIA_TYPE: { httpStatus: 415, retryable: false, log: 'debug' },
  UPLOAD_INVALID: { httpStatus: 400, retryable: false, log: 'debug' },
  UPLOAD_LIMIT_EXCEEDED: { httpStatus: 413, retryable: false, log: 'info' },
  UPLOAD_MISSING: { httpStatus: 400, retryable: false, log: 'debug' },
  UPLOAD_ABORTED: { retryable: true, log: 'debug' },
  UPLOAD_UNREAD: { retryable: false, log: 'info' },
  CROSS_SITE_REQUEST: { httpStatus: 403, retryable: false, log: 'info' },
  NOT_FOUND: { httpStatus: 404, retryable: false, log: 'debug' },

  // What a client finds out by itself.
  CONNECTION_LOST: { retryable: true, log: 'debug' },
  CONNECT_TIMEOUT: { retryable: true, log: 'info' },
  START_TIMEOUT: { retryable: false, log: 'info' },

  // Brokers.
  BROKER_CLOSED: { httpStatus: 503, retryable: true, log: 'warn' },
  BROKER_UNAVAILABLE: { httpStatus: 503, retryable: true, log: 'warn' },
  BROKER_NOT_MIGRATED: { httpStatus: 503, retryable: true, log: 'error' },
  EVENT_NOT_SERIALIZABLE: { httpStatus: 500, retryable: false, log: 'error' },

  // Stateless gateways.
  STORE_UNAVAILABLE: { httpStatus: 503, retryable: true, log: 'error' },
} as const satisfies Record<string, ErrorEntry>;

/** One row of {@link errorTable}. */
export interface ErrorEntry {
  /** RFC 6455 section 7.4 and the private codes of the GraphQL protocols. */
  readonly closeCode?: number;
  readonly httpStatus?: number;
  /** The status in the current draft of GraphQL over HTTP, where it differs. */
  readonly draftHttpStatus?: number;
  /** The close reason, at most 123 bytes of UTF-8; empty where the protocol fixes none. */
  readonly reason?: string;
  readonly retryable: boolean;
  readonly log: 'debug' | 'info' | 'warn' | 'error';
}

/** The stable name of a failure, the `extensions.code` of an error on the wire. */
export type ErrorCode = keyof typeof errorTable;

/** Codes that end a WebSocket connection. */
export type ClosingCode = {
  [Code in ErrorCode]: (typeof errorTable)[Code] extends { readonly closeCode: number }
    ? Code
    : never;
}[ErrorCode];

/** Whether `value` names a row of {@link errorTable}; errors of the host program may carry any code. */
export function isErrorCode(value: unknown): value is ErrorCode {
  return typeof value === 'string' && Object.hasOwn(errorTable, value);
}

/** The row of `code`, with its optional members visible whatever the row. */
export function errorEntry(code: ErrorCode): ErrorEntry {
  return errorTable[code];
}

/** The peer broke a rule: of its protocol, or one of our limits. The connection or the operation ends with {@link ProtocolViolation.code}. */
export class ProtocolViolation extends Error {
  override readonly name = 'ProtocolViolation';
  readonly code: ErrorCode;

  constructor(code: ErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }
}

/** The caller used the library in a way that cannot work; thrown at the call. */
export class UsageError extends Error {
  override readonly name = 'UsageError';
  readonly code = 'USAGE';
}

/** A source or broker failed, or no longer has what was asked for. */
export class SourceError extends Error {
  override readonly name = 'SourceError';
  readonly code: ErrorCode;

  constructor(code: ErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }
}

export {
  ProtocolViolation,
  SourceError,
  UsageError,
  errorEntry,
  errorTable,
  isErrorCode,
} from './errors.ts';
export type { ClosingCode, ErrorCode, ErrorEntry } from './errors.ts';
export type {
  Clock,
  FormattedError,
  FormattedResult,
  Frame,
  Instant,
  OperationRequest,
  Position,
  Protocol,
  StreamProtocol,
  WebSocketProtocol,
} from './vocabulary.ts';

export type { Client, ConnectOptions, HeldConnection, Operations } from './client.ts';
export type { Carrier, ClientOptions } from './client-options.ts';
export { createClient } from './create-client.ts';
export type { Document, DocumentLike, Print, TypedDocument } from './document.ts';
export type {
  Observer,
  OperationHandle,
  OperationOptions,
  OperationResult,
  OperationState,
  OperationStatus,
  Readiness,
  Unsubscribable,
} from './operation-handle.ts';
export type { BufferOptions } from './result-iterator.ts';
export type { Resume, Resumption } from './resumption.ts';
export type { RetryOptions } from './retry.ts';
export type { Signals } from './signals.ts';
export type {
  ClientClock,
  Connection,
  ConnectionListener,
  ConnectionSettings,
  OperationKind,
  Provided,
  ResultSink,
  StartedOperation,
  Transport,
  TransportChoice,
} from './transport.ts';
export { TransportError } from './transport-error.ts';
export type { TransportErrorDetails } from './transport-error.ts';

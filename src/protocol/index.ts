export { toCloseReason } from './close-reason.ts';
export type {
  ClientConnection,
  ClientConnectionOptions,
  ClientConnectionState,
  ClientOperation,
  ClientOutput,
  ConnectionRefusal,
  OperationId,
  ServerConnection,
  ServerConnectionOptions,
  ServerConnectionState,
  ServerOperation,
  ServerOutput,
} from './connection.ts';
export { negotiate, parseSubprotocols } from './negotiation.ts';
export type { Negotiation } from './negotiation.ts';
export { createServerConnection } from './server-connection.ts';
export { TokenBucket } from './token-bucket.ts';
export type { Rate } from './token-bucket.ts';

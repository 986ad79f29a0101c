export { createAppsyncClient } from './appsync/client-connection.ts';
export { protocolsMeant, realtimeSuffix } from './appsync/handshake.ts';
export { byteStringOf, isAscii, toByteString } from './byte-string.ts';
export type { ByteString } from './byte-string.ts';
export {
  encodeComplete as encodeCallbackComplete,
  encodeNext as encodeCallbackNext,
  hasCallback,
  parseCallback,
  withoutVerifier,
} from './callback/codec.ts';
export { CallbackEmitter } from './callback/emitter.ts';
export type {
  EmitterEnd as CallbackEnd,
  EmitterOutput as CallbackOutput,
  Lane as CallbackLane,
  Reply as CallbackReply,
} from './callback/emitter.ts';
export { callbackHeader, callbackMediaType, callbackVersion } from './callback/messages.ts';
export type { CallbackSubscription } from './callback/messages.ts';
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
export { writeErrors } from './errors-payload.ts';
export { createGraphqlTransportWsClient } from './graphql-transport-ws/client-connection.ts';
export {
  encodeClientMessage as encodeGraphqlTransportWsClientMessage,
  encodeServerMessage as encodeGraphqlTransportWsServerMessage,
  parseClientMessage as parseGraphqlTransportWsClientMessage,
  parseServerMessage as parseGraphqlTransportWsServerMessage,
} from './graphql-transport-ws/codec.ts';
export type {
  ClientMessage as GraphqlTransportWsClientMessage,
  ForeignRefusal as GraphqlTransportWsForeignRefusal,
  ServerMessage as GraphqlTransportWsServerMessage,
} from './graphql-transport-ws/messages.ts';
export { PatchTranslator } from './incremental/patch-translator.ts';
export type { IncrementalFormat, IncrementalPayload } from './incremental/payloads.ts';
export { partsFramings } from './multipart/parts-framing.ts';
export { multipartFraming } from './multipart/multipart-framing.ts';
export { MultipartParser } from './multipart/multipart-parser.ts';
export type { MultipartParserOptions, Part } from './multipart/multipart-parser.ts';
export { parseBoundary } from './multipart/parse-boundary.ts';
export { negotiate, parseSubprotocols } from './negotiation.ts';
export type { Negotiation } from './negotiation.ts';
export {
  agreeOnDeflate,
  deflatedHead,
  mostStoredBytes,
  storedBlockBytes,
  withoutFlush,
} from './permessage-deflate.ts';
export type { DeflateAgreement } from './permessage-deflate.ts';
export type { ResponseFraming } from './response-framing.ts';
export { tailOf, toIdText } from './result-envelope.ts';
export type { ResultEnvelope } from './result-envelope.ts';
export { createServerConnection } from './server-connection.ts';
export { withExpiry } from './session-expiry.ts';
export { distinctFraming } from './sse/distinct-framing.ts';
export { EventStreamParser } from './sse/event-stream-parser.ts';
export type { EventStreamParserOptions, IncomingEvent } from './sse/event-stream-parser.ts';
export { comment, encodeEvent } from './sse/event-stream.ts';
export type { OutgoingEvent } from './sse/event-stream.ts';
export { singleFraming } from './sse/single-framing.ts';
export { createSubscriptionsTransportWsClient } from './subscriptions-transport-ws/client-connection.ts';
export {
  encodeClientMessage as encodeSubscriptionsTransportWsClientMessage,
  encodeServerMessage as encodeSubscriptionsTransportWsServerMessage,
  parseClientMessage as parseSubscriptionsTransportWsClientMessage,
  parseServerMessage as parseSubscriptionsTransportWsServerMessage,
} from './subscriptions-transport-ws/codec.ts';
export type {
  ClientMessage as SubscriptionsTransportWsClientMessage,
  ServerMessage as SubscriptionsTransportWsServerMessage,
  Unreadable as SubscriptionsTransportWsUnreadable,
} from './subscriptions-transport-ws/messages.ts';
export { TokenBucket } from './token-bucket.ts';
export type { Rate } from './token-bucket.ts';
export { pingFrame, plainHead, textFrame, textFrameHead } from './websocket-frame.ts';
export { utf8Length } from './utf8-length.ts';

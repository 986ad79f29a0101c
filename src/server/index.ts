export { createServer } from './server.ts';
export type { Server, ServerGauges, ServerState } from './server.ts';
export type {
  CallbackFetch,
  CallbackOptions,
  CallbackResponseLike,
} from './callback/callback-options.ts';
export type { DrainOptions } from './drain.ts';
export type {
  CompressionOptions,
  DeflateSettings,
  RawDeflate,
  SocketCompression,
} from './compression.ts';
export type { ServerCounters } from './counters.ts';
export { refuse } from './refusal.ts';
export type { Refusal } from './refusal.ts';
export type { Revocation, RevocationsOptions } from './sessions/revocation-options.ts';
export { subscriptionField } from './subscription-field.ts';
export type {
  SubscriptionField,
  SubscriptionFieldExtensions,
  SubscriptionFieldOptions,
} from './subscription-field.ts';
export type { EffectiveLimits, Limits } from './limits.ts';
export { createPersistedQueryStore } from './persisted-queries.ts';
export type {
  PersistedQueriesOptions,
  PersistedQueryStore,
  PersistedQueryStoreOptions,
} from './persisted-queries.ts';
export type { TrustedDocumentSource, TrustedDocumentsOptions } from './trusted-documents.ts';
export type {
  ConnectAnswer,
  ConnectEvent,
  CostEvent,
  DisconnectEvent,
  Hooks,
  KeepAliveOptions,
  OperationEvent,
  OperationProtocol,
  ServerOptions,
  SessionEvent,
  SessionMembers,
} from './options.ts';
export type { IncrementalFormat } from '../protocol/index.ts';
export type { DirectInit, DirectSubscription } from './direct.ts';
export type { NotSharedReason, SharedGroup, SharingReport } from './sharing/sharing-report.ts';
export type { ResumeKey, ResumeOptions } from './resume/resume-options.ts';
export type { RequestHead } from './request-head.ts';
export type { AbortSignalLike, HttpRequest } from './http-context.ts';
export type { HttpResponse } from './http-response.ts';
export type { ByteStream, ResponseStream, ResponseStreamEvents } from './response-stream.ts';
export type { ByteTarget, FrameTarget } from './byte-target.ts';
export { GraphQLUpload } from './uploads/upload-scalar.ts';
export type { UploadedFile } from './uploads/uploaded-file.ts';
export type { UploadLimits, UploadOptions } from './uploads/upload-options.ts';
export type { SlowConsumerPolicy } from './slow-consumer.ts';
export type { FrameSocket, MessageSocket, SocketEvents } from './socket.ts';
export type { AcceptedSocket } from './socket-session.ts';
export type { UpgradeDecision } from './upgrade.ts';
export { createCompiledEngine, createReferenceEngine, pure } from '../execution/index.ts';
export type {
  CodegenName,
  CompiledEngine,
  CompiledEngineOptions,
  ExecutionCounters,
  FallbackReason,
  ReferenceEngineOptions,
} from '../execution/index.ts';
export type {
  DocumentLimits,
  ExecutionEngine,
  ExecutionInput,
  ExecutionOutcome,
  IncrementalPart,
  PartErrors,
  Preparation,
  PreparedOperation,
  Purity,
  Refused,
  StartedSubscription,
} from '../execution/index.ts';

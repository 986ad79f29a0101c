export { createCompiledEngine, createReferenceEngine } from './reference-engine.ts';
export type { FallbackReason } from './compiled/compiled-operation.ts';
export type { ExecutionCounters } from './compiled-execution.ts';
export { toEngine } from './engine-name.ts';
export type { EngineName } from './engine-name.ts';
export type { CodegenName } from './codegen-name.ts';
export type {
  CompiledEngine,
  CompiledEngineOptions,
  ReferenceEngineOptions,
} from './reference-engine.ts';
export { createGuardContext } from './guard-context.ts';
export type { GuardContext } from './guard-context.ts';
export { planDeferred } from './defer-plan.ts';
export { withoutParts } from './incremental-delivery.ts';
export { assertSchema } from './prepare.ts';
export { isDeclaredPure, pure, pureInSource } from './pure.ts';
export type {
  Closable,
  DocumentLimits,
  EventExecutor,
  ExecutionEngine,
  ExecutionInput,
  ExecutionOutcome,
  IncrementalPart,
  PartErrors,
  Preparation,
  PreparedOperation,
  Purity,
  Refused,
  ResolvedSubscription,
  StartedSubscription,
} from './types.ts';

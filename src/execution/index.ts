export { createCompiledEngine, createReferenceEngine } from './reference-engine.ts';
export type { CompiledEngine, ReferenceEngineOptions } from './reference-engine.ts';
export { createGuardContext } from './guard-context.ts';
export type { GuardContext } from './guard-context.ts';
export { planDeferred } from './defer-plan.ts';
export { withoutParts } from './incremental-delivery.ts';
export { assertSchema } from './prepare.ts';
export { isDeclaredPure, pure } from './pure.ts';
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

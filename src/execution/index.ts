export { createReferenceEngine } from './reference-engine.ts';
export type { ReferenceEngineOptions } from './reference-engine.ts';
export { assertSchema } from './prepare.ts';
export type {
  DocumentLimits,
  EventExecutor,
  ExecutionEngine,
  ExecutionInput,
  ExecutionOutcome,
  IncrementalPart,
  PartErrors,
  Preparation,
  PreparedOperation,
  Refused,
  ResolvedSubscription,
  StartedSubscription,
} from './types.ts';

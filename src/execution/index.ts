export { createReferenceEngine } from './reference-engine.ts';
export type { ReferenceEngineOptions } from './reference-engine.ts';
export { assertSchema } from './prepare.ts';
export type {
  DocumentLimits,
  ExecutionEngine,
  ExecutionInput,
  ExecutionOutcome,
  IncrementalPart,
  PartErrors,
  Preparation,
  PreparedOperation,
  Refused,
  StartedSubscription,
} from './types.ts';

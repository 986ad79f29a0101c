import { UsageError } from '../errors.ts';
import { createCompiledEngine, createReferenceEngine } from './reference-engine.ts';
import type { DocumentLimits, ExecutionEngine } from './types.ts';

const engines = { compiled: createCompiledEngine, reference: createReferenceEngine } as const;

/** The engines that a server makes itself. */
export type EngineName = keyof typeof engines;

/** The engine that was asked for. @throws UsageError for what is none */
export function toEngine(
  engine: EngineName | ExecutionEngine | undefined,
  limits: DocumentLimits,
): ExecutionEngine {
  if (typeof engine === 'object') return engine;
  const name = engine ?? 'compiled';
  if (Object.hasOwn(engines, name)) return engines[name]({ limits });
  const known = Object.keys(engines).join(', ');
  throw new UsageError(`unknown engine ${JSON.stringify(name)}; known: ${known}, or an engine`);
}

import { UsageError } from '../errors.ts';
import { CodeGenerator } from './compiled/code-generator.ts';

/** How an engine says whether JavaScript is written for what it executes often. */
export type CodegenName = 'auto' | 'never';

/** What that name means. @throws UsageError for what a program without types may pass */
export function toCodeGenerator(name: CodegenName = 'auto'): CodeGenerator | undefined {
  if (name !== 'auto' && name !== 'never') {
    throw new UsageError(`unknown codegen ${JSON.stringify(name)}; known: auto, never`);
  }
  return name === 'auto' ? new CodeGenerator() : undefined;
}

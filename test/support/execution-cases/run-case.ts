import { assertValidSchema, Kind, parse } from 'graphql';
import type { OperationDefinitionNode } from 'graphql';

import type { ExecutionEngine, PreparedOperation } from '../../../src/execution/types.ts';
import { buildSchema } from './build-schema.ts';
import { CallLog } from './call-log.ts';
import { Choices, Fates } from './choices.ts';
import { describeValue } from './describe-value.ts';
import { writeOperation } from './operation-text.ts';
import { planSchema, rootTypes } from './schema-plan.ts';
import type { SchemaPlan } from './schema-plan.ts';
import { ValueMaker } from './value-maker.ts';

/** What a case is made of: decisions about its schema, its operation, and its values. */
export interface CaseNumbers {
  readonly schema: readonly number[];
  readonly operation: readonly number[];
  readonly values: readonly number[];
}

/** How an engine answered. */
export interface CaseRun {
  readonly answers: readonly string[];
  /** What it called, other than below what became null. */
  readonly calls: readonly string[];
}

export interface ExecutionCase {
  readonly text: string;
  run(engine: ExecutionEngine): Promise<CaseRun>;
}

/** A schema, an operation and data for it; each run has its own. */
export function createCase(numbers: CaseNumbers): ExecutionCase {
  const plan = planSchema(new Choices(numbers.schema));
  const { kind, text, variables } = writeOperation(new Choices(numbers.operation), plan);
  const document = parse(text);
  const operation = document.definitions.find(
    (definition): definition is OperationDefinitionNode =>
      definition.kind === Kind.OPERATION_DEFINITION,
  );
  if (!operation) throw new Error('there is one');
  return {
    text,
    run: async (engine) => {
      const log = new CallLog();
      const values = new ValueMaker(new Fates(numbers.values), plan, log);
      const schema = buildSchema(plan, values, log);
      // as whoever prepares an operation does; a schema that was not validated looks otherwise in messages
      assertValidSchema(schema);
      const prepared = { kind, schema, document, operation, isIncremental: false };
      const setting = { engine, prepared, variables, values, log };
      return kind === 'subscription' ? runEvents(setting, plan) : runOnce(setting);
    },
  };
}

interface Setting {
  readonly engine: ExecutionEngine;
  readonly prepared: PreparedOperation;
  readonly variables: Readonly<Record<string, unknown>>;
  readonly values: ValueMaker;
  readonly log: CallLog;
}

async function runOnce({ engine, prepared, variables, values, log }: Setting): Promise<CaseRun> {
  const typeName = rootTypes[prepared.kind];
  const answers: unknown[] = [];
  // the second time with what was kept of the first
  for (const name of ['first', 'second']) {
    const rootValue = values.object(typeName, name);
    answers.push(await engine.execute(prepared, { context: log.context, variables, rootValue }));
    await untilIdle();
    log.note('answered', 'case');
  }
  return toRun(answers, log);
}

async function runEvents(
  { engine, prepared, variables, values, log }: Setting,
  plan: SchemaPlan,
): Promise<CaseRun> {
  const names = plan.fields.get(rootTypes.subscription)?.map(({ name }) => name) ?? [];
  const rootValue = Object.fromEntries(names.map((name) => [name, silence]));
  const started = await engine.subscribe(prepared, { context: log.context, variables, rootValue });
  if (started.kind === 'refused') return toRun([started], log, 'subscription');
  const answers: unknown[] = [];
  for (const name of ['first', 'second', 'third']) {
    answers.push(await started.execute(values.object(rootTypes.subscription, name), log.context));
    await untilIdle();
    log.note('answered', 'case');
  }
  await started.source.close();
  return toRun(answers, log, 'subscription');
}

async function* silence(): AsyncGenerator<never> {}

/** All microtasks are done. */
function untilIdle(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

function toRun(answers: readonly unknown[], log: CallLog, kind?: 'subscription'): CaseRun {
  return {
    answers: answers.map((answer) => describeValue(answer)),
    calls: callsThatMatter(answers, log, kind),
  };
}

/**
 * Those for what is null in the end may come in another order, or not at all: nobody waits for them.
 * And graphql 16 reads the variables of a subscription again for each event, where a plan has them already.
 */
function callsThatMatter(
  answers: readonly unknown[],
  { calls }: CallLog,
  kind?: 'subscription',
): readonly string[] {
  let index = 0;
  const kept: string[] = [];
  for (const { path, about, text } of calls) {
    if (text === 'answered') index += 1;
    const data = dataOf(answers[index]);
    const isKept =
      about === 'input' || about === 'list'
        ? !hasNull(data) && !(about === 'input' && kind === 'subscription')
        : !isBelowNull(data, path) && (about === 'field' || !hasNull(at(data, path)));
    if (isKept) kept.push(text);
  }
  return kept;
}

function dataOf(answer: unknown): unknown {
  const { result, data } = (answer ?? {}) as {
    readonly result?: { readonly data?: unknown };
    readonly data?: unknown;
  };
  return result ? result.data : data;
}

function isBelowNull(data: unknown, path: readonly (string | number)[]): boolean {
  return path.some((_, length) => at(data, path.slice(0, length)) === null);
}

function at(data: unknown, path: readonly (string | number)[]): unknown {
  let value = data;
  for (const key of path) value = (value as Readonly<Record<string | number, unknown>>)?.[key];
  return value;
}

function hasNull(data: unknown): boolean {
  if (typeof data !== 'object' || data === null) return data === null;
  return Object.values(data).some(hasNull);
}

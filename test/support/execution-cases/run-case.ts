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
  /** The data of the answers. */
  readonly data: readonly unknown[];
}

/** Where an operation is aborted. */
export interface AbortPoint {
  /** By the function that is called so. */
  readonly call: string;
  /** How it was answered when it was not. */
  readonly whole: CaseRun;
}

export interface ExecutionCase {
  readonly text: string;
  run(engine: ExecutionEngine, abortPoint?: AbortPoint): Promise<CaseRun>;
}

/** A function of its first execution that may abort an operation; `undefined` if it called none. */
export function chooseAbortPoint(whole: CaseRun, choices: Choices): AbortPoint | undefined {
  const first = whole.calls.slice(0, whole.calls.indexOf('answered'));
  const calls = first.filter((call) => call.includes(' | '));
  return calls.length === 0 ? undefined : { call: choices.of(calls), whole };
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
    run: async (engine, abortPoint) => {
      const controllers = new Controllers();
      const log = new CallLog(abortPoint && ((call) => controllers.hear(call, abortPoint)));
      const values = new ValueMaker(new Fates(numbers.values), plan, log);
      const schema = buildSchema(plan, values, log);
      // as whoever prepares an operation does; a schema that was not validated looks otherwise in messages
      assertValidSchema(schema);
      const prepared = { kind, schema, document, operation, isIncremental: false };
      const whole = abortPoint?.whole.data;
      const setting = { engine, prepared, variables, values, log, controllers, whole };
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
  readonly controllers: Controllers;
  /** The data of the answers, had nothing been aborted. */
  readonly whole: readonly unknown[] | undefined;
}

/** What aborts the operations of a case: once. */
class Controllers {
  #controller = new AbortController();
  #hasAborted = false;

  next(): AbortSignal {
    this.#controller = new AbortController();
    return this.#controller.signal;
  }

  hear(call: string, abortPoint: AbortPoint): void {
    if (this.#hasAborted || call !== abortPoint.call) return;
    this.#hasAborted = true;
    this.#controller.abort('by a function');
  }
}

async function runOnce(setting: Setting): Promise<CaseRun> {
  const { engine, prepared, variables, values, log, controllers } = setting;
  const { context } = log;
  const typeName = rootTypes[prepared.kind];
  const answers: unknown[] = [];
  // the second time with what was kept of the first
  for (const name of ['first', 'second']) {
    const rootValue = values.object(typeName, name);
    const signal = controllers.next();
    answers.push(await engine.execute(prepared, { context, variables, rootValue, signal }));
    await untilIdle();
    log.note('answered', 'case');
  }
  return toRun(answers, setting);
}

async function runEvents(setting: Setting, plan: SchemaPlan): Promise<CaseRun> {
  const { engine, prepared, variables, values, log, controllers } = setting;
  const { context } = log;
  const signal = controllers.next();
  const names = plan.fields.get(rootTypes.subscription)?.map(({ name }) => name) ?? [];
  const rootValue = Object.fromEntries(names.map((name) => [name, silence]));
  const started = await engine.subscribe(prepared, { context, variables, rootValue, signal });
  if (started.kind === 'refused') return toRun([started], setting);
  const answers: unknown[] = [];
  for (const name of ['first', 'second', 'third']) {
    answers.push(await started.execute(values.object(rootTypes.subscription, name), context));
    await untilIdle();
    log.note('answered', 'case');
  }
  await started.source.close();
  return toRun(answers, setting);
}

async function* silence(): AsyncGenerator<never> {}

/** All microtasks are done. */
function untilIdle(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

function toRun(answers: readonly unknown[], { log, prepared, whole }: Setting): CaseRun {
  const data = answers.map(dataOf);
  return {
    answers: answers.map((answer) => describeValue(answer)),
    calls: callsThatMatter(whole ?? data, log, prepared.kind),
    data,
  };
}

/**
 * Those for what is null in the end may come in another order, or not at all: nobody waits for them.
 * And graphql 16 reads the variables of a subscription again for each event, where a plan has them already.
 */
function callsThatMatter(
  answered: readonly unknown[],
  { calls }: CallLog,
  kind: PreparedOperation['kind'],
): readonly string[] {
  let index = 0;
  const kept: string[] = [];
  for (const { path, about, text } of calls) {
    if (text === 'answered') index += 1;
    const data = answered[index];
    const isKept =
      about === 'case' ||
      (about === 'input' || about === 'list'
        ? !hasNull(data) && !(about === 'input' && kind === 'subscription')
        : !isBelowNull(data, path) && (about === 'field' || !hasNull(at(data, path))));
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

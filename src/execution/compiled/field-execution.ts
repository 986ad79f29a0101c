import { defaultFieldResolver } from 'graphql';

import { hole } from './plan.ts';
import type { Container, FieldPlan } from './plan.ts';
import type { Run } from './run.ts';
import { isObjectLike, isThenable, put } from './values.ts';

/** What a resolver gives for a field of `source`. */
export type Resolution = (run: Run, source: unknown) => unknown;

/** For a field whose value is asked for. */
export function compileExecution(field: FieldPlan, resolve: Resolution): FieldPlan['execute'] {
  const { place } = field;
  return (run, source, target) => {
    try {
      settle(run, field, resolve(run, source), target);
    } catch (error) {
      run.failAt(place, error, target);
    }
  };
}

/** For a property that was read. */
export function compileTaking(field: FieldPlan): FieldPlan['take'] {
  const { place } = field;
  return (run, value, source, target) => {
    try {
      const resolved = typeof value === 'function' ? callProperty(run, field, source) : value;
      settle(run, field, resolved, target);
    } catch (error) {
      run.failAt(place, error, target);
    }
  };
}

/** Writes what becomes of the value of a field, or sees to that. */
function settle(
  run: Run,
  { place, responseName }: FieldPlan,
  value: unknown,
  target: Container,
): void {
  if (isThenable(value)) {
    put(target, responseName, null);
    run.await(value, place);
    return;
  }
  const completed = place.complete(run, value);
  put(target, responseName, completed === hole ? null : completed);
}

type Method = (...given: unknown[]) => unknown;

/** The default resolver: a property, or what it returns if it is a function. */
export function compileProperty(field: FieldPlan): Resolution {
  const { name, args: definitions } = field.definition;
  const hasArguments = definitions.length > 0;
  return (run, source) => {
    const args = hasArguments ? run.binding.argumentsUnlessKnown(field) : undefined;
    if (!isObjectLike(source)) return undefined;
    const value = source[name];
    if (typeof value !== 'function') return value;
    return callProperty(run, field, source, args);
  };
}

/** Read again, as the default resolver does. */
function callProperty(
  run: Run,
  field: FieldPlan,
  source: unknown,
  known?: Record<string, unknown>,
): unknown {
  const { definition } = field;
  const args = known ?? run.binding.argumentsOf(field);
  const info = run.infoOf(field);
  const { fieldResolver } = run.binding.parts;
  return definition.resolve || fieldResolver === defaultFieldResolver
    ? ((source as Record<string, Method>)[definition.name] as Method)(args, run.context, info)
    : fieldResolver(source, args, run.context, info);
}

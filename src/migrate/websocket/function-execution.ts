import {
  GraphQLError,
  execute as executeByGraphql,
  subscribe as subscribeByGraphql,
} from 'graphql';
import type { ExecutionResult } from 'graphql';

import { UsageError } from '../../errors.ts';
import type {
  ExecutionInput,
  ExecutionOutcome,
  PreparedOperation,
  Refused,
  ResolvedSubscription,
} from '../../execution/index.ts';
import { refuse } from '../../execution/refusal.ts';
import { rootFieldOf } from '../../execution/root-field.ts';
import { iterableStream } from '../../stream/iterable-stream.ts';
import type { FacadeOperation, OperationFunction } from './facade-operation.ts';
import { isAsyncIterable, resolveResults } from './result-stream.ts';
import type { ErrorView } from './shown-errors.ts';
import { messageOf } from './shown-errors.ts';

/** Runs a query or mutation by a function of the program; graphql-js's own without one. */
export async function executeByFunction(
  operation: FacadeOperation,
  input: ExecutionInput,
  { view, own }: { readonly view: ErrorView; readonly own: OperationFunction | undefined },
): Promise<ExecutionOutcome> {
  try {
    const execute = own ?? (executeByGraphql as OperationFunction);
    const result = await run(operation, input, execute);
    if (!isAsyncIterable(result))
      return { kind: 'result', result: view.result(format(operation, result)) };
    await result[Symbol.asyncIterator]().return?.();
    throw new Error(
      'execute gave a stream of results; leave the function out, and Millrace executes @defer and @stream',
    );
  } catch (error) {
    return refuse('INTERNAL_SERVER_ERROR', [toGraphQLError(error)]);
  }
}

/** The result that says what is wrong with a document, as any other. */
export function answerRefused(
  operation: FacadeOperation,
  errors: readonly GraphQLError[],
  view: ErrorView,
): ExecutionOutcome {
  return { kind: 'result', result: view.result(format(operation, { errors })) };
}

/** Starts a subscription by a function of the program; graphql-js's own without one. */
export async function subscribeByFunction(
  operation: FacadeOperation,
  { prepared, input }: { readonly prepared: PreparedOperation; readonly input: ExecutionInput },
  { view, own }: { readonly view: ErrorView; readonly own: OperationFunction | undefined },
): Promise<ResolvedSubscription | Refused> {
  const { formatFailure } = operation.orders;
  try {
    const { definition } = rootFieldOf(prepared);
    const subscribe = own ?? (subscribeByGraphql as OperationFunction);
    const result = await run(operation, input, subscribe);
    const formatted = isAsyncIterable(result)
      ? formatEach(operation, result)
      : single(format(operation, result));
    const failure = formatFailure
      ? (error: unknown) => view.failure(formatFailure(error))
      : view.failure;
    return resolveResults(definition, iterableStream(formatted), { ...view, failure });
  } catch (error) {
    return refuse('INTERNAL_SERVER_ERROR', [toGraphQLError(error)]);
  }
}

async function run(
  { args, orders }: FacadeOperation,
  { context }: ExecutionInput,
  call: OperationFunction,
): Promise<ExecutionResult | AsyncIterable<ExecutionResult>> {
  if (!args) throw new UsageError('an operation that was prepared has arguments');
  // not a copy: functions and hooks may tell each other things by it
  args.contextValue = context;
  const result = await call(args);
  return (await orders.onResult?.(args, result)) ?? result;
}

function format({ orders }: FacadeOperation, result: ExecutionResult): ExecutionResult {
  return orders.formatResult?.(result) ?? result;
}

/** Not by a generator: leaving one that waits for a result has to wait for that. */
function formatEach(
  operation: FacadeOperation,
  results: AsyncIterable<ExecutionResult>,
): AsyncIterable<ExecutionResult> {
  if (!operation.orders.formatResult) return results;
  return {
    [Symbol.asyncIterator]() {
      const iterator = results[Symbol.asyncIterator]();
      return {
        async next() {
          const result = await iterator.next();
          return result.done === true
            ? result
            : { done: false, value: format(operation, result.value) };
        },
        async return() {
          return (await iterator.return?.()) ?? { done: true, value: undefined };
        },
      };
    },
  };
}

/** @yields one result, then the end */
export async function* single(result: ExecutionResult): AsyncGenerator<ExecutionResult> {
  yield result;
}

function toGraphQLError(error: unknown): GraphQLError {
  if (error instanceof GraphQLError) return error;
  const originalError = error instanceof Error ? error : new Error(messageOf(error));
  return new GraphQLError(originalError.message, { originalError });
}

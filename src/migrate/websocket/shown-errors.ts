import { GraphQLError } from 'graphql';
import type { ExecutionResult } from 'graphql';

import { SourceError } from '../../errors.ts';
import type { EventExecutor, StartedSubscription } from '../../execution/index.ts';
import type { SourceReader } from '../../stream/source.ts';

/** Makes errors such that a server which hides what is no `GraphQLError` shows them, as graphql-js writes them. */
export interface ErrorView {
  readonly result: (result: ExecutionResult) => ExecutionResult;
  readonly failure: (error: unknown) => unknown;
}

/** Leaves errors alone, for the server to hide. */
export const masked: ErrorView = { result: (result) => result, failure: (error) => error };

/** Shows them all. */
export const shown: ErrorView = {
  result: (result) =>
    result.errors === undefined ? result : { ...result, errors: result.errors.map(show) },
  // those of our own say what happened, with their code
  failure: (error) => (error instanceof SourceError ? error : show(error)),
};

/** The same error without the one that it was made of: that is what makes it the host program's own. */
function show(error: unknown): GraphQLError {
  if (!(error instanceof GraphQLError)) return new GraphQLError(messageOf(error));
  // of one of our own the server says more, with its code
  if (!error.originalError || error.originalError instanceof SourceError) return error;
  const { message, nodes, source, positions, path, extensions } = error;
  return new GraphQLError(message, {
    nodes: nodes ?? null,
    source: source ?? null,
    positions: positions ?? null,
    path: path ?? null,
    extensions,
  });
}

/** Whatever was thrown, as text. */
export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

/** What executes events, with the errors of its results as `view` has them. */
export function viewed(executor: EventExecutor, view: ErrorView): EventExecutor {
  return {
    execute(event, context) {
      const result = executor.execute(event, context);
      return result instanceof Promise ? result.then(view.result) : view.result(result);
    },
    failEvent: (error) => view.result(executor.failEvent(error)),
  };
}

/** The same for a subscription, and the failure of its source. */
export function viewedStart(started: StartedSubscription, view: ErrorView): StartedSubscription {
  return { ...started, ...viewed(started, view), source: viewedReader(started.source, view) };
}

function viewedReader(reader: SourceReader<unknown>, view: ErrorView): SourceReader<unknown> {
  return {
    async read() {
      try {
        return await reader.read();
      } catch (error) {
        throw view.failure(error);
      }
    },
    close: () => reader.close(),
    [Symbol.asyncIterator]: () => reader[Symbol.asyncIterator](),
  };
}

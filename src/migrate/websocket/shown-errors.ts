import { GraphQLError } from 'graphql';
import type { ExecutionResult, GraphQLErrorExtensions, GraphQLFormattedError } from 'graphql';

import { SourceError } from '../../errors.ts';
import type { EventExecutor, StartedSubscription } from '../../execution/index.ts';
import type { SourceReader } from '../../stream/source.ts';

/** Makes errors such that a server which hides what is no `GraphQLError` shows them, as graphql-js writes them. */
export interface ErrorView {
  readonly result: (result: ExecutionResult) => ExecutionResult;
  readonly failure: (error: unknown) => unknown;
}

/** Leaves errors alone, for the server to hide. */
export const masked: ErrorView = { result: withoutNull, failure: (error) => error };

/** Shows them all. */
export const shown: ErrorView = {
  // functions of a program may give errors that are written already
  result: (result) =>
    result?.errors ? { ...result, errors: result.errors.map(showInResult) } : withoutNull(result),
  // those of our own say what happened, with their code
  failure: (error) => (error instanceof SourceError ? error : show(error)),
};

/** Functions of a program may say null for no errors, as some servers that they ask do. */
function withoutNull(result: ExecutionResult): ExecutionResult {
  const given: { readonly errors?: unknown } | null = result; // nor need there be a result
  if (given?.errors !== null) return result;
  const { errors: _none, ...rest } = result;
  return rest;
}

function showInResult(error: unknown): GraphQLError {
  const isWritten = typeof error === 'object' && error !== null && !(error instanceof Error);
  return isWritten ? new WrittenError(messageOf(error), error) : show(error);
}

/** What says the same, and is nobody's own: neither of the class that the host program gave it nor made of another error. */
function show(error: unknown): GraphQLError {
  if (!(error instanceof GraphQLError))
    return new GraphQLError(messageOf(error), { extensions: extensionsOf(error) });
  // of one of our own the server says more, with its code
  if (error.originalError instanceof SourceError) return error;
  if (!error.originalError && error.name === 'GraphQLError') return error;
  return new WrittenError(error.message, error.toJSON());
}

/** An error that clients see as somebody else has written it. */
class WrittenError extends GraphQLError {
  readonly #written: object;

  constructor(message: string, written: object) {
    super(message);
    this.#written = written;
  }

  override toJSON(): GraphQLFormattedError {
    return this.#written as GraphQLFormattedError; // whoever wrote it says so
  }
}

/** As graphql-js takes them from what an error was made of. */
function extensionsOf(error: unknown): GraphQLErrorExtensions | null {
  const { extensions } = (error ?? {}) as { readonly extensions?: unknown }; // anything but null and undefined has properties
  return typeof extensions === 'object' ? (extensions as GraphQLErrorExtensions | null) : null;
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

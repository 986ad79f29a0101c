import type { ExecutionResult } from 'graphql';
import { GraphQLError } from 'graphql';

import type { ErrorCode } from '../errors.ts';
import { SourceError } from '../errors.ts';
import type { IncrementalPart, PartErrors } from '../execution/index.ts';
import type { IncrementalPayload } from '../protocol/index.ts';
import type { FormattedError, FormattedResult } from '../vocabulary.ts';

/** Learns of each failure that clients do not see. */
export type InternalErrorReporter = (error: unknown, where: string) => void;

/** Turns errors into what a client may see of them. Never throws, whatever was thrown. */
export interface Masking {
  /** The error of a hook, a source or anything else of the host program. */
  error(error: unknown, where: string, code?: ErrorCode): FormattedError;
  result(result: ExecutionResult): FormattedResult;
  part(part: IncrementalPart): IncrementalPayload;
}

interface FormattedErrors {
  readonly errors?: readonly FormattedError[];
}

/** Whether somebody threw it to be seen. Two copies of graphql in one process have two classes. */
function isMeantForClients(error: unknown): error is GraphQLError {
  if (!(error instanceof Error) || error.name !== 'GraphQLError') return false;
  const { originalError: original, toJSON } = error as Partial<GraphQLError>; // the name says that it is one
  if (typeof toJSON !== 'function') return false; // but anyone may use that name
  return original === undefined || original === null || isMeantForClients(original);
}

const hiddenMessage = 'Internal server error';

function formatHidden(error: unknown, code: ErrorCode): FormattedError {
  return { ...placeOf(error), message: hiddenMessage, extensions: { code } };
}

/** Where in document and response it happened, as far as that is known. */
function placeOf(error: unknown): Pick<FormattedError, 'locations' | 'path'> {
  const { locations, path } = error instanceof GraphQLError ? error.toJSON() : {};
  return { ...(locations && { locations }), ...(path && { path }) };
}

function formatOpenly(error: unknown, code: ErrorCode): FormattedError {
  if (error instanceof GraphQLError) {
    return { ...error.toJSON(), extensions: { code, ...error.extensions } };
  }
  return { message: error instanceof Error ? error.message : String(error), extensions: { code } };
}

/**
 * Masks what is no `GraphQLError`, and keeps message, locations, path and extensions of what is one.
 *
 * @remarks
 * Errors of our own that concern a client (`SourceError`: lost events, an overflowing buffer) are shown with their code.
 */
export function createMasking(hides: boolean, report: InternalErrorReporter): Masking {
  const formatAny = (error: unknown, where: string, code: ErrorCode): FormattedError => {
    if (isMeantForClients(error)) return error.toJSON();
    const cause = error instanceof GraphQLError ? error.originalError : error;
    if (cause instanceof SourceError)
      return { ...placeOf(error), message: cause.message, extensions: { code: cause.code } };
    report(error instanceof GraphQLError ? (error.originalError ?? error) : error, where);
    return hides ? formatHidden(error, code) : formatOpenly(error, code);
  };
  const format: typeof formatAny = (error, where, code) => {
    try {
      return formatAny(error, where, code);
    } catch (failure) {
      report(failure, where); // a getter or `toJSON` of what was thrown
      return { message: hiddenMessage, extensions: { code } };
    }
  };
  const formatErrors = <Holder extends PartErrors>(
    holder: Holder,
  ): Omit<Holder, 'errors'> & FormattedErrors => {
    const { errors, ...rest } = holder;
    if (errors === undefined) return rest;
    return {
      ...rest,
      errors: errors.map((error) => format(error, 'resolver', 'INTERNAL_SERVER_ERROR')),
    };
  };
  return {
    error: (error, where, code = 'INTERNAL_SERVER_ERROR') => format(error, where, code),
    // an event without errors is passed on as it is: this is the path of every event
    result: (result) =>
      result.errors === undefined ? (result as FormattedResult) : formatErrors(result),
    part: ({ incremental, completed, ...part }) => ({
      ...formatErrors(part),
      ...(incremental && { incremental: incremental.map(formatErrors) }),
      ...(completed && { completed: completed.map(formatErrors) }),
    }),
  };
}

/** Writes to the console of the runtime: an error that nobody sees is worse than a noisy one. */
export const reportToConsole: InternalErrorReporter = (error, where) => {
  // eslint-disable-next-line no-console -- the default for programs that gave no `onInternalError`
  console.error(`millrace: ${where} failed:`, error);
};

/** Wraps the host's reporter so that one that throws cannot end the process. */
export function createReporter(
  report: InternalErrorReporter = reportToConsole,
): InternalErrorReporter {
  return (error, where) => {
    try {
      report(error, where);
    } catch (failure) {
      reportToConsole(failure, 'onInternalError');
    }
  };
}

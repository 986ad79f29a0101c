import { Inbox } from '../../support/waiting.ts';

/** What a client tells the program about one operation. */
export type OperationReport<Result> =
  | { readonly kind: 'next'; readonly result: Result }
  | { readonly kind: 'error'; readonly error: unknown }
  | { readonly kind: 'complete' };

/** A sink as most clients want it, and what came into it. */
export interface RecordedOperation<Result> {
  readonly reports: Inbox<OperationReport<Result>>;
  readonly next: (result: Result) => void;
  readonly error: (error: unknown) => void;
  readonly complete: () => void;
}

/** Makes the observer for one operation. */
export function recordOperation<Result = unknown>(name = 'operation'): RecordedOperation<Result> {
  const reports = new Inbox<OperationReport<Result>>(`a report about the ${name}`);
  return {
    reports,
    next: (result) => reports.push({ kind: 'next', result }),
    error: (error) => reports.push({ kind: 'error', error }),
    complete: () => reports.push({ kind: 'complete' }),
  };
}

/** The report of a result. */
export function next<Result>(result: Result): OperationReport<Result> {
  return { kind: 'next', result };
}

/** The report of a failure. */
export function failed(error: unknown): OperationReport<never> {
  return { kind: 'error', error };
}

/** The report of an end. */
export const completed: OperationReport<never> = { kind: 'complete' };

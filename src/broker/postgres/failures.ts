import { SourceError } from '../../errors.ts';

/** What a statement that failed means for whoever wanted it. */
export type Failure =
  /** Nobody knows whether it happened: the connection broke. */
  | 'unknown'
  /** It did not happen, and may happen if it is tried again. */
  | 'again'
  /** It did not happen: a transaction that is not over has published with the same id. */
  | 'taken'
  /** It did not happen: something in it cannot be stored. */
  | 'content'
  /** It did not happen, and will not before somebody does something about it. */
  | 'refused';

/** The code of an error of our own. */
export const idTaken = 'MR001';

/** Classes of errors, the first two characters of their codes, and single codes; the longer one counts. */
const failures: Readonly<Record<string, Failure>> = {
  '08': 'unknown',
  '57': 'unknown', // ended by an administrator, or starting
  '57014': 'again', // too slow
  '40': 'again', // serialisation and deadlocks
  '53': 'again', // too many connections, no memory, no disk
  '55': 'again', // somebody holds the lock
  [idTaken]: 'taken',
  P0002: 'again', // the event with the id was removed meanwhile
  '25006': 'again', // a standby, which may become the primary
  '22': 'content',
  '23': 'content',
  '54': 'content',
};

export function failureOf(error: unknown): Failure {
  const code = codeOf(error);
  if (code === undefined) return 'unknown';
  return failures[code] ?? failures[code.slice(0, 2)] ?? 'refused';
}

/** The table, or one of its functions, is not there. */
export function isMissing(error: unknown): boolean {
  const code = codeOf(error) ?? '';
  return ['42P01', '42883', '3F000', '42703'].includes(code);
}

/** What callers are told. */
export function toSourceError(message: string, cause: unknown): SourceError {
  if (cause instanceof SourceError) return cause;
  return isMissing(cause) ? notMigrated(cause) : unavailable(message, cause);
}

export function unavailable(message: string, cause?: unknown): SourceError {
  return new SourceError('BROKER_UNAVAILABLE', message, { cause });
}

export function notMigrated(cause?: unknown): SourceError {
  return new SourceError(
    'BROKER_NOT_MIGRATED',
    'the table of events is missing or of another version: run the SQL of `postgresMigration()`',
    { cause },
  );
}

export function notStorable(cause: unknown): SourceError {
  return new SourceError('EVENT_NOT_SERIALIZABLE', 'PostgreSQL cannot store the event', { cause });
}

export function brokerClosed(): SourceError {
  return new SourceError('BROKER_CLOSED', 'the postgres broker was closed');
}

/** The five characters of an error that PostgreSQL answered with; errors of sockets have other codes. */
function codeOf(error: unknown): string | undefined {
  if (!(error instanceof Error) || !('code' in error) || !('severity' in error)) return undefined;
  return typeof error.code === 'string' ? error.code : undefined;
}

import type { FixtureServer } from '../../support/fixture-server.ts';
import { recordOperation } from './recorded-operation.ts';
import type { OperationReport, RecordedOperation } from './recorded-operation.ts';
import type { Inbox } from '../../support/waiting.ts';

/** A client library in one of the ways in which it reaches a server; one row of the matrix. */
export interface ClientUnderTest {
  /** Its package on npm. */
  readonly packageName: string;
  /** What of the package is used, if that needs saying. */
  readonly part?: string;
  /** What carries its subscriptions. */
  readonly transport: string;
  /** Whether it finds the next server on the port by itself when its server goes, and goes on there. */
  readonly resumes: boolean;
  /** Where the library itself does something of its own, by the column of the matrix. */
  readonly peculiarities?: Readonly<Record<string, Peculiarity>>;
  /** A client that ends with the test. */
  connect(server: FixtureServer): ConnectedClient;
}

/** What a program sees in place of the ordinary. */
export interface Peculiarity {
  /** A word for the matrix. */
  readonly outcome: string;
  /** A sentence for those who read the matrix. */
  readonly note: string;
  readonly observed: unknown;
  /** In place of what the others are asked, where it would wait in vain. */
  readonly observe?: (trial: Trial) => Promise<unknown>;
}

/** One client at one server, and nobody else there. */
export interface Trial {
  readonly server: FixtureServer;
  readonly client: ConnectedClient;
  readonly resumes: boolean;
}

export interface ConnectedClient {
  subscribe(query: string, variables?: Variables): RunningSubscription;
  /** Everything that the program sees of a query or a mutation. */
  execute(query: string, variables?: Variables): Promise<readonly SeenReport[]>;
  /** What it is told about its connection, if that is told apart from operations. */
  readonly refusals?: Inbox<string>;
}

export type Variables = Readonly<Record<string, unknown>>;

export interface RunningSubscription {
  readonly reports: Inbox<SeenReport>;
  readonly unsubscribe: () => void;
}

/** What a program sees of a result: its data, and what its errors say. */
export interface SeenResult {
  readonly data?: unknown;
  readonly errors?: readonly string[];
}

/** A failure is told by what its errors say, whatever their class. */
export type SeenReport = OperationReport<SeenResult>;

interface WithMessage {
  readonly message: string;
}

/** What a library calls a result. */
export interface LibraryResult {
  readonly data?: unknown;
  readonly errors?: readonly WithMessage[] | undefined;
}

/** A sink for what a library says, and what a program sees of it. */
export interface SeenOperation extends Omit<RecordedOperation<LibraryResult>, 'reports'> {
  readonly reports: Inbox<SeenReport>;
}

/** Records what a library says, in the words that all have in common. */
export function recordSeen(): SeenOperation {
  const operation = recordOperation<SeenResult>();
  return {
    ...operation,
    next: (result) => operation.next(toSeen(result)),
    error: (error) => operation.error(toMessages(error)),
  };
}

/** `__typename` is what some clients ask for on their own account. */
export function toSeen({ data, errors }: LibraryResult): SeenResult {
  return {
    ...(data !== undefined && data !== null && { data: withoutTypeNames(data) }),
    ...(errors && errors.length > 0 && { errors: errors.map(({ message }) => message) }),
  };
}

function withoutTypeNames(data: unknown): unknown {
  return JSON.parse(
    JSON.stringify(data, (key, value: unknown) => (key === '__typename' ? undefined : value)),
  );
}

/** Libraries fail with errors, lists of GraphQL errors, close events, or one GraphQL error. */
export function toMessages(error: unknown): readonly string[] {
  if (Array.isArray(error)) return error.flatMap((one: unknown) => toMessages(one));
  if (typeof error === 'object' && error !== null) {
    if ('code' in error && 'reason' in error) return [`closed with ${String(error.code)}`];
    if ('message' in error) return [String(error.message)];
  }
  return [String(error)];
}

/** Everything about an operation until it ended. */
export async function toEnd(reports: Inbox<SeenReport>): Promise<readonly SeenReport[]> {
  const seen: SeenReport[] = [];
  for (;;) {
    const report = await reports.next();
    seen.push(report);
    if (report.kind !== 'next') return seen;
  }
}

/** For libraries whose queries are operations like all others. */
export function executeBySubscribing(
  subscribe: ConnectedClient['subscribe'],
): ConnectedClient['execute'] {
  return async (query, variables) => {
    const seen = await toEnd(subscribe(query, variables).reports);
    return seen.filter(({ kind }) => kind !== 'complete');
  };
}

/** Feeds what an iteration yields into the record of an operation; ending it is up to the caller. */
export async function drainInto(
  results: AsyncIterable<LibraryResult>,
  operation: SeenOperation,
): Promise<void> {
  try {
    for await (const result of results) operation.next(result);
    operation.complete();
  } catch (error) {
    operation.error(error);
  }
}

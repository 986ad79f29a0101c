import type { FormattedError } from '../../vocabulary.ts';
import type { ResultText } from '../result-text.ts';
import type { ResumeMark } from '../resume/resume-subject.ts';

/** Events that an operation should have had, and never gets. */
export interface Loss {
  /** Where it goes on, strictly after; `undefined` if nobody can come back there. */
  readonly mark: ResumeMark | undefined;
  /** What those are told who cannot be told of a gap. */
  readonly errors: readonly FormattedError[];
}

/** The operation behind a member. */
export interface Recipient {
  /** Of its operation: for events that cannot be executed for all. */
  readonly context: unknown;
  /** Whether it goes on when events are lost, because its client can be told. */
  readonly hearsOfLosses: boolean;
  deliver(result: ResultText): void;
  /** Delivers results that follow each other. */
  deliverAll(results: readonly ResultText[]): void;
  /** Results are missing before those that follow; whoever cannot be told so ends. */
  lost(loss: Loss): void;
  /** Everything up to `mark` was for others: whoever comes back need not begin before it. */
  passed(mark: ResumeMark | undefined): void;
  /** The source failed: nothing follows. */
  fail(errors: readonly FormattedError[]): void;
  /** The source ended: nothing follows. */
  complete(): void;
}

/** How a source ended. */
export type SourceEnd =
  | { readonly kind: 'completed' }
  | { readonly kind: 'failed'; readonly errors: readonly FormattedError[] };

/** Tells a recipient how its source ended. */
export function tellEnd(recipient: Recipient, end: SourceEnd): void {
  if (end.kind === 'failed') recipient.fail(end.errors);
  else recipient.complete();
}

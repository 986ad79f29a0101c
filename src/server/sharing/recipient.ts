import type { FormattedError } from '../../vocabulary.ts';
import type { ResultText } from '../result-text.ts';

/** The operation behind a member. */
export interface Recipient {
  /** Of its operation: for events that cannot be executed for all. */
  readonly context: unknown;
  deliver(result: ResultText): void;
  /** Delivers results that follow each other. */
  deliverAll(results: readonly ResultText[]): void;
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

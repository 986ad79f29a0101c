import type { FormattedError } from '../vocabulary.ts';

/**
 * How the results of one operation are written into one HTTP response, as text.
 *
 * @remarks
 * Pure and without state, so that one text serves everybody who gets the same result.
 */
export interface ResponseFraming {
  readonly contentType: string;
  /** Sent at once, before the first result. */
  readonly opening: string;
  /** Sent while there is nothing else to send. */
  readonly heartbeat: string;
  /** One result, from its JSON text. */
  result(resultText: string): string;
  /** The end, after the last result. */
  complete(): string;
  /** Request errors, or the failure of the source, and the end. */
  error(errors: readonly FormattedError[]): string;
}

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
  /** Sent while there is nothing else to send; empty where that would mean something. */
  readonly heartbeat: string;
  /**
   * One result, from its JSON text.
   *
   * @param id - what a reader sends back when it reconnects, where the framing has a place for it
   */
  result(resultText: string, id?: string): string;
  /**
   * Says where the stream stands without a result; absent where the framing has no place for that.
   *
   * @param report - JSON for a reader that came back, or nothing
   */
  position?(id: string | undefined, report: string): string;
  /** The end, after the last result. */
  complete(): string;
  /** Request errors, or the failure of the source, and the end. */
  error(errors: readonly FormattedError[]): string;
  /** Whether there is no place for errors: a stream that fails is cut off. @defaultValue false */
  readonly failsByCut?: boolean;
}

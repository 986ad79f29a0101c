import type { EntryReader } from './entry-reader.ts';
import type { Position } from '../vocabulary.ts';
import type { SourceStep } from './source-steps.ts';
import type { SourceIdentity } from './types.ts';

/** Versioned: two copies of the package share sources only if they mean the same by it. */
export const sharableBrand: unique symbol = Symbol.for('millrace.sharable-source.1');

/**
 * A source whose log can be read once for many subscribers.
 *
 * @remarks
 * Those with equal {@link SharableSource.identity} read the same log and apply the same maps; filters and snapshots are each one's own.
 */
export interface SharableSource {
  readonly [sharableBrand]: true;
  readonly identity: SourceIdentity;
  /** Everything that was added to the source, in order. */
  readonly steps: readonly SourceStep[];
  /** The position that the source stands for, where that is known without opening it. */
  readonly startPosition?: Position | undefined;
  /** Without any of the steps: it holds nothing that belongs to one subscriber. */
  readonly log: SharableLog;
}

/** What a source reads. */
export interface SharableLog {
  /**
   * Starts to read from the position that the source stands for.
   *
   * @param after - instead of that; if the log cannot go on there, the reader says so and begins at the head
   */
  open(after?: Position): Promise<EntryReader>;
}

/** Whether `source` can be shared, which only sources over a log can. */
export function isSharable<Source extends object>(
  source: Source,
): source is Source & SharableSource {
  return sharableBrand in source;
}

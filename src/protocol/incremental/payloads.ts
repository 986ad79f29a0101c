import type { FormattedError, FormattedResult } from '../../vocabulary.ts';

/**
 * How an answer in parts is written, after the parameter by which clients ask for it.
 *
 * @remarks
 * `incrementalSpec=v0.2` announces each part before it comes (`pending`, `completed`); `deferSpec=20220824` has patches that name their place.
 */
export type IncrementalFormat = 'incrementalSpec=v0.2' | 'deferSpec=20220824';

/** A place in a response: names of fields and indices of lists, from the root. */
export type ResponsePath = readonly (string | number)[];

/** One payload of `incrementalSpec=v0.2`: `data` in the first, `hasNext: false` in the last. */
export interface IncrementalPayload extends FormattedResult {
  readonly hasNext: boolean;
  readonly pending?: readonly PendingPart[];
  readonly incremental?: readonly IncrementalEntry[];
  readonly completed?: readonly CompletedPart[];
}

/** A fragment or the rest of a list that will come. */
export interface PendingPart {
  readonly id: string;
  readonly path: ResponsePath;
  readonly label?: string;
}

/** Fields for an object, or items for a list that was announced. */
export interface IncrementalEntry {
  readonly id: string;
  readonly data?: Readonly<Record<string, unknown>>;
  /** From the place that was announced to that of `data`. */
  readonly subPath?: ResponsePath;
  readonly items?: readonly unknown[];
  readonly errors?: readonly FormattedError[];
}

/** The end of what was announced, with errors if it failed as a whole. */
export interface CompletedPart {
  readonly id: string;
  readonly errors?: readonly FormattedError[];
}

/** One payload of `deferSpec=20220824`. */
export interface PatchPayload extends FormattedResult {
  readonly hasNext: boolean;
  readonly incremental?: readonly Patch[];
}

/** A deferred fragment, or items of a list; `null` if it failed as a whole. */
export type Patch = { readonly label?: string; readonly errors?: readonly FormattedError[] } & (
  | { readonly data: Readonly<Record<string, unknown>> | null; readonly path: ResponsePath }
  /** The path ends with the index of the first item. */
  | { readonly items: readonly unknown[] | null; readonly path: ResponsePath }
);

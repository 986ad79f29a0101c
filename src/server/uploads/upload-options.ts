import { UsageError } from '../../errors.ts';
import { givenNumbers } from '../limits.ts';

/** Files that come with operations, as the GraphQL multipart request specification has them; `Infinity` lifts a limit. */
export interface UploadOptions extends Partial<UploadLimits> {
  /**
   * Headers of which a request with a form needs one, whatever its value: no page of another site can send them without asking first. An empty list
   * asks for none; then cookies must not be what tells a user.
   *
   * @defaultValue `['graphql-require-preflight', 'apollo-require-preflight', 'x-apollo-operation-name', 'graphql-preflight']`
   */
  readonly preflightHeaders?: readonly string[];
}

/** The bounds of one request with files. */
export interface UploadLimits {
  /** Size of one file; its reader gets the error. */
  readonly fileBytes: number;
  /** Files of one request; answered with status 413. */
  readonly files: number;
  /** Size of the whole body; answered with status 413, once it is executed with an error for every file that is left. */
  readonly totalBytes: number;
  /** Size of `operations` and of `map`; answered with status 413. */
  readonly fieldBytes: number;
  /** Places of all files in the variables; answered with status 413. */
  readonly paths: number;
  /** Time from the head to the last byte of the request; answered with status 408, once it is executed with an error for every file that is left. */
  readonly completeMs: number;
  /** What is held of files that nobody reads yet, and again as much of files that stand in several places. */
  readonly bufferBytes: number;
  /** How long a file that nobody reads may hold up those behind it. */
  readonly unreadMs: number;
}

/** The defaults of {@link UploadLimits}. */
export const defaultUploadLimits = {
  fileBytes: 10_485_760,
  files: 20,
  totalBytes: 52_428_800,
  fieldBytes: 1_048_576,
  paths: 100,
  completeMs: 120_000,
  bufferBytes: 1_048_576,
  unreadMs: 30_000,
} as const satisfies UploadLimits;

const defaultPreflightHeaders = [
  'graphql-require-preflight',
  'apollo-require-preflight',
  'x-apollo-operation-name',
  'graphql-preflight',
] as const;

/** What is accepted of requests with files. */
export interface EffectiveUploads {
  readonly limits: UploadLimits;
  /** In lower case. */
  readonly preflightHeaders: readonly string[];
}

/** Puts the defaults under `options`; `undefined` where there are no uploads. Throws {@link UsageError} for what is no limit. */
export function toEffectiveUploads(
  options: UploadOptions | boolean | undefined,
): EffectiveUploads | undefined {
  if (options === undefined || options === false) return undefined;
  const { preflightHeaders = defaultPreflightHeaders, ...limits } = options === true ? {} : options;
  const unknown = Object.keys(limits).find((name) => !Object.hasOwn(defaultUploadLimits, name));
  if (unknown !== undefined) throw new UsageError(`uploads.${unknown} is no option`);
  return {
    limits: { ...defaultUploadLimits, ...givenNumbers('uploads', limits) },
    preflightHeaders: preflightHeaders.map((name) => name.toLowerCase()),
  };
}

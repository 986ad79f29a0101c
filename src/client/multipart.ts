import type { IncrementalFormat } from '../protocol/incremental/payloads.ts';
import type { FileOptions, StreamOptions } from './transports/fetch-options.ts';
import { createFetchTransport } from './transports/fetch-transport.ts';
import { createMultipartFormat } from './transports/multipart-format.ts';
import type { Transport } from './transport.ts';

export type { IncrementalFormat } from '../protocol/incremental/payloads.ts';
export type { FetchLike, Form, ResponseLike, Uploads } from './transports/fetch-options.ts';

/** Options of {@link multipart}. */
export interface MultipartOptions extends StreamOptions, FileOptions {
  /**
   * The formats of parts that documents with `@defer` or `@stream` are asked for in, the best first; an empty list asks for none. Such documents, and those that are sent
   * without their text, are answered in parts where the server can: `incrementalDelivery` of `millrace/client/incremental` puts them together.
   *
   * @defaultValue ['incrementalSpec=v0.2', 'deferSpec=20220824']
   */
  readonly incremental?: readonly IncrementalFormat[];
}

const defaultFormats: readonly IncrementalFormat[] = ['incrementalSpec=v0.2', 'deferSpec=20220824'];

/** Carries each subscription over a multipart response, queries and mutations over plain HTTP, or over a multipart response if they may come in parts. */
export function multipart(options: MultipartOptions = {}): Transport {
  return createFetchTransport(
    options,
    createMultipartFormat(options.incremental ?? defaultFormats),
  );
}

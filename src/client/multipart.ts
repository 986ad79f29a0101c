import type { FileOptions, StreamOptions } from './transports/fetch-options.ts';
import { createFetchTransport } from './transports/fetch-transport.ts';
import { multipartFormat } from './transports/multipart-format.ts';
import type { Transport } from './transport.ts';

export type { FetchLike, Form, ResponseLike, Uploads } from './transports/fetch-options.ts';

/** Options of {@link multipart}. */
export interface MultipartOptions extends StreamOptions, FileOptions {}

/** Carries each subscription over a multipart response, and queries and mutations over plain HTTP. */
export function multipart(options: MultipartOptions = {}): Transport {
  return createFetchTransport(options, multipartFormat);
}

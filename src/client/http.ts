import type { FetchOptions, FileOptions, MethodOptions } from './transports/fetch-options.ts';
import { createFetchTransport } from './transports/fetch-transport.ts';
import { acceptResult } from './transports/response-format.ts';
import type { Transport } from './transport.ts';

export type { FetchLike, Form, ResponseLike, Uploads } from './transports/fetch-options.ts';

/** Options of {@link http}. */
export interface HttpOptions extends FetchOptions, FileOptions, MethodOptions {}

/** Carries queries and mutations over plain HTTP; a subscription ends with the one result that it gets. */
export function http(options: HttpOptions = {}): Transport {
  return createFetchTransport(options, { accept: acceptResult });
}

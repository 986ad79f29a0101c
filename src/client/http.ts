import type { FetchOptions, MethodOptions } from './transports/fetch-options.ts';
import { createFetchTransport } from './transports/fetch-transport.ts';
import { acceptResult } from './transports/response-format.ts';
import type { Transport } from './transport.ts';

export type { FetchLike, ResponseLike } from './transports/fetch-options.ts';

/** Options of {@link http}. */
export interface HttpOptions extends FetchOptions, MethodOptions {}

/** Carries queries and mutations over plain HTTP; a subscription ends with the one result that it gets. */
export function http(options: HttpOptions = {}): Transport {
  return createFetchTransport(options, { accept: acceptResult });
}

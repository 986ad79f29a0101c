import type { FileOptions, MethodOptions, StreamOptions } from './transports/fetch-options.ts';
import { createFetchTransport } from './transports/fetch-transport.ts';
import { sseFormat } from './transports/sse-format.ts';
import type { Transport } from './transport.ts';

export type { FetchLike, Form, ResponseLike, Uploads } from './transports/fetch-options.ts';

/** Options of {@link sse}. */
export interface SseOptions extends StreamOptions, FileOptions, MethodOptions {}

/**
 * Carries each operation over an event stream of its own: the distinct connections mode of GraphQL over Server-Sent Events.
 *
 * @remarks
 * Queries and mutations, too, are asked for as event streams; a server that answers with JSON is understood.
 */
export function sse(options: SseOptions = {}): Transport {
  return createFetchTransport(options, sseFormat);
}

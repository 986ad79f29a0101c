import type { Transport } from '../transport.ts';
import type { FileOptions, MethodOptions, StreamOptions } from './fetch-options.ts';
import { ResponseConnection } from './response-connection.ts';
import type { ResponseFormat } from './response-format.ts';

/** A transport whose operations have a request each. */
export function createFetchTransport(
  options: StreamOptions & MethodOptions & FileOptions,
  format: ResponseFormat,
): Transport {
  return {
    isShared: false,
    connect: (settings, listener) =>
      new ResponseConnection({ ...options, format, settings, listener }),
  };
}

import type { StreamOptions } from './transports/fetch-options.ts';
import { SingleConnection } from './transports/sse-single-connection.ts';
import type { ConnectionSettings, Provided, Transport } from './transport.ts';

export type { FetchLike, ResponseLike } from './transports/fetch-options.ts';

/** Options of {@link sseSingle}; `Infinity` turns a period off. */
export interface SseSingleOptions extends StreamOptions {
  /** Where all of its requests go, if that is not the client's `url`. A function is asked for each connection. */
  readonly url?: ConnectionSettings['url'];
  /** Sent with each request; a function is asked for each. What each accepts is fixed by the protocol: an `accept` in here is replaced. */
  readonly headers?: Provided<Readonly<Record<string, string>> | undefined>;
  /**
   * How long it may take to find out url and headers, to reserve the stream and to get its head, in milliseconds; and how long to answer, when it may be dead, whether it is still there.
   *
   * @defaultValue 10_000
   */
  readonly connectTimeoutMs?: number;
}

/**
 * Carries all operations over one event stream: the single connection mode of GraphQL over Server-Sent Events.
 *
 * @remarks
 * A PUT reserves the stream, a GET opens it, each operation is asked for by a POST and stopped by a DELETE. `fetch` has to hand out what it receives while it receives it; without
 * that the connection fails with `CLIENT_ERROR`. What the server refuses to execute ends that operation alone; a stream that is gone ends the connection, and the client makes another.
 * When the client's signals say that it may be dead, the server is asked at once whether it still has it: by a DELETE of an operation that never was.
 */
export function sseSingle(options: SseSingleOptions = {}): Transport {
  return {
    isShared: true,
    connect: (settings, listener) => new SingleConnection({ ...options, settings, listener }),
  };
}

import type { OperationRequest } from '../../vocabulary.ts';
import type { ConnectionSettings, Provided } from '../transport.ts';

/** What is used of a response. Without `body`, as on some runtimes, its text is read when all of it is there, and no subscription can be. */
export type ResponseLike = Pick<Response, 'ok' | 'status' | 'headers' | 'arrayBuffer'> & {
  readonly body?: Response['body'];
  /** Used in place of `arrayBuffer`, where there is no `body`. */
  text?(): Promise<string>;
};

/** `fetch`, or what does the same. */
export type FetchLike = (url: string, init: RequestInit) => PromiseLike<ResponseLike>;

/** Options that every transport over HTTP has; `Infinity` turns a period off. */
export interface FetchOptions {
  /** Where it sends operations to, if that is not the client's `url`. */
  readonly url?: ConnectionSettings['url'];
  /** Sent with each request; a function is asked for each. An `accept` in here replaces that of the transport. */
  readonly headers?: Provided<Readonly<Record<string, string>> | undefined>;
  /** What else each request is made with: `credentials`, `cache`, … */
  readonly requestInit?: Omit<RequestInit, 'method' | 'headers' | 'body' | 'signal'>;
  /** @defaultValue the runtime's */
  readonly fetch?: FetchLike;
  /**
   * How long it may take to find out url and headers and to get the head of the response, in milliseconds.
   *
   * @defaultValue 10_000 for subscriptions; none for queries and mutations, whose response begins with their result, nor with files
   */
  readonly connectTimeoutMs?: number;
}

/** Options of the transports whose responses are streams. */
export interface StreamOptions extends FetchOptions {
  /**
   * How long the server may send nothing before the stream counts as lost, in milliseconds.
   *
   * @defaultValue three times the longest interval between its heartbeats, of which at most a minute counts, but at least 15_000; none before it has sent two
   */
  readonly silenceMs?: number;
}

/** For transports whose operations may be sent by GET. */
export interface MethodOptions {
  /** How operations are sent; mutations, and documents that hold any, always by POST. @defaultValue 'POST' */
  readonly method?: 'POST' | 'GET';
}

/** For transports that may carry files. */
export interface FileOptions {
  /** Sends files in forms: `uploads()` of `millrace/client/uploads`. @defaultValue none: an operation with files fails */
  readonly uploads?: Uploads;
}

/**
 * Writes a request that holds files; gives `undefined` for any other.
 *
 * @param signal - aborts when nobody will read the body any more
 * @throws TypeError for what cannot be written
 */
export type Uploads = (request: OperationRequest, signal: AbortSignal) => Form | undefined;

/** A request with files. */
export interface Form {
  /** Whether its body is a stream, which cannot be sent again. */
  readonly isOnce: boolean;
  /** Adds to `headers` what the body needs. */
  toInit(headers: Headers): Pick<RequestInit, 'body'> & { readonly duplex?: 'half' };
}

import { provide } from '../transport.ts';
import type { ConnectionSettings, StartedOperation } from '../transport.ts';
import type { FetchOptions, MethodOptions } from './fetch-options.ts';
import { toFetchUrl } from './fetch-url.ts';
import type { ResponseFormat } from './response-format.ts';

/** What requests are made from. */
export interface RequestParts extends FetchOptions, MethodOptions {
  readonly format: ResponseFormat;
  readonly settings: ConnectionSettings;
}

/** The text of a request: its four members, of which those that say nothing are absent. */
export function toRequestText({ request }: StartedOperation): string {
  const { query, operationName, variables, extensions } = request;
  return JSON.stringify({ query, operationName, variables, extensions });
}

/**
 * The arguments of `fetch`. Rejects with what a function of the caller threw, or for a url or headers that cannot be.
 *
 * @param text - as {@link toRequestText} gave it
 */
export async function toFetchArguments(
  parts: RequestParts,
  operation: StartedOperation,
  text: string,
): Promise<[url: string, init: RequestInit]> {
  const url = toFetchUrl(await provide(parts.url ?? parts.settings.url));
  const headers = new Headers(await provide(parts.headers));
  const { accept, stream } = parts.format;
  if (!headers.has('accept')) headers.set('accept', accept);
  const token = tokenOf(operation);
  if (token && stream?.tokenHeader) headers.set(stream.tokenHeader, token);
  if (!isByGet(parts, operation)) {
    headers.set('content-type', 'application/json');
    return [url.href, { ...parts.requestInit, method: 'POST', headers, body: text }];
  }
  for (const [name, value] of Object.entries(JSON.parse(text) as object)) {
    url.searchParams.set(name, typeof value === 'string' ? value : JSON.stringify(value));
  }
  return [url.href, { ...parts.requestInit, headers }];
}

/** Behind which event the operation goes on; only text that a header can hold, for the request says it, too. */
function tokenOf({ request }: StartedOperation): string | undefined {
  const { token } = Object(request.extensions?.['resume']) as { readonly token?: unknown }; // an object has any member, or none
  return typeof token === 'string' && /^[ -~]+$/.test(token) ? token : undefined;
}

function isByGet({ method, format }: RequestParts, { kind, request }: StartedOperation): boolean {
  return (
    method === 'GET' &&
    (kind === 'query' || (kind === 'subscription' && format.stream !== undefined)) &&
    !/\bmutation\b/.test(request.query)
  );
}

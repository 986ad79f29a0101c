import { writeJson } from '../../protocol/json-frame.ts';
import { provide } from '../transport.ts';
import type { ConnectionSettings, StartedOperation } from '../transport.ts';
import type { FetchOptions, FileOptions, Form, MethodOptions } from './fetch-options.ts';
import { toFetchHref } from './fetch-url.ts';
import type { ResponseFormat } from './response-format.ts';

/** What requests are made from. */
export interface RequestParts extends FetchOptions, MethodOptions, FileOptions {
  readonly format: ResponseFormat;
  readonly settings: ConnectionSettings;
}

/**
 * The text of a request: its four members, of which those that say nothing are absent. So is the empty text of a document that others name.
 *
 * @throws TypeError for what JSON cannot hold
 */
export function toRequestText({ request }: StartedOperation): string {
  const { query, operationName, variables, extensions } = request;
  return writeJson({ query: query || undefined, operationName, variables, extensions });
}

/**
 * The arguments of `fetch`. Rejects with what a function of the caller threw, or for a url or headers that cannot be.
 *
 * @param body - a form, or what {@link toRequestText} gave
 */
export async function toFetchArguments(
  parts: RequestParts,
  operation: StartedOperation,
  body: string | Form,
): Promise<[url: string, init: RequestInit]> {
  const url = toFetchHref(await provide(parts.url ?? parts.settings.url));
  const headers = new Headers(await provide(parts.headers));
  const { accept, stream } = parts.format;
  if (!headers.has('accept')) {
    headers.set('accept', typeof accept === 'string' ? accept : accept(operation));
  }
  const token = tokenOf(operation);
  if (token && stream?.tokenHeader) headers.set(stream.tokenHeader, token);
  const init = { ...parts.requestInit, headers };
  if (typeof body !== 'string') {
    return [url, { ...init, ...body.toInit(headers), method: 'POST' }];
  }
  if (!isByGet(parts, operation)) {
    headers.set('content-type', 'application/json');
    return [url, { ...init, method: 'POST', body }];
  }
  return [withParameters(url, Object.entries(JSON.parse(body) as object)), init];
}

/** Written by hand: not every runtime's `URLSearchParams` can. */
function withParameters(url: string, parameters: readonly [string, unknown][]): string {
  const [start = ''] = url.split('#');
  const written = parameters.map(([name, value]) => {
    const text = typeof value === 'string' ? value : JSON.stringify(value);
    return `${name}=${encodeURIComponent(text)}`;
  });
  return `${start}${start.includes('?') ? '&' : '?'}${written.join('&')}`;
}

/** Behind which event the operation goes on; only text that a header can hold, for the request says it, too. */
function tokenOf({ request }: StartedOperation): string | undefined {
  const { token } = Object(request.extensions?.['resume']) as { readonly token?: unknown }; // an object has any member, or none
  return typeof token === 'string' && /^[ -~]+$/.test(token) ? token : undefined;
}

function isByGet({ method, format }: RequestParts, { kind, request }: StartedOperation): boolean {
  const { query, extensions } = request;
  return (
    method === 'GET' &&
    (kind === 'query' || (kind === 'subscription' && format.stream !== undefined)) &&
    !/\bmutation\b/.test(query) &&
    // a text beside its hash is there to be kept: it is sent this once, and may be too long for a url
    !(query && extensions?.['persistedQuery'])
  );
}

import { toSocketUrl } from './socket-url.ts';

/** The `http(s)` URL of a server whose `ws(s)` URL, or path on the page's host, is also good enough. */
export function toFetchUrl(url: string | URL): URL {
  return new URL(toFetchHref(url));
}

/** As {@link toFetchUrl}, and not asking the `URL` of the runtime for what is absolute: not all leave it as it is. */
export function toFetchHref(url: string | URL): string {
  return toSocketUrl(url).replace(/^ws/i, 'http');
}

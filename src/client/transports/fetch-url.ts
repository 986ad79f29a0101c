import { toSocketUrl } from './socket-url.ts';

/** The `http(s)` URL of a server whose `ws(s)` URL, or path on the page's host, is also good enough. */
export function toFetchUrl(url: string | URL): URL {
  return new URL(toSocketUrl(url).replace(/^ws/, 'http'));
}

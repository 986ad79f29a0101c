import type { ServerCore } from './core.ts';
import type { RequestHead } from './request-head.ts';

/**
 * Whether a page of another site made the request.
 *
 * @remarks
 * Browsers always send `Origin` with an upgrade and cannot be made to forge it; programs need not send one, and are not foreign then.
 * The scheme is not compared: behind a proxy that ends TLS the server does not know its own.
 */
export function isForeignOrigin(core: ServerCore, request: RequestHead): boolean {
  const { origin, host = '' } = request.headers;
  if (origin === undefined || core.options.allowedOrigins?.includes(origin)) return false;
  if (!URL.canParse(origin)) return true; // `null` stands for sandboxed pages and files
  const { protocol, host: theirs } = new URL(origin);
  const own = `${protocol}//${host}`;
  // as a URL, because some proxies add the scheme's default port to `Host`, and browsers leave it out of `Origin`
  return theirs === '' || !URL.canParse(own) || new URL(own).host !== theirs;
}

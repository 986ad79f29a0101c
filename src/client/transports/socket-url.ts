/** The `ws(s)` URL of a server whose `http(s)` URL, or path on the page's host, is also good enough. */
export function toSocketUrl(url: string | URL): string {
  const { location } = globalThis as { readonly location?: { readonly href: string } };
  return new URL(url, location?.href).href.replace(/^http/, 'ws');
}

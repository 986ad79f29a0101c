const absolute = /^(?:https?|wss?):\/\//i;

/** The `ws(s)` URL of a server whose `http(s)` URL, or path on the page's host, is also good enough. */
export function toSocketUrl(url: string | URL): string {
  const { location } = globalThis as { readonly location?: { readonly href: string } };
  const text = String(url);
  const { href } = new URL(text, location?.href);
  // React Native's `URL` adds a slash to what is absolute
  return (absolute.test(text) ? text : href).replace(/^http/i, 'ws');
}

import { UsageError } from '../../errors.ts';

/** Decides where callbacks may be sent. May throw what a function of the host program throws. */
export type AllowedUrls = (url: URL) => boolean;

/**
 * Makes the decision from what the `callback.allow` option says; throws {@link UsageError} for what cannot be meant.
 *
 * @param reach - what a function may allow: with `public` no address that is written as a private one
 */
export function createAllowList(
  allow: readonly string[] | ((url: URL) => boolean),
  reach: 'public' | 'private',
): AllowedUrls {
  if (typeof allow === 'function') {
    return (url) => {
      const isAsked = isCallable(url) && (reach === 'private' || !isPrivate(url));
      const answer: unknown = isAsked && allow(url);
      // a promise, of somebody who has to look it up, must not pass for a yes
      return answer === true;
    };
  }
  if (!Array.isArray(allow)) {
    throw new UsageError('callback.allow must be a list of origins and hosts, or a function');
  }
  const origins = new Set(allow.map(toOrigin));
  return (url) => isCallable(url) && origins.has(url.origin);
}

/** What is not HTTP cannot be called, and credentials in a URL are a way to disguise its host. */
function isCallable({ protocol, username, password }: URL): boolean {
  return ['http:', 'https:'].includes(protocol) && username === '' && password === '';
}

function toOrigin(entry: unknown): string {
  const text = typeof entry === 'string' && !entry.includes('://') ? `https://${entry}` : entry;
  const url = typeof text === 'string' && URL.canParse(text) ? new URL(text) : undefined;
  // a path would promise a narrowness that is not there
  if (url && isCallable(url) && url.href === `${url.origin}/`) return url.origin;
  throw new UsageError(
    `callback.allow has ${JSON.stringify(entry)}, which is neither an origin nor a host`,
  );
}

/** RFC 6890 and its successors: what a router of the internet does not forward. */
const privateAddresses = [
  /^(0|10|127)\./,
  /^100\.(6[4-9]|[7-9]\d|1[01]\d|12[0-7])\./,
  /^169\.254\./,
  /^172\.(1[6-9]|2\d|3[01])\./,
  /^192\.(168|0\.0)\./,
  /^198\.1[89]\./,
  /^(22[4-9]|2[345]\d)\./,
  // unspecified, loopback and addresses that stand for IPv4 ones
  /^\[::/,
  /^\[64:ff9b:/,
  // unique local, link-local, site-local, multicast
  /^\[f[cdef]/,
] as const;

/** URLs write IPv4 addresses in one form, whatever form they came in. */
const literalAddress = /^(\d+\.\d+\.\d+\.\d+|\[.*\])$/;

const ownName = /^(.+\.)?localhost\.?$/;

function isPrivate({ hostname }: URL): boolean {
  if (!literalAddress.test(hostname)) return ownName.test(hostname);
  return privateAddresses.some((pattern) => pattern.test(hostname));
}

import type { OperationRequest } from '../../vocabulary.ts';
import { writeJson } from '../json-frame.ts';
import { subprotocol } from './messages.ts';

/** Who asks: names and values as they would be headers of an HTTP request. */
export type Authorization = Readonly<Record<string, string>>;

/** Where the authorization of a handshake stands: beside the subprotocol, in the URL, or in headers of its own. */
export type HandshakeVariant = 'subprotocol' | 'query' | 'headers';

/** What a socket is opened with. */
export interface ClientHandshake {
  readonly url: string;
  /** The first one is the protocol's. */
  readonly subprotocols: readonly string[];
  readonly headers?: Authorization;
}

/** What is to be authorized for a connection: the text and what follows the path of the endpoint. */
export const connectText = '{}';
export const connectSuffix = '/connect';

/** The handshake of a connection to `url`, a real-time endpoint. */
export function toHandshake(
  variant: HandshakeVariant,
  url: string,
  authorization: Authorization,
): ClientHandshake {
  switch (variant) {
    case 'subprotocol': {
      // what a token must not have in it: `=` and `/` (RFC 6455 section 4.1)
      const token = toBase64(authorization)
        .replaceAll('+', '-')
        .replaceAll('/', '_')
        .replaceAll('=', '');
      return { url, subprotocols: [subprotocol, `header-${token}`] };
    }
    case 'query': {
      const full = new URL(url);
      full.searchParams.set('header', toBase64(authorization));
      full.searchParams.set('payload', btoa(connectText));
      return { url: full.href, subprotocols: [subprotocol] };
    }
    case 'headers':
      return { url, subprotocols: [subprotocol], headers: authorization };
  }
}

function toBase64(authorization: Authorization): string {
  const bytes = new TextEncoder().encode(JSON.stringify(authorization));
  return btoa(Array.from(bytes, (byte) => String.fromCodePoint(byte)).join(''));
}

/** Hosts of AWS, each of which has a sister for sockets. */
const hostOfAws = /^([^.]+)\.appsync-api\.([^.]+\.amazonaws\.com(?:\.cn)?)$/;

/** Where the sockets of a GraphQL endpoint are: at a host of their own where AWS gave the name, at a path of their own otherwise. */
export function toRealtimeUrl(endpoint: URL): URL {
  const url = new URL(endpoint);
  if (hostOfAws.test(url.hostname))
    url.hostname = url.hostname.replace(hostOfAws, '$1.appsync-realtime-api.$2');
  else url.pathname = `${url.pathname.replace(/\/$/, '')}/realtime`;
  return url;
}

/** `authorization` with the host of the GraphQL endpoint, unless it names one. */
export function withHost(authorization: Authorization, host: string): Authorization {
  const isNamed = Object.keys(authorization).some((name) => name.toLowerCase() === 'host');
  return isNamed ? authorization : { host, ...authorization };
}

/** The text of a request: what a signature is over, and what goes to the server as it is. Throws a `TypeError` for what JSON cannot hold. */
export function writeRequest({ query, variables = {}, ...others }: OperationRequest): string {
  return writeJson({ query, variables, ...others });
}

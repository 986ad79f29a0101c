import { ProtocolViolation } from '../../errors.ts';
import type { WebSocketProtocol } from '../../vocabulary.ts';
import { parseJsonObject } from '../json-frame.ts';
import type { JsonObject } from '../json-frame.ts';
import { parseSubprotocols } from '../negotiation.ts';
import { parseAuthorization } from './authorization.ts';

/** What of a request to upgrade this protocol reads. */
export interface Handshake {
  /** Path and query. */
  readonly url: string;
  /** By lower-case name. */
  readonly headers: Readonly<Record<string, string | undefined>>;
}

/** The path beside that of the GraphQL endpoint where clients expect the WebSocket. */
export const realtimeSuffix = '/realtime';

/** What a subprotocol begins with that is an authorization object. */
const tokenPrefix = 'header-';

/**
 * Those of `protocols` that `handshake` may have meant: AppSync alone if it bears a mark of that, because the older protocol has the same token in
 * `Sec-WebSocket-Protocol`.
 *
 * @throws ProtocolViolation with `BAD_REQUEST` for subprotocols that are no list of tokens
 */
export function protocolsMeant(
  handshake: Handshake,
  protocols: readonly WebSocketProtocol[],
): readonly WebSocketProtocol[] {
  return protocols.includes('appsync') && isMarked(handshake) ? ['appsync'] : protocols;
}

function isMarked(handshake: Handshake): boolean {
  const { path, query } = partsOf(handshake);
  return (
    path.endsWith(realtimeSuffix) ||
    (query.has('header') && query.has('payload')) ||
    tokensOf(handshake).length > 0 ||
    (handshake.headers['host'] ?? '').includes('-realtime-api.')
  );
}

/**
 * The authorization object of a handshake, from the first place that has one: the second subprotocol, the query, the headers themselves.
 *
 * @throws ProtocolViolation with `BAD_REQUEST` for one that cannot be read
 */
export function readAuthorization(handshake: Handshake): JsonObject {
  const [token, ...others] = tokensOf(handshake);
  if (others.length > 0) {
    throw new ProtocolViolation('BAD_REQUEST', 'There must be one authorization.');
  }
  if (token !== undefined) return decodeAuthorization(token.slice(tokenPrefix.length));
  const inQuery = partsOf(handshake).query.getAll('header');
  if (inQuery.length > 1) {
    throw new ProtocolViolation('BAD_REQUEST', 'There must be one authorization.');
  }
  if (inQuery[0] !== undefined) return decodeAuthorization(inQuery[0]);
  return Object.fromEntries(
    Object.entries(handshake.headers).filter(([name]) => !isOfTheUpgrade(name)),
  );
}

function tokensOf({ headers }: Handshake): readonly string[] {
  const offered = parseSubprotocols(headers['sec-websocket-protocol']);
  return offered.filter((token) => token.startsWith(tokenPrefix));
}

function partsOf({ url }: Handshake): { readonly path: string; readonly query: URLSearchParams } {
  const [path = '', ...query] = url.split('?');
  return { path, query: new URLSearchParams(query.join('?')) };
}

function isOfTheUpgrade(name: string): boolean {
  return name === 'connection' || name === 'upgrade' || name.startsWith('sec-websocket-');
}

/** Reads both alphabets, with and without padding; a `+` that nobody escaped has become a space in the query. */
function decodeAuthorization(encoded: string): JsonObject {
  const base64 = encoded.replaceAll('-', '+').replaceAll('_', '/').replaceAll(' ', '+');
  if (!/^[A-Za-z0-9+/]*={0,2}$/.test(base64)) throw notDecodable();
  try {
    const bytes = Uint8Array.from(atob(base64), (byte) => byte.charCodeAt(0));
    return parseAuthorization(parseJsonObject(bytes));
  } catch (cause) {
    if (cause instanceof ProtocolViolation) throw cause;
    throw notDecodable({ cause });
  }
}

function notDecodable(options?: ErrorOptions): ProtocolViolation {
  const message = 'The authorization must be a JSON object in base64.';
  return new ProtocolViolation('BAD_REQUEST', message, options);
}

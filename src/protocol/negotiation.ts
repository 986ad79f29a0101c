import { ProtocolViolation } from '../errors.ts';
import type { ClosingCode } from '../errors.ts';
import type { WebSocketProtocol } from '../vocabulary.ts';
import { subprotocol as appsync, subprotocolNotSupported } from './appsync/messages.ts';
import { subprotocol as graphqlTransportWs } from './graphql-transport-ws/messages.ts';
import { subprotocol as subscriptionsTransportWs } from './subscriptions-transport-ws/messages.ts';

/** The tokens in `Sec-WebSocket-Protocol`, the better protocol first: the choice is the server's (RFC 6455 section 4.2.2). */
const subprotocols = [
  { protocol: 'graphql-transport-ws', subprotocol: graphqlTransportWs },
  { protocol: 'subscriptions-transport-ws', subprotocol: subscriptionsTransportWs },
  // behind the protocol that has the same token: who is meant without a doubt is found out before
  { protocol: 'appsync', subprotocol: appsync },
] as const satisfies readonly {
  readonly protocol: WebSocketProtocol;
  readonly subprotocol: string;
}[];

/** Outcome of {@link negotiate}. */
export type Negotiation =
  | { readonly kind: 'chosen'; readonly protocol: WebSocketProtocol; readonly subprotocol: string }
  /**
   * Complete the upgrade without a subprotocol, send `frame` if there is one, then close with `error`: browsers cannot see the status of a refused
   * upgrade.
   */
  | { readonly kind: 'none'; readonly error: ClosingCode; readonly frame?: string };

/**
 * Chooses among the subprotocols that a client offers, whatever their order.
 *
 * @param protocols - what this server speaks
 */
export function negotiate(
  offered: readonly string[],
  protocols: readonly WebSocketProtocol[],
): Negotiation {
  for (const { protocol, subprotocol } of subprotocols) {
    if (protocols.includes(protocol) && offered.includes(subprotocol)) {
      return { kind: 'chosen', protocol, subprotocol };
    }
  }
  if (protocols.length === 1 && protocols.includes('appsync')) {
    return { kind: 'none', error: 'PROTOCOL_ERROR', frame: subprotocolNotSupported };
  }
  const isModern = protocols.includes('graphql-transport-ws');
  return { kind: 'none', error: isModern ? 'SUBPROTOCOL_NOT_ACCEPTABLE' : 'PROTOCOL_ERROR' };
}

/** RFC 9110 section 5.6.2. */
const token = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/;

/**
 * Reads `Sec-WebSocket-Protocol`; several header lines are one list.
 *
 * @throws ProtocolViolation with `BAD_REQUEST` for a bad token or one that occurs twice (RFC 6455 section 4.1)
 */
export function parseSubprotocols(
  header: string | readonly string[] | undefined,
): readonly string[] {
  const lines = typeof header === 'string' ? [header] : (header ?? []);
  // Empty list members are to be ignored (RFC 9110 section 5.6.1).
  const offered = lines
    .flatMap((line) => line.split(',').map((item) => item.trim()))
    .filter((item) => item !== '');
  if (!offered.every((item) => token.test(item))) {
    throw new ProtocolViolation('BAD_REQUEST', 'Sec-WebSocket-Protocol must be a list of tokens.');
  }
  if (new Set(offered).size !== offered.length) {
    throw new ProtocolViolation('BAD_REQUEST', 'Sec-WebSocket-Protocol must not repeat a token.');
  }
  return offered;
}

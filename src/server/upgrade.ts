import { ProtocolViolation, errorEntry } from '../errors.ts';
import {
  agreeOnDeflate,
  negotiate,
  parseSubprotocols,
  protocolsMeant,
  realtimeSuffix,
} from '../protocol/index.ts';
import type { DeflateAgreement, Negotiation } from '../protocol/index.ts';
import type { WebSocketProtocol } from '../vocabulary.ts';
import { retryLater } from './capacity.ts';
import type { ServerCore } from './core.ts';
import { isForeignOrigin } from './origin.ts';
import type { RequestHead } from './request-head.ts';

/** What an adapter does with a request to upgrade to WebSocket. */
export type UpgradeDecision =
  | {
      readonly kind: 'accept';
      readonly protocol: WebSocketProtocol;
      readonly subprotocol: string;
      /** What an adapter that can compress answers, and hands over with the socket; others, and those who have no use for it, leave it alone. */
      readonly compression?: DeflateAgreement;
    }
  /**
   * Complete the upgrade without a subprotocol, send `frame` if there is one, then close: a browser shows its program a close code, never an HTTP
   * status.
   */
  | {
      readonly kind: 'accept-and-close';
      readonly frame?: string;
      readonly code: number;
      readonly reason: string;
    }
  | {
      readonly kind: 'refuse';
      readonly status: number;
      readonly message: string;
      readonly headers?: Readonly<Record<string, string>>;
    };

/** Decides on an upgrade before a byte is answered. */
export function decideUpgrade(core: ServerCore, request: RequestHead): UpgradeDecision {
  if (core.capacity.isFull) {
    return { kind: 'refuse', status: 503, message: 'The server is full', headers: retryLater };
  }
  const carriesCredentials =
    request.headers['cookie'] !== undefined || request.headers['authorization'] !== undefined;
  if (carriesCredentials && isForeignOrigin(core, request)) {
    return { kind: 'refuse', status: 403, message: 'Origin is not allowed' };
  }
  try {
    const negotiated = negotiate(
      parseSubprotocols(request.headers['sec-websocket-protocol']),
      protocolsMeant(request, core.webSocketProtocols),
    );
    if (negotiated.kind === 'none') return { kind: 'accept-and-close', ...closeFor(negotiated) };
    const { protocol, subprotocol } = negotiated;
    const compression = core.compression && agreeOnDeflate(request.headers[extensionsHeader]);
    return { kind: 'accept', protocol, subprotocol, ...(compression && { compression }) };
  } catch (error) {
    if (error instanceof ProtocolViolation)
      return { kind: 'refuse', status: 400, message: error.message };
    throw error;
  }
}

const extensionsHeader = 'sec-websocket-extensions';

function closeFor({ error, frame }: Extract<Negotiation, { kind: 'none' }>): {
  readonly frame?: string;
  readonly code: number;
  readonly reason: string;
} {
  const { closeCode = 1002, reason = '' } = errorEntry(error);
  return { ...(frame !== undefined && { frame }), code: closeCode, reason };
}

/** Where an endpoint at `path` answers upgrades: there, and where AppSync clients look for it. */
export function upgradePathsOf(core: ServerCore, path: string): readonly string[] {
  if (!core.webSocketProtocols.includes('appsync')) return [path];
  return [path, path.replace(/\/$/, '') + realtimeSuffix];
}

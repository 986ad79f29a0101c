import type { EventEmitter } from 'node:events';
import type { IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';

import { refuseUpgrade } from './node-upgrade.ts';

/** What is about the upgrade alone. */
const upgradeHeaders: ReadonlySet<string> = new Set(['connection', 'http2-settings', 'upgrade']);

/** Headers of a request that Node collects unless it is told; it is silent about further ones. */
const collectedHeaders = 1_000;

/** Whether a request asks for a WebSocket; others, such as those for `h2c`, may be answered as if they had asked for nothing (RFC 9110, section 7.8). */
export function asksForWebSocket({ headers }: IncomingMessage): boolean {
  return /(^|,)\s*websocket\s*(,|$)/i.test(headers.upgrade ?? '');
}

/** What an HTTP server of Node has, some of it only in later versions. */
interface UpgradingServer extends EventEmitter {
  readonly maxHeadersCount?: number | null;
  /** Since Node 24.9: whether a request is taken off its connection; without it each is that asks for an upgrade. */
  shouldUpgradeCallback?: (request: IncomingMessage) => boolean;
}

/** Leaves requests with the HTTP server that are not `wanted`, where it can be told so. */
export function declineUpgrades(
  httpServer: UpgradingServer,
  isWanted: (request: IncomingMessage) => boolean,
): { giveBack(): void } {
  const given = httpServer.shouldUpgradeCallback;
  if (!given) return { giveBack() {} };
  const callback = (request: IncomingMessage): boolean =>
    isWanted(request) && given.call(httpServer, request);
  httpServer.shouldUpgradeCallback = callback;
  return {
    giveBack() {
      if (httpServer.shouldUpgradeCallback === callback) httpServer.shouldUpgradeCallback = given;
    },
  };
}

/**
 * Has the HTTP server answer a request as one without an upgrade, where Node has taken it off its connection with its body unread.
 *
 * @remarks
 * Its head is put back without the headers of the upgrade, and the connection is given to the HTTP server once more. A head that may not be complete is
 * refused: what is missing of it may say where its body ends.
 */
export function answerPlainly(
  httpServer: UpgradingServer,
  request: IncomingMessage,
  { socket, head }: { readonly socket: Duplex; readonly head: Buffer },
): void {
  // later versions have read the body; there only a callback of somebody else can bring it here
  if (httpServer.shouldUpgradeCallback) {
    return refuseUpgrade(socket, { status: 426, message: 'Upgrade Required' });
  }
  if (mayBeCut(httpServer, request)) {
    return refuseUpgrade(socket, { status: 431, message: 'Request Header Fields Too Large' });
  }
  socket.unshift(Buffer.concat([toPlainHead(request), head]));
  // with TLS the handshake is over: the event of a bare connection would begin another one
  httpServer.emit('encrypted' in socket ? 'secureConnection' : 'connection', socket);
}

function mayBeCut({ maxHeadersCount }: UpgradingServer, { rawHeaders }: IncomingMessage): boolean {
  const most = maxHeadersCount ?? collectedHeaders;
  return most > 0 && rawHeaders.length >= 2 * most;
}

function toPlainHead({ method, url, httpVersion, rawHeaders }: IncomingMessage): Buffer {
  const lines = [`${method} ${url} HTTP/${httpVersion}`];
  for (let i = 0; i + 1 < rawHeaders.length; i += 2) {
    const name = rawHeaders[i] ?? '';
    if (!upgradeHeaders.has(name.toLowerCase())) lines.push(`${name}: ${rawHeaders[i + 1]}`);
  }
  // headers are bytes to Node
  return Buffer.from(`${lines.join('\r\n')}\r\n\r\n`, 'latin1');
}

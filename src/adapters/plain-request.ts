import type { EventEmitter } from 'node:events';
import type { IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';

/** What is about the upgrade alone. */
const upgradeHeaders: ReadonlySet<string> = new Set(['connection', 'http2-settings', 'upgrade']);

/** Whether a request asks for a WebSocket; others, such as those for `h2c`, may be answered as if they had asked for nothing (RFC 9110, section 7.8). */
export function asksForWebSocket({ headers }: IncomingMessage): boolean {
  return /(^|,)\s*websocket\s*(,|$)/i.test(headers.upgrade ?? '');
}

/**
 * Has the HTTP server answer a request as one without an upgrade.
 *
 * @remarks
 * Where anybody listens for upgrades Node takes each request that asks for one off the connection, with its body unread. So its head is put back
 * without the headers of the upgrade, and the connection is given to the HTTP server once more.
 */
export function answerPlainly(
  httpServer: EventEmitter,
  request: IncomingMessage,
  { socket, head }: { readonly socket: Duplex; readonly head: Buffer },
): void {
  const { method, url, httpVersion, rawHeaders } = request;
  const lines = [`${method} ${url} HTTP/${httpVersion}`];
  for (let i = 0; i + 1 < rawHeaders.length; i += 2) {
    const name = rawHeaders[i] ?? '';
    if (!upgradeHeaders.has(name.toLowerCase())) lines.push(`${name}: ${rawHeaders[i + 1]}`);
  }
  // headers are bytes to Node
  const plainHead = Buffer.from(`${lines.join('\r\n')}\r\n\r\n`, 'latin1');
  socket.unshift(Buffer.concat([plainHead, head]));
  // with TLS the handshake is over: the event of a bare connection would begin another one
  httpServer.emit('encrypted' in socket ? 'secureConnection' : 'connection', socket);
}

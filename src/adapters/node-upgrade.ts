import type { IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';

import type { ServerOptions } from 'ws';
import { WebSocketServer } from 'ws';

import type { Server } from '../server/index.ts';
import { Pace, newcomersPerTurn } from '../server/pace.ts';
import { systemClock } from '../server/system-clock.ts';
import { canInflate, deflateRaw, inflateWithoutContext, noContexts } from './node-deflate.ts';
import { toRequestHead } from './node-request-head.ts';
import { ServedWebSocket, serveWebSocket } from './node-socket.ts';

/** What Node hands over with its `upgrade` event. */
export interface Upgrade {
  readonly request: IncomingMessage;
  readonly socket: Duplex;
  readonly head: Buffer;
}

/** How long the other side may take to answer a close frame that `ws` sent by itself (codes 1002, 1007, 1008, 1009). */
const closeTimeoutMs = 5_000;

/** Makes what upgrades requests to WebSocket and connects them with `server`. */
export function createUpgrader(server: Server): (upgrade: Upgrade) => void {
  const { messageFragments } = server.limits;
  const messageBytes = toWsLimit(server.limits.messageBytes);
  const options = {
    WebSocket: ServedWebSocket,
    noServer: true,
    clientTracking: false,
    maxPayload: messageBytes,
    maxFragments: toWsLimit(messageFragments),
    closeTimeout: closeTimeoutMs,
    perMessageDeflate: canInflate && noContexts,
  } satisfies ServerOptions<typeof ServedWebSocket> & { readonly closeTimeout: number }; // which the types do not know
  const webSockets = new WebSocketServer(options);
  const newcomers = new Pace(systemClock, newcomersPerTurn);
  const upgrade = ({ request, socket, head }: Upgrade): void => {
    // `ws` speaks version 8 too, a draft without the rules that came later
    if (request.headers['sec-websocket-version'] !== '13') return demandVersion(socket);
    const requestHead = toRequestHead(request);
    const decision = server.decideUpgrade(requestHead);
    switch (decision.kind) {
      case 'refuse':
        return refuseUpgrade(socket, decision);
      case 'accept-and-close':
        delete request.headers['sec-websocket-protocol'];
        delete request.headers['sec-websocket-extensions'];
        return webSockets.handleUpgrade(request, socket, head, (webSocket) => {
          webSocket.on('error', ignore);
          if (decision.frame !== undefined) webSocket.send(decision.frame);
          webSocket.close(decision.code, decision.reason);
        });
      case 'accept': {
        const { protocol, subprotocol, compression } = decision;
        // `ws` answers with the first that is offered; hooks are shown the headers as they came
        request.headers = { ...request.headers, 'sec-websocket-protocol': subprotocol };
        if (compression) request.headers['sec-websocket-extensions'] = compression.extension;
        else delete request.headers['sec-websocket-extensions'];
        return webSockets.handleUpgrade(request, socket, head, (webSocket) => {
          const accepted = { stream: socket, protocol, request: requestHead };
          if (!compression || !canInflate) return serveWebSocket(server, webSocket, accepted);
          inflateWithoutContext(webSocket, messageBytes);
          const { windowBits } = compression;
          const compressed = { ...accepted, compression: { windowBits, deflate: deflateRaw } };
          return serveWebSocket(server, webSocket, compressed);
        });
      }
    }
  };
  const upgradeIn = async (turn: Promise<void>, newcomer: Upgrade): Promise<void> => {
    newcomer.socket.on('error', ignore); // `ws` finds a socket that broke meanwhile
    await turn;
    newcomer.socket.off('error', ignore);
    upgrade(newcomer);
  };
  return (newcomer) => {
    const turn = newcomers.turn();
    if (turn) void upgradeIn(turn, newcomer); // a turn never rejects, and an upgrade does not throw
    else upgrade(newcomer);
  };
}

/** Answers a request to upgrade with an HTTP status. */
export function refuseUpgrade(socket: Duplex, { status, message, headers = {} }: Answer): void {
  const lines = Object.entries({ connection: 'close', 'content-length': '0', ...headers });
  const head = lines.map(([name, value]) => `${name}: ${value}\r\n`).join('');
  socket.on('error', ignore);
  socket.end(`HTTP/1.1 ${status} ${message}\r\n${head}\r\n`, () => socket.destroy());
}

interface Answer {
  readonly status: number;
  readonly message: string;
  readonly headers?: Readonly<Record<string, string>>;
}

/** RFC 6455 section 4.4, RFC 9110 section 15.5.22. */
function demandVersion(socket: Duplex): void {
  refuseUpgrade(socket, {
    status: 426,
    message: 'Upgrade Required',
    headers: { connection: 'upgrade, close', upgrade: 'websocket', 'sec-websocket-version': '13' },
  });
}

/** `ws` counts in 32 bits and takes 0 for no limit. */
function toWsLimit(limit: number): number {
  return Number.isFinite(limit) ? Math.min(Math.ceil(limit), 2 ** 31 - 1) : 0;
}

function ignore(): void {}

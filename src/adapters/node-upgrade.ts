import type { IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';

import type { ServerOptions, WebSocket } from 'ws';
import { WebSocketServer } from 'ws';

import type { MessageSocket, Server, SocketEvents } from '../server/index.ts';
import { MessageProgress } from './message-progress.ts';
import { toRequestHead } from './node-request.ts';

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
  const { messageBytes, messageFragments, outboxHighWaterBytes } = server.limits;
  const options = {
    noServer: true,
    clientTracking: false,
    maxPayload: toWsLimit(messageBytes),
    maxFragments: toWsLimit(messageFragments),
    closeTimeout: closeTimeoutMs,
    perMessageDeflate: false,
  } satisfies ServerOptions & { readonly closeTimeout: number }; // which the types do not know
  const webSockets = new WebSocketServer(options);
  return ({ request, socket, head }) => {
    // `ws` speaks version 8 too, a draft without the rules that came later
    if (request.headers['sec-websocket-version'] !== '13') return demandVersion(socket);
    const requestHead = toRequestHead(request);
    const decision = server.decideUpgrade(requestHead);
    switch (decision.kind) {
      case 'refuse':
        return refuseUpgrade(socket, decision);
      case 'accept-and-close':
        delete request.headers['sec-websocket-protocol'];
        return webSockets.handleUpgrade(request, socket, head, (webSocket) => {
          webSocket.on('error', ignore);
          webSocket.close(decision.code, decision.reason);
        });
      case 'accept':
        // `ws` answers with the first that is offered
        request.headers['sec-websocket-protocol'] = decision.subprotocol;
        return webSockets.handleUpgrade(request, socket, head, (webSocket) => {
          const { protocol } = decision;
          // Not by `drain` events: those come only when more waited than Node's own mark, and the server's may be lower. Not at zero alone:
          // a pong of `ws` may wait behind the last message.
          const flushed = (): void => {
            if (webSocket.bufferedAmount <= outboxHighWaterBytes / 2) events.drained();
          };
          const events: SocketEvents = server.open(toMessageSocket(webSocket, flushed), {
            protocol,
            request: requestHead,
          });
          webSocket.on('message', (bytes: Buffer, isBinary: boolean) => {
            events.message(isBinary ? bytes : bytes.toString('utf8'));
          });
          webSocket.on('pong', () => events.heard());
          webSocket.on('ping', () => events.heard());
          webSocket.on('close', (code, reason) => events.closed(code, reason.toString('utf8')));
          webSocket.on('error', ignore); // a close event follows
          const progress = new MessageProgress();
          socket.on('data', (chunk: Buffer) => {
            progress.read(chunk); // after `ws`, which has delivered by now what is complete
            if (progress.isUnderWay) events.incomplete();
          });
        });
    }
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

/** @param flushed - called whenever the system took a message */
function toMessageSocket(webSocket: WebSocket, flushed: () => void): MessageSocket {
  return {
    send: (frame) => webSocket.send(frame, flushed), // with an error if the socket is gone, which tells by its close event
    ping: () => webSocket.ping(undefined, undefined, ignore),
    close: (code, reason) => webSocket.close(code, reason),
    destroy: () => webSocket.terminate(),
    get bufferedBytes() {
      return webSocket.bufferedAmount;
    },
  };
}

function ignore(): void {}

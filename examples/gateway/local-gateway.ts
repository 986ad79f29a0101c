import { createServer } from 'node:http';
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Duplex } from 'node:stream';

import { WebSocketServer } from 'ws';
import type { WebSocket } from 'ws';

import type { GatewayAnswer, GatewayEvent } from './functions.ts';

/** A gateway that runs. */
export interface LocalGateway {
  /** For clients. */
  readonly url: string;
  /** For functions. */
  readonly pushUrl: string;
  /** Called for everything that happens; several calls for one connection may be under way at once. */
  invoke: (event: GatewayEvent) => Promise<GatewayAnswer>;
  close(): Promise<void>;
}

/** A hosted gateway in small: holds the sockets, calls a function for what happens on them, and sends what it is pushed. */
export async function startLocalGateway(port = 0): Promise<LocalGateway> {
  const sockets = new Map<string, WebSocket>();
  const http = createServer((request, response) => void answerPush(sockets, request, response));
  /** What the functions chose. */
  const chosen = new WeakMap<IncomingMessage, string>();
  const acceptor = new WebSocketServer({
    noServer: true,
    handleProtocols: (_offered, request) => chosen.get(request) ?? false,
  });
  const gateway: LocalGateway = {
    url: '',
    pushUrl: '',
    invoke: () => Promise.resolve({ statusCode: 503 }),
    close: async () => {
      for (const socket of sockets.values()) socket.terminate();
      await new Promise((resolve) => http.close(resolve));
    },
  };
  const call = (
    eventType: GatewayEvent['requestContext']['eventType'],
    connectionId: string,
    rest: Omit<GatewayEvent, 'requestContext'> = {},
  ): Promise<GatewayAnswer> =>
    gateway
      .invoke({ requestContext: { eventType, connectionId }, ...rest })
      .catch(() => ({ statusCode: 500 }));

  const open = async (request: IncomingMessage, socket: Duplex, head: Buffer): Promise<void> => {
    const connectionId = crypto.randomUUID();
    const { statusCode, headers = {} } = await call('CONNECT', connectionId, {
      headers: headersOf(request),
    });
    if (statusCode !== 200) {
      socket.end(`HTTP/1.1 ${statusCode} Refused\r\nconnection: close\r\n\r\n`);
      return;
    }
    chosen.set(request, headers['sec-websocket-protocol'] ?? '');
    acceptor.handleUpgrade(request, socket, head, (webSocket) => {
      sockets.set(connectionId, webSocket);
      webSocket.on('message', (data: Buffer) => {
        void call('MESSAGE', connectionId, { body: data.toString('utf8') });
      });
      webSocket.on('close', () => {
        sockets.delete(connectionId);
        void call('DISCONNECT', connectionId);
      });
      webSocket.on('error', () => webSocket.terminate());
    });
  };
  http.on('upgrade', (request, socket, head) => void open(request, socket, head));
  await new Promise<void>((resolve) => http.listen(port, '127.0.0.1', resolve));
  const address = http.address() as AddressInfo; // it listens on a port, not on a pipe
  const origin = `127.0.0.1:${address.port}`;
  return Object.assign(gateway, {
    url: `ws://${origin}`,
    pushUrl: `http://${origin}/connections`,
  });
}

function headersOf({ headers }: IncomingMessage): Record<string, string> {
  return Object.fromEntries(
    Object.entries(headers).map(([name, value = '']) => [name, String(value)]),
  );
}

async function answerPush(
  sockets: ReadonlyMap<string, WebSocket>,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const { pathname, searchParams } = new URL(request.url ?? '/', 'http://localhost');
  const connectionId = decodeURIComponent(pathname.split('/').at(-1) ?? '');
  const chunks: Buffer[] = [];
  for await (const chunk of request as AsyncIterable<Buffer>) chunks.push(chunk);
  const socket = sockets.get(connectionId);
  if (socket?.readyState !== 1) {
    response.writeHead(410).end();
    return;
  }
  if (request.method === 'DELETE') {
    socket.close(Number(searchParams.get('code')), searchParams.get('reason') ?? '');
  } else {
    socket.send(Buffer.concat(chunks).toString('utf8'));
  }
  response.writeHead(200).end();
}

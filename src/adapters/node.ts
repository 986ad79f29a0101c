import type { IncomingMessage, Server as HttpServer, ServerResponse } from 'node:http';
import { createServer as createHttpServer } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import type { Duplex } from 'node:stream';

import type { WebSocket } from 'ws';
import { WebSocketServer } from 'ws';

import type { MessageSocket, RequestHead, Server, UpgradeDecision } from '../server/index.ts';
import { readBody, toRequestHead } from './node-request.ts';

/** Where a server answers. */
export interface AttachOptions {
  /** One path or several; every protocol answers on each. @defaultValue '/graphql' */
  readonly path?: string | readonly string[];
}

/** Where a server listens. */
export interface ListenOptions extends AttachOptions {
  /** 0 lets the system choose. @defaultValue 4000 */
  readonly port?: number;
  /** @defaultValue every interface */
  readonly host?: string;
}

/** A server that is attached to an HTTP server of yours. */
export interface Attachment {
  /** Stops answering, closes the connections with 1001 and resolves once they are gone. The HTTP server stays open. */
  close(): Promise<void>;
}

/** A server that listens. */
export interface Running extends Attachment {
  readonly url: string;
  readonly port: number;
}

/**
 * Listens on a port of its own.
 *
 * @throws the error of `node:net` (`EADDRINUSE` and others) if it cannot
 */
export async function listen(server: Server, options: ListenOptions = {}): Promise<Running> {
  const isOurs = matcherOf(options);
  const httpServer = createHttpServer((request, response) => {
    if (!isOurs(request))
      response.writeHead(404, { 'content-type': 'text/plain' }).end('Not Found\n');
  });
  const attachment = attach(server, httpServer, options);
  const { port = 4000, host } = options;
  await new Promise<void>((resolve, reject) => {
    httpServer.once('error', reject);
    httpServer.listen({ port, ...(host !== undefined && { host }) }, resolve);
  });
  const address = httpServer.address() as AddressInfo; // it listens on a port, not on a pipe
  return {
    port: address.port,
    url: `http://${host ?? 'localhost'}:${address.port}${pathsOf(options)[0] ?? ''}`,
    async close() {
      await attachment.close();
      httpServer.closeIdleConnections();
      await new Promise((resolve) => httpServer.close(resolve));
    },
  };
}

/**
 * Answers on `path` of an HTTP server of yours, plain requests and upgrades alike.
 *
 * @remarks
 * Other paths are left to the server's other listeners. They see requests of our path too and have to leave those alone; upgrades on paths that
 * nobody answers are refused with 404 if there is no other upgrade listener.
 */
export function attach(
  server: Server,
  httpServer: HttpServer,
  options: AttachOptions = {},
): Attachment {
  const isOurs = matcherOf(options);
  const sockets = createWebSocketServer(server);
  const onRequest = (request: IncomingMessage, response: ServerResponse): void => {
    if (isOurs(request)) void answer(server, request, response); // reports its own failures
  };
  const onUpgrade = (request: IncomingMessage, socket: Duplex, head: Buffer): void => {
    if (isOurs(request)) upgrade(server, sockets, { request, socket, head });
    else if (httpServer.listenerCount('upgrade') === 1) refuseUpgrade(socket, 404, 'Not Found');
  };
  httpServer.prependListener('request', onRequest);
  httpServer.on('upgrade', onUpgrade);
  return {
    async close() {
      await server.close();
      httpServer.off('request', onRequest);
      httpServer.off('upgrade', onUpgrade);
    },
  };
}

function pathsOf({ path = '/graphql' }: AttachOptions): readonly string[] {
  return typeof path === 'string' ? [path] : path;
}

function matcherOf(options: AttachOptions): (request: IncomingMessage) => boolean {
  const paths = new Set(pathsOf(options));
  return ({ url = '' }) => paths.has(url.split('?')[0] ?? '');
}

function createWebSocketServer(server: Server): WebSocketServer {
  return new WebSocketServer({
    noServer: true,
    clientTracking: false,
    maxPayload: finite(server.limits.messageBytes),
    maxFragments: finite(server.limits.messageFragments),
    perMessageDeflate: false,
    // decided once, in `upgrade`, and left on the request for this
    handleProtocols: (_offered, request) => decisions.get(request) ?? false,
  });
}

/** `ws` counts in 32 bits and takes 0 for no limit. */
function finite(limit: number): number {
  return Number.isFinite(limit) ? limit : 0;
}

const decisions = new WeakMap<IncomingMessage, string>();

interface Upgrade {
  readonly request: IncomingMessage;
  readonly socket: Duplex;
  readonly head: Buffer;
}

function upgrade(
  server: Server,
  sockets: WebSocketServer,
  { request, socket, head }: Upgrade,
): void {
  const requestHead = toRequestHead(request);
  const decision = server.decideUpgrade(requestHead);
  switch (decision.kind) {
    case 'refuse':
      return refuseUpgrade(socket, decision.status, decision.message);
    case 'accept-and-close':
      return sockets.handleUpgrade(request, socket, head, (webSocket) => {
        webSocket.on('error', ignore);
        webSocket.close(decision.code, decision.reason);
      });
    case 'accept':
      decisions.set(request, decision.subprotocol);
      return sockets.handleUpgrade(request, socket, head, (webSocket) => {
        connect(server, { webSocket, carrier: request.socket, decision, request: requestHead });
      });
  }
}

function refuseUpgrade(socket: Duplex, status: number, message: string): void {
  socket.on('error', ignore);
  socket.end(
    `HTTP/1.1 ${status} ${message}\r\nConnection: close\r\nContent-Length: 0\r\n\r\n`,
    () => socket.destroy(),
  );
}

interface Connected {
  readonly webSocket: WebSocket;
  readonly carrier: Socket;
  readonly decision: UpgradeDecision & { readonly kind: 'accept' };
  readonly request: RequestHead;
}

function connect(server: Server, { webSocket, carrier, decision, request }: Connected): void {
  const events = server.open(toMessageSocket(webSocket), { protocol: decision.protocol, request });
  webSocket.on('message', (bytes: Buffer, isBinary: boolean) => {
    events.message(isBinary ? bytes : bytes.toString('utf8'));
  });
  webSocket.on('pong', () => events.heard());
  webSocket.on('ping', () => events.heard());
  webSocket.on('close', (code, reason) => events.closed(code, reason.toString('utf8')));
  webSocket.on('error', ignore); // a close event follows
  carrier.on('drain', () => events.drained());
}

function toMessageSocket(webSocket: WebSocket): MessageSocket {
  return {
    send: (frame) => webSocket.send(frame, ignore), // a socket that is gone tells by its close event
    ping: () => webSocket.ping(undefined, undefined, ignore),
    close: (code, reason) => webSocket.close(code, reason),
    destroy: () => webSocket.terminate(),
    get bufferedBytes() {
      return webSocket.bufferedAmount;
    },
  };
}

function ignore(): void {}

async function answer(
  server: Server,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const left = new AbortController();
  response.once('close', () => left.abort());
  const { status, headers, body } = await server.handleRequest({
    ...toRequestHead(request),
    body: (maximumBytes) => readBody(request, maximumBytes),
    signal: left.signal,
  });
  if (response.destroyed) return;
  // what was not read of the body would be taken for the next request
  response.writeHead(status, request.complete ? headers : { ...headers, connection: 'close' });
  response.end(body);
}

import type { IncomingMessage } from 'node:http';

import { errorEntry } from '../errors.ts';
import type { ErrorCode } from '../errors.ts';
import type { RequestHead, Server } from '../server/index.ts';
import { toRequestHead } from './node-request-head.ts';
import type { ServedWebSocket } from './node-socket.ts';
import { serveWebSocket } from './node-socket.ts';
import { assumeOpenFiles } from './open-files.ts';

/** What is used of a WebSocket of the package `ws`, in any copy of its version 8. */
export interface WebSocketLike {
  readonly protocol: string;
  readonly readyState: number;
  readonly extensions: string;
  send(message: string): void;
  close(code?: number, reason?: string): void;
  terminate(): void;
  on(name: 'close', listener: (code: number, reason: Buffer) => void): unknown;
  on(name: 'error', listener: (error: Error) => void): unknown;
}

/** What is used of a `WebSocketServer` of the package `ws`, in any copy of its version 8. */
export interface WebSocketServerLike<Socket extends WebSocketLike = WebSocketLike> {
  readonly options: WebSocketServerOptionsLike;
  on(name: 'connection', listener: (socket: Socket, request: IncomingMessage) => void): unknown;
  on(name: 'error', listener: (error: Error) => void): unknown;
  off(name: 'connection', listener: (socket: Socket, request: IncomingMessage) => void): unknown;
  off(name: 'error', listener: (error: Error) => void): unknown;
  close(callback?: (error?: Error) => void): void;
}

/** Settings of a `WebSocketServer` that count for each upgrade. */
export interface WebSocketServerOptionsLike {
  handleProtocols?: Function | undefined;
  maxPayload?: number | undefined;
  maxFragments?: number | undefined;
}

/** How a server serves the sockets of another's `WebSocketServer`. */
export interface ServeOptions<Socket extends WebSocketLike> {
  /** Whether foreign origins are looked for; not by default, because the upgrade was decided on before. */
  readonly origins: 'checked' | 'unchecked';
  /** Told of every socket, before any message of it, and after it was closed if it is not served. */
  readonly onSocket: (socket: Socket, request: IncomingMessage, head: RequestHead) => void;
}

/**
 * Has `server` serve the sockets of a `WebSocketServer` of yours: that goes on to decide on its upgrades, by path, `verifyClient` or your own
 * `handleUpgrade`. Which subprotocol is spoken, and how large messages may be, is up to `server`.
 *
 * @returns what ends that for sockets to come
 */
export function serveWebSocketServer<Socket extends WebSocketLike>(
  server: Server,
  webSocketServer: WebSocketServerLike<Socket>,
  { origins, onSocket }: ServeOptions<Socket>,
): () => void {
  assumeOpenFiles(server);
  const decide = (head: RequestHead, offered: string) =>
    server.decideUpgrade(offering(offered, head, origins));
  const giveBack = setUp(webSocketServer.options, server, (offered, request) => {
    const decision = decide(toRequestHead(request), [...offered].join(','));
    switch (decision.kind) {
      case 'accept':
        return decision.subprotocol;
      case 'accept-and-close':
        return false;
      case 'refuse':
        return [...offered][0] ?? false; // clients that hear of none see no close code
    }
  });
  const onConnection = (socket: Socket, request: IncomingMessage): void => {
    const head = toRequestHead(request);
    const decision = decide(head, socket.protocol);
    if (decision.kind === 'accept') {
      const served = socket as unknown as ServedWebSocket; // what it has besides is optional
      if (socket.extensions !== '') served.isLate = true;
      const { protocol } = decision;
      serveWebSocket(server, served, { stream: request.socket, protocol, request: head });
    } else {
      socket.on('error', ignore);
      if (decision.kind === 'refuse') close(socket, toError(decision.status));
      else {
        if (decision.frame !== undefined) socket.send(decision.frame);
        socket.close(decision.code, decision.reason);
      }
    }
    onSocket(socket, request, head);
  };
  webSocketServer.on('connection', onConnection);
  return () => {
    webSocketServer.off('connection', onConnection);
    giveBack();
  };
}

/** The head of a request as if it had offered no more than `subprotocols`. */
function offering(
  subprotocols: string,
  head: RequestHead,
  origins: 'checked' | 'unchecked',
): RequestHead {
  const { method, url, headers } = head;
  const origin = origins === 'checked' ? headers['origin'] : undefined;
  return { method, url, headers: { ...headers, origin, 'sec-websocket-protocol': subprotocols } };
}

/** Of the bounds on messages the smaller ones count. */
function setUp(
  options: WebSocketServerOptionsLike,
  { limits }: Server,
  handleProtocols: (offered: ReadonlySet<string>, request: IncomingMessage) => string | false,
): () => void {
  const { handleProtocols: chosen, maxPayload, maxFragments } = options;
  options.handleProtocols = handleProtocols;
  options.maxPayload = smaller(maxPayload, limits.messageBytes);
  options.maxFragments = smaller(maxFragments, limits.messageFragments);
  return () => {
    options.handleProtocols = chosen;
    options.maxPayload = maxPayload;
    options.maxFragments = maxFragments;
  };
}

/** `ws` counts in 32 bits and takes 0 for no limit. */
function smaller(given: number | undefined, limit: number): number {
  const least = Math.min(given || Number.POSITIVE_INFINITY, Math.ceil(limit));
  return Number.isFinite(least) ? Math.min(least, 2 ** 31 - 1) : 0;
}

/** The upgrade is done, so its status has to become a close code. */
function toError(status: number): ErrorCode {
  return status === 503 ? 'AT_CAPACITY' : 'FORBIDDEN';
}

function close(socket: WebSocketLike, error: ErrorCode): void {
  const { closeCode, reason } = errorEntry(error);
  socket.close(closeCode, reason);
}

function ignore(): void {}

import {
  connectSuffix,
  connectText,
  toHandshake,
  toRealtimeUrl,
  withHost,
  writeRequest,
} from '../../protocol/appsync/client-handshake.ts';
import type { Authorization } from '../../protocol/appsync/client-handshake.ts';
import { readAppsyncErrors } from '../../protocol/appsync/client-errors.ts';
import { appsyncClient } from '../../protocol/appsync/client-protocol.ts';
import type { IncomingMessage } from '../../protocol/client-protocol.ts';
import { UsageError } from '../../errors.ts';
import type { Frame } from '../../vocabulary.ts';
import { provide } from '../transport.ts';
import type {
  Connection,
  ConnectionListener,
  ConnectionSettings,
  ResultSink,
  StartedOperation,
} from '../transport.ts';
import { AppsyncOperation } from './appsync-operation.ts';
import type {
  AppsyncOptions,
  AuthorizationRequest,
  OpenAppsyncSocket,
} from './appsync-transport.ts';
import type { SocketHandlers, WebSocketLike } from './socket.ts';
import { createWebSocketTransport } from './websocket-transport.ts';

/** What a connection to AppSync is made of. */
export interface AppsyncConnectionParts extends AppsyncOptions {
  readonly settings: ConnectionSettings;
  readonly listener: ConnectionListener;
  readonly open: OpenAppsyncSocket;
}

/** A connection over one socket, whose operations are authorized one by one before they go there. */
export class AppsyncConnection implements Connection {
  readonly confirmsStarts = true;
  readonly #parts: AppsyncConnectionParts;
  readonly #socket: Connection;
  readonly #operations = new Set<AppsyncOperation>();
  #state: 'connecting' | 'ready' | 'over' = 'connecting';
  /** The GraphQL endpoint; known before anything is authorized. */
  #endpoint = new URL('http://localhost');
  /** What the server last complained of without naming an operation. */
  #complaint: unknown;

  constructor(parts: AppsyncConnectionParts) {
    const { connectTimeoutMs, ackTimeoutMs, settings, listener } = parts;
    this.#parts = parts;
    const transport = createWebSocketTransport(
      {
        ...(connectTimeoutMs !== undefined && { connectTimeoutMs }),
        ...(ackTimeoutMs !== undefined && { ackTimeoutMs }),
        protocol: { ...appsyncClient, decode: (frame) => this.#decode(frame) },
      },
      (url) => this.#open(url),
    );
    this.#socket = transport.connect(
      // the protocol has no place for parameters
      { url: () => this.#locate(), clock: settings.clock },
      {
        connected: (ackPayload) => {
          this.#state = 'ready';
          for (const operation of this.#operations) operation.connected();
          listener.connected(ackPayload);
        },
        violated: (message) => listener.violated(message),
        closed: (failure) => {
          this.#leave();
          listener.closed(failure);
        },
      },
    );
  }

  /** @throws UsageError for a query or a mutation */
  start({ kind, request }: StartedOperation, sink: ResultSink): () => void {
    if (kind !== 'subscription') {
      throw new UsageError(
        'The sockets of AppSync carry subscriptions only: `transport: { queries: http(), subscriptions: appsync(…) }`',
      );
    }
    const operation = new AppsyncOperation({
      ...this.#parts,
      clock: this.#parts.settings.clock,
      request,
      data: writeRequest(request),
      sink,
      authorize: (asked) => this.#authorize(asked),
      start: (authorized, inner) => this.#socket.start({ kind, request: authorized }, inner),
      discharge: () => this.#operations.delete(operation),
      complaint: () => this.#complaint,
    });
    this.#operations.add(operation);
    if (this.#state === 'ready') operation.connected();
    return () => operation.cancel();
  }

  close(): void {
    this.#leave();
    this.#socket.close();
  }

  /** Where the sockets are. */
  async #locate(): Promise<string | URL> {
    const { settings, realtimeUrl } = this.#parts;
    const { location } = globalThis as { readonly location?: { readonly href: string } };
    const { href } = new URL(await provide(settings.url), location?.href);
    this.#endpoint = new URL(href.replace(/^ws/, 'http'));
    return realtimeUrl === undefined ? toRealtimeUrl(this.#endpoint) : provide(realtimeUrl);
  }

  async #open(url: string): Promise<WebSocketLike & SocketHandlers> {
    const { open, variant = 'subprotocol' } = this.#parts;
    const endpoint = new URL(this.#endpoint);
    endpoint.pathname += connectSuffix;
    const authorization = await this.#authorize({ url: endpoint.href, data: connectText });
    // nobody hears of it: the connection is over
    if (this.#state === 'over') throw new UsageError('The connection was closed');
    return open(toHandshake(variant, url, authorization));
  }

  async #authorize(
    asked: Pick<AuthorizationRequest, 'data' | 'request'> & { readonly url?: string },
  ): Promise<Authorization> {
    const { authorization } = this.#parts;
    const { host, href } = this.#endpoint;
    const given =
      typeof authorization === 'function'
        ? await authorization({ url: href, host, ...asked })
        : authorization;
    return withHost(given, host);
  }

  #decode(frame: Frame): IncomingMessage | undefined {
    const { connectionTimeoutMs, listener } = this.#parts;
    const message = appsyncClient.decode(frame);
    if (message?.type === 'connection_ack' && connectionTimeoutMs !== undefined)
      return { ...message, silenceMs: connectionTimeoutMs };
    if (message?.type === 'connection_error' && this.#state === 'ready') {
      // the connection goes on, so that nothing else would tell of it
      this.#complaint = message.payload;
      const [error] = readAppsyncErrors(message.payload);
      listener.violated(`The server complains: ${error?.message}`);
    }
    return message;
  }

  #leave(): void {
    this.#state = 'over';
    for (const operation of this.#operations) operation.closed();
    this.#operations.clear();
  }
}

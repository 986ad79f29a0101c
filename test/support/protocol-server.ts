import { once } from 'node:events';
import type { IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';

import { onTestFinished } from 'vitest';
import { WebSocket, WebSocketServer } from 'ws';
import type { ServerOptions } from 'ws';

import { Inbox, until } from './waiting.ts';

/** A WebSocket server on a port of its own that says nothing by itself: a test reads and writes every message. */
export class ProtocolServer {
  readonly url: string;
  readonly port: number;
  readonly #arrivals = new Inbox<ProtocolPeer>('a connection');
  readonly #peers: ProtocolPeer[] = [];

  constructor(server: WebSocketServer) {
    const { port } = server.address() as AddressInfo; // it listens on a port, not on a pipe
    this.port = port;
    this.url = `ws://127.0.0.1:${port}/graphql`;
    server.on('connection', (socket, request) => {
      const peer = new ProtocolPeer(socket, request);
      this.#peers.push(peer);
      this.#arrivals.push(peer);
    });
  }

  /** The next connection that was not taken. */
  connection(): Promise<ProtocolPeer> {
    return this.#arrivals.next();
  }

  /** The next connection, once its init message came and was acknowledged. */
  async ready(ackPayload?: object): Promise<ProtocolPeer> {
    const peer = await this.connection();
    await peer.next();
    peer.send({ type: 'connection_ack', ...(ackPayload && { payload: ackPayload }) });
    return peer;
  }

  /** How many connections there ever were. */
  get connectionCount(): number {
    return this.#peers.length;
  }

  /** How many there are. */
  get openCount(): number {
    return this.#peers.filter(({ isOpen }) => isOpen).length;
  }

  destroyAll(): void {
    for (const peer of this.#peers) peer.vanish();
  }
}

/** Starts a server that chooses `subprotocol`, whatever is offered, or none if it is empty; it ends with the test. */
export async function serveProtocol(
  subprotocol = 'graphql-transport-ws',
  options: ServerOptions = {},
): Promise<ProtocolServer> {
  const server = new WebSocketServer({
    port: 0,
    host: '127.0.0.1',
    handleProtocols: () => subprotocol || false,
    ...options,
  });
  await once(server, 'listening');
  const protocolServer = new ProtocolServer(server);
  onTestFinished(async () => {
    protocolServer.destroyAll();
    await new Promise((resolve) => server.close(resolve));
  });
  return protocolServer;
}

/** How a connection ended, as the server saw it. */
export interface Closing {
  readonly code: number;
  readonly reason: string;
}

/** The server's end of one connection. */
export class ProtocolPeer {
  /** What the client sent with its upgrade. */
  readonly request: IncomingMessage;
  readonly #socket: WebSocket;
  readonly #messages = new Inbox<unknown>('a message of the client');
  readonly #closed: Promise<Closing>;

  constructor(socket: WebSocket, request: IncomingMessage) {
    this.#socket = socket;
    this.request = request;
    socket.on('message', (bytes: Buffer) =>
      this.#messages.push(JSON.parse(bytes.toString('utf8')) as unknown),
    );
    socket.on('error', () => {}); // what a test does on purpose; a close follows
    this.#closed = new Promise((resolve) => {
      socket.on('close', (code, reason) => resolve({ code, reason: reason.toString('utf8') }));
    });
  }

  get isOpen(): boolean {
    return this.#socket.readyState === WebSocket.OPEN;
  }

  /** The next message that was not taken. */
  next(): Promise<unknown> {
    return this.#messages.next();
  }

  /** The next `count` messages. */
  take(count: number): Promise<readonly unknown[]> {
    return this.#messages.take(count);
  }

  /** What the client has sent and was not taken, once it has read what was sent to it, and so have those who listen to it. */
  async rest(): Promise<readonly unknown[]> {
    for (let trips = 0; trips < 3; trips += 1) await this.#roundTrip();
    return this.#messages.rest;
  }

  /** The code and reason with which the connection ends. */
  closed(): Promise<Closing> {
    return this.#closed;
  }

  send(...messages: readonly object[]): void {
    for (const message of messages) this.write(JSON.stringify(message));
  }

  /** Sends a message that may be anything. */
  write(frame: string | Uint8Array): void {
    this.#socket.send(frame);
  }

  close(code?: number, reason?: string): void {
    this.#socket.close(code, reason);
  }

  /** Ends the connection without a close frame. */
  vanish(): void {
    this.#socket.terminate();
  }

  /** Resolves once the connection is gone. */
  gone(): Promise<void> {
    return until(() => this.#socket.readyState === WebSocket.CLOSED, 'the end of a connection');
  }

  async #roundTrip(): Promise<void> {
    if (!this.isOpen) return;
    await new Promise<void>((resolve) => {
      const stop = (): void => {
        this.#socket.off('pong', stop).off('close', stop);
        resolve();
      };
      this.#socket.on('pong', stop).on('close', stop);
      this.#socket.ping();
    });
  }
}

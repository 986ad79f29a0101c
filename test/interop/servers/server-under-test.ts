import type { Server } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';

import { createClient } from 'millrace/client';
import type { Client, ClientOptions } from 'millrace/client';
import { onTestFinished } from 'vitest';

import { until } from '../../support/waiting.ts';
import { createForeignApp } from './foreign-app.ts';
import type { ForeignApp } from './foreign-app.ts';

/** A server library in one of the ways in which our client reaches it; one row of the matrix. */
export interface ServerUnderTest {
  /** Its package on npm. */
  readonly packageName: string;
  /** What of the package is used, or with what, if that needs saying. */
  readonly part?: string;
  /** What our client sends its operations over. */
  readonly over: string;
  /** Serves `/graphql` on `port` of 127.0.0.1. */
  serve(app: ForeignApp, port: number): Promise<ServingLibrary>;
  /** How our client is told to reach it, and how it shows a token there. */
  readonly clientOptions: (token?: string) => Pick<ClientOptions, 'transport' | 'connectionParams'>;
  /** Where the library itself does something of its own, by the column of the matrix. */
  readonly peculiarities?: Readonly<Record<string, Peculiarity>>;
}

/** What a library made. */
export interface ServingLibrary {
  readonly httpServer: Server;
  /** The library's own way to stop, as far as it has one; what it leaves open is destroyed. */
  readonly stop: () => unknown;
}

/** What our client sees in place of the ordinary. */
export interface Peculiarity {
  /** A word for the matrix. */
  readonly outcome: string;
  /** A sentence for those who read the matrix: why. */
  readonly note: string;
  readonly observed: unknown;
  /** In place of what the others are asked, where it would wait in vain. */
  readonly observe?: (trial: Trial) => Promise<unknown>;
}

/** One server, with the means to reach it. */
export interface Trial {
  readonly server: RunningServer;
  /** A client that ends with the test; `options` on top of those that reach the server. */
  readonly connect: (options?: Partial<ClientOptions> & { readonly token?: string }) => Client;
  /** What the clients did not understand of what the server said, and what failed inside them. */
  readonly complaints: readonly unknown[];
}

export interface RunningServer {
  readonly app: ForeignApp;
  readonly url: string;
  /** Upgraded sockets, and responses that have not ended. */
  readonly openConnections: number;
  /** Resolves once exactly `count` connections are open. */
  connections(count: number): Promise<void>;
  close(): Promise<void>;
  /** Once this one is closed: another on its port, with an application of its own. */
  startSuccessor(): Promise<RunningServer>;
}

/** Starts the server. It ends with the test at the latest. */
export async function serveForeign(library: ServerUnderTest): Promise<Trial> {
  const server = await start(library, 0);
  const complaints: unknown[] = [];
  const complain = (complaint: unknown): void => void complaints.push(complaint);
  return {
    server,
    complaints,
    connect: ({ token, ...options } = {}) => {
      const client = createClient({
        url: server.url,
        retry: { minDelayMs: 2, maxDelayMs: 50 },
        onProtocolViolation: complain,
        onInternalError: complain,
        ...library.clientOptions(token),
        ...options,
      });
      onTestFinished(() => client.close());
      return client;
    },
  };
}

async function start(library: ServerUnderTest, atPort: number): Promise<RunningServer> {
  const app = createForeignApp();
  const { httpServer, stop } = await library.serve(app, atPort);
  const sockets = new Set<Socket>();
  let openConnections = 0;
  httpServer.on('connection', (socket) => {
    sockets.add(socket);
    socket.once('close', () => sockets.delete(socket));
  });
  const counted = (connection: Pick<Socket, 'once'>): void => {
    openConnections += 1;
    connection.once('close', () => {
      openConnections -= 1;
    });
  };
  httpServer.on('request', (_, response) => counted(response as unknown as Socket)); // both have `close`
  httpServer.on('upgrade', (_, socket) => counted(socket as Socket)); // no server here but has sockets of `net`
  const { port } = httpServer.address() as AddressInfo; // it listens on a port
  let closed: Promise<void> | undefined;
  const close = async (): Promise<void> => {
    await stop();
    await until(() => {
      for (const socket of sockets) socket.destroy();
      return !httpServer.listening && sockets.size === 0;
    }, 'the end of a server');
  };
  const running: RunningServer = {
    app,
    url: `http://127.0.0.1:${port}/graphql`,
    get openConnections() {
      return openConnections;
    },
    connections: (count) => until(() => openConnections === count, `${count} open connections`),
    close: () => (closed ??= close()),
    startSuccessor: () => start(library, port),
  };
  onTestFinished(() => running.close());
  return running;
}

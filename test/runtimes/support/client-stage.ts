import { once } from 'node:events';
import { createServer as createHttpServer } from 'node:http';
import type { IncomingMessage, Server as HttpServer, ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Duplex } from 'node:stream';
import { text } from 'node:stream/consumers';

import { attach } from 'millrace/adapters/node';
import { createServer, refuse } from 'millrace/server';
import type { Server } from 'millrace/server';

import { createFileSchema } from '../../support/file-schema.ts';
import { createFixtureApp } from '../../support/fixture-app.ts';
import type { FixtureApp } from '../../support/fixture-app.ts';
import { createIncrementalApp } from '../../support/incremental-app.ts';
import type { ClientReport, StageCommands } from './client-commands.ts';

/** The server of the client's suite, and what a program tells of its run. */
export interface ClientStage {
  /** Where it listens: `http://127.0.0.1:4000`. */
  readonly origin: string;
  /** By the names of the cases. */
  readonly reports: ReadonlyMap<string, Extract<ClientReport, { readonly kind: 'case' }>>;
  /** Resolves once a program has told that its run ended. */
  readonly ended: Promise<unknown>;
  close(): Promise<void>;
}

/** Pages and scripts for browsers, by path. */
export type StageFiles = ReadonlyMap<string, { readonly type: string; readonly body: string }>;

/** @param files - what it serves besides */
export async function startClientStage(files: StageFiles = new Map()): Promise<ClientStage> {
  const app = createFixtureApp();
  const server = createStagedServer(app);
  const reports: Map<string, Extract<ClientReport, { readonly kind: 'case' }>> = new Map();
  const httpServer = createHttpServer();
  const take = (report: ClientReport): void => {
    if (report.kind === 'end') httpServer.emit('suite-end');
    else reports.set(report.name, report);
  };
  const ended = once(httpServer, 'suite-end');
  httpServer.on('request', (request, response) => {
    const file = files.get(request.url ?? '');
    if (file) response.writeHead(200, { 'content-type': file.type }).end(file.body);
    else if (request.url === '/report') void obey(request, response, take);
    else if (request.url === '/control') void obey(request, response, commands);
    else response.writeHead(404).end();
  });
  const attachments = [
    attach(server, httpServer),
    attach(createServer({ schema: createFileSchema(), uploads: true }), httpServer, {
      path: '/files',
    }),
    attach(createServer({ schema: createIncrementalApp().schema }), httpServer, { path: '/parts' }),
  ];
  // behind the server: those see everything
  const commands = createCommands({ app, server, httpServer });
  httpServer.listen(0, '127.0.0.1');
  await once(httpServer, 'listening');
  const { port } = httpServer.address() as AddressInfo; // it listens on a port
  return {
    origin: `http://127.0.0.1:${port}`,
    reports,
    ended,
    async close() {
      await Promise.all(attachments.map((attachment) => attachment.close()));
      const closed = once(httpServer, 'close');
      httpServer.close();
      httpServer.closeAllConnections();
      await closed;
    },
  };
}

function createStagedServer(app: FixtureApp): Server {
  return createServer({
    schema: app.schema,
    broker: app.broker,
    persistedQueries: {},
    protocols: [
      'graphql-transport-ws',
      'subscriptions-transport-ws',
      'appsync',
      'sse',
      'sse-single',
      'multipart',
    ],
    // the suite is one client in a hurry, with long messages
    limits: {
      messageBytes: 4_194_304,
      bodyBytes: 4_194_304,
      outboxHighWaterBytes: 8_388_608,
      outboxHardBytes: 8_388_608,
      operationsPerConnection: 1_000,
      subscribeBurst: 1_000,
    },
    onConnect({ connectionParams, request }) {
      if (connectionParams['token'] === 'wrong') return refuse({ reason: 'Not with this token' });
      const token = request.headers['x-token'];
      return { ackPayload: { params: connectionParams, ...(token !== undefined && { token }) } };
    },
    onInternalError: () => {},
  });
}

interface StageParts {
  readonly app: FixtureApp;
  readonly server: Server;
  readonly httpServer: HttpServer;
}

/** Carries a command out. */
function createCommands({ app, server, httpServer }: StageParts): (command: Command) => unknown {
  /** What carries something; idle connections that may be used again are nobody's. */
  const carriers = new Set<Duplex>();
  let openedSockets = 0;
  httpServer.on('upgrade', ({ url }, socket) => {
    if (!/^\/(graphql|parts)\b/.test(url ?? '')) {
      socket.end('HTTP/1.1 404 Not Found\r\nconnection: close\r\n\r\n');
      return;
    }
    openedSockets += 1;
    carriers.add(socket);
    socket.once('close', () => carriers.delete(socket));
  });
  httpServer.on('request', ({ socket, url }, response) => {
    if (url === '/control') return;
    carriers.add(socket);
    response.once('close', () => carriers.delete(socket));
  });
  const commands: StageCommands = {
    cut() {
      for (const carrier of carriers) carrier.destroy();
    },
    async publish(room, message) {
      await app.publish(room, message);
    },
    sources: () => app.openSources(),
    connections: () => server.gauges().connections,
    operations: () => server.gauges().operations,
    openedSockets: () => openedSockets,
    async closedUrl() {
      const listener = createHttpServer().listen(0, '127.0.0.1');
      await once(listener, 'listening');
      const { port } = listener.address() as AddressInfo; // it listens on a port
      listener.close();
      return `http://127.0.0.1:${port}/graphql`;
    },
  };
  return ({ name, values }) => {
    const command: (...values: readonly never[]) => unknown = commands[name];
    return command(...(values as readonly never[])); // as the suite sends them
  };
}

interface Command {
  readonly name: keyof StageCommands;
  readonly values: readonly unknown[];
}

/** Answers a request with what `use` makes of its body. */
async function obey(
  request: IncomingMessage,
  response: ServerResponse,
  use: (body: never) => unknown,
): Promise<void> {
  const value = await use(JSON.parse(await text(request)) as never); // as the programs send it
  response.writeHead(200, { 'content-type': 'application/json' });
  response.end(JSON.stringify({ value: value ?? null }));
}

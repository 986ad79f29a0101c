import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';

import type { GraphQLSchema } from 'graphql';
import type { ServerOptions } from 'graphql-ws';
import { useServer as useTheirs } from 'graphql-ws/use/ws';
import type { Extra } from 'graphql-ws/use/ws';
import { useServer as useOurs } from 'millrace/migrate/graphql-ws';
import { expect, onTestFinished } from 'vitest';
import { WebSocketServer } from 'ws';

import { connectSocket } from '../../support/socket-client.ts';
import type { SocketClient } from '../../support/socket-client.ts';
import { ourGraphql, theirGraphql } from './both-graphqls.ts';
import type { GraphqlLibrary } from './both-graphqls.ts';

/** What a program that serves `graphql-transport-ws` imports. */
export interface GraphqlWsImports {
  readonly graphql: GraphqlLibrary;
  readonly useServer: typeof useTheirs;
}

/** The options of such a program. */
export type GraphqlWsOptions = ServerOptions<Record<string, unknown> | undefined, Extra>;

/** By the name of the import. */
export const graphqlWsImports: readonly [string, GraphqlWsImports][] = [
  ['graphql-ws/use/ws', { graphql: theirGraphql, useServer: useTheirs }],
  [
    'millrace/migrate/graphql-ws',
    { graphql: ourGraphql, useServer: useOurs as unknown as typeof useTheirs }, // the same by one import
  ],
];

/** A served program, and sockets to it. */
export interface ServedGraphqlWs {
  readonly server: ReturnType<typeof useTheirs>;
  readonly open: () => Promise<SocketClient>;
  /** With a connection that was acknowledged. */
  readonly ready: (payload?: object) => Promise<SocketClient>;
}

/** Serves a program on a port of its own until the test has ended. */
export async function serveGraphqlWsProgram(
  { useServer }: GraphqlWsImports,
  schema: GraphQLSchema | undefined,
  options: GraphqlWsOptions,
): Promise<ServedGraphqlWs> {
  const httpServer = createServer();
  const webSocketServer = new WebSocketServer({ server: httpServer, path: '/graphql' });
  const server = useServer({ ...(schema && { schema }), ...options }, webSocketServer);
  await new Promise<void>((resolve) => httpServer.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => {
    webSocketServer.clients.forEach((socket) => socket.terminate());
    httpServer.closeAllConnections();
    httpServer.close();
  });
  const { port } = httpServer.address() as AddressInfo; // it listens on a port
  const open = async () => {
    const client = await connectSocket(`ws://127.0.0.1:${port}/graphql`, 'graphql-transport-ws');
    onTestFinished(() => client.socket.terminate());
    return client;
  };
  return {
    server,
    open,
    async ready(payload) {
      const client = await open();
      client.send(JSON.stringify({ type: 'connection_init', ...(payload && { payload }) }));
      expect(await client.next()).toMatchObject({ message: { type: 'connection_ack' } });
      return client;
    },
  };
}

/** The frame that starts an operation. */
export function subscribeFrame(query: string, more: object = {}, id = '1'): string {
  return JSON.stringify({ type: 'subscribe', id, payload: { query, ...more } });
}

/** The frame that ends one. */
export function completeFrame(id = '1'): string {
  return JSON.stringify({ type: 'complete', id });
}

/** What was observed of a result, an error or an end. */
export const observed = {
  next: (payload: object, id = '1') => ({
    kind: 'message',
    message: { id, type: 'next', payload },
  }),
  error: (payload: readonly object[], id = '1') => ({
    kind: 'message',
    message: { id, type: 'error', payload },
  }),
  complete: (id = '1') => ({ kind: 'message', message: { id, type: 'complete' } }),
} as const;

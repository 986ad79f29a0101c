import { createServer as createHttpServer } from 'node:http';
import type { Server as HttpServer } from 'node:http';
import type { AddressInfo } from 'node:net';

import { buildSchema } from 'graphql';
import type { GraphQLSchema } from 'graphql';
import { createMemoryBroker } from 'millrace/broker/memory';
import type { MemoryBroker } from 'millrace/broker/memory';
import { PubSub } from 'millrace/migrate/graphql-subscriptions';
import { onTestFinished } from 'vitest';
import { WebSocketServer } from 'ws';
import type { ServerOptions } from 'ws';

import { connectSocket } from './socket-client.ts';
import type { SocketClient } from './socket-client.ts';

/** A schema as programs have it that use publish and subscribe. */
export interface MigratedApp {
  readonly schema: GraphQLSchema;
  readonly broker: MemoryBroker;
  readonly pubsub: PubSub<Record<string, unknown>>;
}

/** `hello`, `fails`, `who` (of the context), `tick` (published to `TICK`), `count` (a generator), `broken` (a generator that fails). */
export function createMigratedApp(): MigratedApp {
  const schema = buildSchema(`
    type Query { hello: String root: String fails: String who: String }
    type Mutation { say(text: String): String }
    type Subscription { tick: Int count(to: Int!): Int broken: Int refused: Int }
  `);
  const broker = createMemoryBroker();
  const pubsub = new PubSub<Record<string, unknown>>({ broker });
  const implement = (type: string, field: string, implementation: object): void => {
    Object.assign(fieldOf(schema, type, field), implementation);
  };
  implement('Query', 'hello', { resolve: () => 'world' });
  implement('Query', 'root', { resolve: (root: unknown) => root });
  implement('Query', 'fails', {
    resolve: () => {
      throw new Error('no such luck');
    },
  });
  implement('Query', 'who', {
    resolve: (_: unknown, _args: unknown, context: { readonly user?: string } | undefined) =>
      context?.user,
  });
  implement('Mutation', 'say', {
    resolve: (_: unknown, { text }: { readonly text: string }) => text,
  });
  implement('Subscription', 'tick', { subscribe: () => pubsub.asyncIterableIterator('TICK') });
  implement('Subscription', 'count', {
    async *subscribe(_: unknown, { to }: { readonly to: number }) {
      for (let count = 1; count <= to; count += 1) yield { count };
    },
  });
  implement('Subscription', 'broken', {
    async *subscribe() {
      yield { broken: 1 };
      throw new Error('out of order');
    },
  });
  implement('Subscription', 'refused', {
    subscribe: () => {
      throw new Error('not for you');
    },
  });
  return { schema, broker, pubsub };
}

function fieldOf(schema: GraphQLSchema, type: string, field: string): object {
  const named = schema.getType(type);
  const found = named && 'getFields' in named ? named.getFields()[field] : undefined;
  if (!found) throw new Error(`no field ${type}.${field}`);
  return found;
}

/** A `WebSocketServer` on a port of its own, which nobody serves yet. */
export interface WebSocketStage {
  readonly httpServer: HttpServer;
  readonly webSocketServer: WebSocketServer;
  readonly url: string;
  readonly connect: (subprotocols?: string | string[]) => Promise<SocketClient>;
}

/** Listens; everything that is left is cut when the test has ended. */
export async function stageWebSocketServer(
  options: Omit<ServerOptions, 'server' | 'port'> = { path: '/graphql' },
): Promise<WebSocketStage> {
  const httpServer = createHttpServer((_request, response) => response.writeHead(404).end());
  const webSocketServer = new WebSocketServer({
    ...options,
    ...(options.noServer !== true && { server: httpServer }),
  });
  await new Promise<void>((resolve) => httpServer.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => {
    webSocketServer.clients.forEach((socket) => socket.terminate());
    httpServer.closeAllConnections();
    httpServer.close();
  });
  const { port } = httpServer.address() as AddressInfo; // it listens on a port
  const url = `ws://127.0.0.1:${port}/graphql`;
  return {
    httpServer,
    webSocketServer,
    url,
    async connect(subprotocols = 'graphql-transport-ws') {
      const client = await connectSocket(url, subprotocols);
      onTestFinished(() => client.socket.terminate());
      return client;
    },
  };
}

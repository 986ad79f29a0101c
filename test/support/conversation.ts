import type { ServerOptions } from 'millrace/server';
import { createServer } from 'millrace/server';
import { VirtualClock } from 'millrace/testing';
import { expect } from 'vitest';

import type { FixtureApp } from './fixture-app.ts';
import { createFixtureApp } from './fixture-app.ts';
import type { MemoryClient, MemoryClientOptions } from './memory-client.ts';
import { connectInMemory } from './memory-client.ts';

/** A server with the fixture application on a virtual clock, and what it hid from its clients. */
export interface Conversation {
  readonly app: FixtureApp;
  readonly clock: VirtualClock;
  readonly server: ReturnType<typeof createServer>;
  /** What `onInternalError` heard: where, and the message. */
  readonly hidden: readonly string[];
  /** A socket that was not initialised yet. */
  readonly connect: (options?: MemoryClientOptions) => MemoryClient;
  /** A socket whose init was acknowledged. */
  readonly ready: (options?: MemoryClientOptions) => Promise<MemoryClient>;
}

/** Starts a server with the fixture application; `options` replace its own. */
export function converse(options: Partial<ServerOptions> = {}): Conversation {
  const app = createFixtureApp();
  const clock = new VirtualClock();
  const hidden: string[] = [];
  const server = createServer({
    schema: app.schema,
    broker: app.broker,
    protocols: [
      'graphql-transport-ws',
      'subscriptions-transport-ws',
      'appsync',
      'sse',
      'sse-single',
      'multipart',
    ],
    onInternalError: (error, where) => {
      hidden.push(`${where}: ${error instanceof Error ? error.message : String(error)}`);
    },
    uploads: true,
    clock,
    ...options,
  });
  const connect = (clientOptions?: MemoryClientOptions): MemoryClient =>
    connectInMemory(server, clock, clientOptions);
  return {
    app,
    clock,
    server,
    hidden,
    connect,
    async ready(clientOptions) {
      const client = connect(clientOptions);
      client.send('{"type":"connection_init"}');
      expect(await client.next()).toMatchObject({ message: { type: 'connection_ack' } });
      return client;
    },
  };
}

/** Sends `subscribe` with the id and query. */
export function subscribe(
  client: MemoryClient,
  id: string,
  query: string,
  more: object = {},
): void {
  client.send(JSON.stringify({ id, type: 'subscribe', payload: { query, ...more } }));
}

/** Subscribes to the messages of a room. */
export function listenTo(client: MemoryClient, id: string, room: string): void {
  subscribe(client, id, 'subscription ($room: ID!) { message(room: $room) { text } }', {
    variables: { room },
  });
}

/** The messages among what a client has seen and not taken. */
export async function messagesOf(client: MemoryClient): Promise<readonly unknown[]> {
  const observations = await client.rest();
  return observations.map((observation) =>
    observation.kind === 'message' ? observation.message : observation,
  );
}

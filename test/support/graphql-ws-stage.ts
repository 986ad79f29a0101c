import { useServer } from 'millrace/migrate/graphql-ws';
import type { ServerOptions } from 'millrace/migrate/graphql-ws';
import { expect, onTestFinished } from 'vitest';

import { createMigratedApp, stageWebSocketServer } from './migrate-stage.ts';
import type { SocketClient } from './socket-client.ts';

/** Serves the application on a socket by the options of graphql-ws. */
export async function serveGraphqlWs(options: ServerOptions = {}, keepAlive?: number) {
  const app = createMigratedApp();
  const stage = await stageWebSocketServer();
  const reported: string[] = [];
  const onInternalError = (error: unknown, where: string) => {
    reported.push(`${where}: ${error instanceof Error ? error.message : String(error)}`);
  };
  const server = useServer(
    { schema: app.schema, ...options, millrace: { onInternalError, ...options.millrace } },
    stage.webSocketServer,
    keepAlive,
  );
  onTestFinished(() => server.dispose());
  const ready = async (payload?: object): Promise<SocketClient> => {
    const client = await stage.connect();
    client.send(JSON.stringify({ type: 'connection_init', ...(payload && { payload }) }));
    expect(await client.next()).toMatchObject({ message: { type: 'connection_ack' } });
    return client;
  };
  return { ...app, ...stage, reported, server, ready };
}

/** Starts an operation. */
export function start(client: SocketClient, query: string, more: object = {}, id = '1'): void {
  client.send(JSON.stringify({ type: 'subscribe', id, payload: { query, ...more } }));
}

/** What was observed of a message. */
export const message = (content: object) => ({ kind: 'message', message: content });
/** A result. */
export const next = (payload: object, id = '1') => message({ id, type: 'next', payload });
/** The end of an operation. */
export const complete = (id = '1') => message({ id, type: 'complete' });

/** What is observed next. */
export async function take(client: SocketClient, count: number) {
  const observations: unknown[] = [];
  while (observations.length < count) observations.push(await client.next());
  return observations;
}

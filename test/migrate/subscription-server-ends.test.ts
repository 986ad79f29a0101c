import type { Socket } from 'node:net';

import { GRAPHQL_WS, SubscriptionServer } from 'millrace/migrate/subscriptions-transport-ws';
import type {
  ConnectionContext,
  ExecutionParams,
} from 'millrace/migrate/subscriptions-transport-ws';
import { expect, it, onTestFinished } from 'vitest';

import { createMigratedApp, stageWebSocketServer } from '../support/migrate-stage.ts';
import { until } from '../support/waiting.ts';

it('tells of the end of an operation that its client stops at once, and holds nothing of it', async () => {
  const { schema, broker } = createMigratedApp();
  const stage = await stageWebSocketServer();
  const told: string[] = [];
  const contexts: ConnectionContext[] = [];
  const server = SubscriptionServer.create(
    {
      schema,
      onConnect: (_params: unknown, _socket: unknown, context: ConnectionContext) =>
        void contexts.push(context),
      onOperation: ({ id }, params: ExecutionParams) => {
        told.push(`asked ${id}`);
        return params;
      },
      onOperationComplete: (_socket: unknown, id) => void told.push(`complete ${id}`),
    },
    stage.webSocketServer,
  );
  onTestFinished(() => server.close());
  const client = await stage.connect(GRAPHQL_WS);
  client.send('{"type":"connection_init"}');
  await client.next();

  // both in one packet
  const { _socket: stream } = client.socket as unknown as { readonly _socket: Socket }; // of ws
  stream.cork();
  client.send('{"type":"start","id":"1","payload":{"query":"subscription { tick }"}}');
  client.send('{"type":"stop","id":"1"}');
  stream.uncork();

  await until(() => told.length === 2, 'the end');
  expect(await client.rest()).toEqual([
    { kind: 'message', message: { id: '1', type: 'complete', payload: null } },
  ]);
  expect(told).toEqual(['asked 1', 'complete 1']);
  expect(contexts.map(({ operations }) => operations)).toEqual([{}]);
  expect(broker.readerCount).toBe(0);
});

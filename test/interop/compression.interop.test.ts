import { createClient } from 'millrace/client';
import { appsync } from 'millrace/client/appsync';
import { SubscriptionClient } from 'subscriptions-transport-ws';
import { expect, it, onTestFinished } from 'vitest';
import { WebSocket } from 'ws';

import { serveFixture } from '../support/fixture-server.ts';
import type { FixtureServer } from '../support/fixture-server.ts';
import { consume } from '../support/watched-client.ts';
import { createGraphqlWsClient } from './support/graphql-ws-client.ts';
import { next, recordOperation } from './support/recorded-operation.ts';
import type { RecordedOperation } from './support/recorded-operation.ts';

const query = 'subscription ($room: ID!) { message(room: $room) { text } }';
const variables = { room: 'a' };
const long = 'Straße ✓ 🚰 and so on '.repeat(100);
const texts = [long, 'short', long.repeat(20), `${long}!`];

/** Every message of a client is compressed, too, however short. */
class DeflatingSocket extends WebSocket {
  constructor(url: string, protocols: string | string[]) {
    super(url, protocols, { perMessageDeflate: { threshold: 0 } });
  }
}

/** What an operation reports of what is published meanwhile. */
async function reportsOf(
  server: FixtureServer,
  operation: RecordedOperation<unknown>,
): Promise<readonly unknown[]> {
  await server.sources(1);
  for (const text of texts) await server.app.publish('a', text);
  return operation.reports.take(texts.length);
}

const expected = texts.map((text) => next({ data: { message: { text } } }));

it('graphql-ws over ws gets what was compressed', async () => {
  const server = await serveFixture({ compression: true });
  const operation = recordOperation();
  createGraphqlWsClient(server, { webSocketImpl: DeflatingSocket }).subscribe(
    { query, variables },
    operation,
  );

  expect(await reportsOf(server, operation)).toEqual(expected);
  expect(server.counters().compressedResults).toBe(3);
});

it('subscriptions-transport-ws over ws gets what was compressed', async () => {
  const server = await serveFixture({ compression: true });
  const client = new SubscriptionClient(server.webSocketUrl, {}, DeflatingSocket);
  onTestFinished(() => client.close());
  const operation = recordOperation();
  client.request({ query, variables }).subscribe(operation);

  expect(await reportsOf(server, operation)).toEqual(expected);
  expect(server.counters().compressedResults).toBe(3);
});

it('a client of AppSync over ws gets what was compressed', async () => {
  const server = await serveFixture({ compression: true });
  const client = createClient({
    url: server.httpUrl,
    transport: appsync({
      authorization: { 'x-api-key': 'any' },
      socketOptions: { perMessageDeflate: { threshold: 0 } },
    }),
  });
  onTestFinished(() => client.close());
  const consumer = consume(client.subscribe({ query, variables }));
  await server.sources(1);

  for (const text of texts) {
    await server.app.publish('a', text);
    expect(await consumer.next()).toEqual({ data: { message: { text } } });
  }

  expect(server.counters().compressedResults).toBe(3);
});

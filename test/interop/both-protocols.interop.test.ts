import { SubscriptionClient } from 'subscriptions-transport-ws';
import { expect, it, onTestFinished } from 'vitest';
import { WebSocket } from 'ws';

import { serveFixture } from '../support/fixture-server.ts';
import type { FixtureServer } from '../support/fixture-server.ts';
import { createGraphqlWsClient } from './support/graphql-ws-client.ts';
import { next, recordOperation } from './support/recorded-operation.ts';
import { Inbox } from '../support/waiting.ts';

const roomSubscription = {
  query: 'subscription { message(room: "a") { text } }',
};

function createOldClient({ webSocketUrl }: FixtureServer): SubscriptionClient {
  const client = new SubscriptionClient(webSocketUrl, {}, WebSocket);
  onTestFinished(() => client.close());
  return client;
}

it('delivers one event to an old and to a new client on the same path', async () => {
  const server = await serveFixture();
  const [inOld, inNew] = [recordOperation('old operation'), recordOperation('new operation')];
  createOldClient(server).request(roomSubscription).subscribe(inOld);
  createGraphqlWsClient(server).subscribe(roomSubscription, inNew);
  await server.sources(2);
  expect(server.gauges()).toMatchObject({ connections: 2, operations: 2 });

  await server.app.publish('a', 'for all');
  const event = next({ data: { message: { text: 'for all' } } });
  expect([await inOld.reports.next(), await inNew.reports.next()]).toEqual([event, event]);
});

it('serves the one on when the other leaves', async () => {
  const server = await serveFixture();
  const [inOld, inNew] = [recordOperation('old operation'), recordOperation('new operation')];
  const old = createOldClient(server).request(roomSubscription).subscribe(inOld);
  const leaveNew = createGraphqlWsClient(server).subscribe(roomSubscription, inNew);
  await server.sources(2);

  leaveNew();
  await server.sources(1);
  await server.app.publish('a', 'for the old one');
  expect(await inOld.reports.next()).toEqual(
    next({ data: { message: { text: 'for the old one' } } }),
  );
  old.unsubscribe();
  await server.sources(0);
});

it('delivers to the one what a mutation of the other publishes', async () => {
  const server = await serveFixture();
  const inNew = recordOperation();
  createGraphqlWsClient(server).subscribe(roomSubscription, inNew);
  await server.sources(1);

  const post = { query: 'mutation { post(room: "a", text: "from the old one") }' };
  const posted = recordOperation('mutation');
  createOldClient(server).request(post).subscribe(posted);
  expect(await posted.reports.next()).toEqual(next({ data: { post: true } }));
  expect(await inNew.reports.next()).toEqual(
    next({ data: { message: { text: 'from the old one' } } }),
  );
});

it('tells the connect hook which of the protocols a client speaks', async () => {
  const protocols = new Inbox<string>('a connection');
  const server = await serveFixture({
    onConnect: ({ protocol }) => {
      protocols.push(protocol);
    },
  });
  createOldClient(server);
  expect(await protocols.next()).toBe('subscriptions-transport-ws');
  createGraphqlWsClient(server, { lazy: false });
  expect(await protocols.next()).toBe('graphql-transport-ws');
});

it('chooses the new protocol for a client that offers both, whatever their order', async () => {
  const server = await serveFixture();
  const sockets = [
    ['graphql-ws', 'graphql-transport-ws'],
    ['graphql-transport-ws', 'graphql-ws'],
  ].map((tokens) => new WebSocket(server.webSocketUrl, tokens));
  const chosen = new Inbox<string>('an open socket');
  for (const socket of sockets) {
    onTestFinished(() => socket.terminate());
    socket.on('open', () => chosen.push(socket.protocol));
  }
  expect(await chosen.take(2)).toEqual(['graphql-transport-ws', 'graphql-transport-ws']);
});

it('lets go of the clients of both protocols when it stops', async () => {
  const server = await serveFixture();
  const [inOld, inNew] = [recordOperation('old operation'), recordOperation('new operation')];
  createOldClient(server).request(roomSubscription).subscribe(inOld);
  createGraphqlWsClient(server, { retryAttempts: 0 }).subscribe(roomSubscription, inNew);
  await server.sources(2);
  await server.close();
  expect(await inNew.reports.next()).toMatchObject({ kind: 'error', error: { code: 1001 } });
  await server.sources(0);
  expect(server.gauges()).toEqual({ connections: 0, operations: 0, deadlines: 0, readers: 0 });
});

import { createClient as createForeignClient } from 'graphql-ws';
import { createClient } from 'millrace/client';
import type { Client, ClientOptions } from 'millrace/client';
import { websocket } from 'millrace/client/websocket';
import { inMemoryWebSocket, manualSignals } from 'millrace/testing';
import type { Faults, InMemoryWebSocket } from 'millrace/testing';
import { describe, expect, it } from 'vitest';

import { converse } from '../support/conversation.ts';
import type { Conversation } from '../support/conversation.ts';

interface Stage extends Conversation {
  readonly network: InMemoryWebSocket;
  readonly client: Client;
  /** Texts that a subscription to the room brought. */
  readonly listen: (room: string) => Promise<readonly unknown[]>;
}

function stage(
  options: Partial<ClientOptions> = {},
  serverOptions: Parameters<typeof converse>[0] = {},
): Stage {
  const conversation = converse(serverOptions);
  const { server, clock } = conversation;
  const network = inMemoryWebSocket(server, { clock });
  const client = createClient({
    url: 'ws://memory.test/graphql?tenant=1',
    transport: websocket({ WebSocket: network.WebSocket }),
    clock,
    random: () => 0.5,
    signals: manualSignals().signals,
    ...options,
  });
  return {
    ...conversation,
    network,
    client,
    async listen(room) {
      const texts: unknown[] = [];
      const handle = client.subscribe<{ readonly message: { readonly text: string } }>({
        query: 'subscription ($room: ID!) { message(room: $room) { text } }',
        variables: { room },
      });
      handle.subscribe((result) => texts.push(result.data?.message.text));
      await handle.ready;
      await clock.settle();
      return texts;
    },
  };
}

describe('a WebSocket in memory', () => {
  it('carries queries, mutations and subscriptions between our client and our server', async () => {
    const { client, listen, clock } = stage();
    const texts = await listen('lobby');

    const query = await client.query({ query: '{ hello }' });
    await client.mutate({ query: 'mutation { post(room: "lobby", text: "hi") }' });
    await clock.settle();

    expect(query).toEqual({ data: { hello: 'world' } });
    expect(texts).toEqual(['hi']);
  });

  it('shows the server the request as an adapter would', async () => {
    const requests: unknown[] = [];
    const { client, clock } = stage(
      {},
      {
        onConnect: ({ request }) => {
          requests.push(request);
          return {};
        },
      },
    );

    client.subscribe({ query: 'subscription { never }' }).subscribe({});
    await clock.settle();

    expect(requests).toMatchObject([
      {
        method: 'GET',
        url: '/graphql?tenant=1',
        headers: { host: 'memory.test', 'sec-websocket-protocol': 'graphql-transport-ws' },
      },
    ]);
  });

  it('is closed by a server that speaks another protocol', async () => {
    const { client, clock } = stage(
      { retry: false },
      { protocols: ['subscriptions-transport-ws'] },
    );
    const failures: unknown[] = [];

    client
      .subscribe({ query: 'subscription { never }' })
      .subscribe({ error: (failure) => failures.push(failure) });
    await clock.settle();

    expect(failures).toHaveLength(1);
  });

  it('cannot be opened while the server is offline', async () => {
    const { network, listen, clock, app } = stage();
    network.goOffline();
    const listening = listen('lobby');
    await clock.advance(400);

    network.goOnline();
    await clock.advance(1_000);
    const texts = await listening;
    await app.publish('lobby', 'hi');
    await clock.settle();

    expect(texts).toEqual(['hi']);
    expect(network.connections.length).toBeGreaterThan(1);
  });

  it('leaves nothing behind when the client closes', async () => {
    const { client, listen, clock, server } = stage();
    await listen('lobby');

    client.close();
    await clock.settle();

    expect(server.gauges()).toEqual({ connections: 0, operations: 0, deadlines: 0, readers: 0 });
  });

  it('has no connection before somebody connects', () => {
    const { network } = stage();

    expect(() => network.connection).toThrow('Nobody has connected yet.');
  });
});

describe('faults of a WebSocket in memory', () => {
  it('drops: both ends learn it, and the client comes back', async () => {
    const { network, listen, clock, server, app } = stage();
    const texts = await listen('lobby');

    network.connection.drop();
    await clock.settle();
    const { connections } = server.gauges();
    await clock.advance(1_000);
    await app.publish('lobby', 'hi');
    await clock.settle();

    expect(connections).toBe(0);
    expect(texts).toEqual(['hi']);
    expect(network.connections).toHaveLength(2);
  });

  it.each([
    { what: 'stalled', harm: (connection: Faults) => connection.stall() },
    { what: 'delayed', harm: (connection: Faults) => connection.delay(10) },
    { what: 'half-open', harm: (connection: Faults) => connection.goHalfOpen() },
  ])('drops with what is $what, and without delay', async ({ harm }) => {
    const { network, listen, clock, server, app } = stage();
    const texts = await listen('lobby');
    harm(network.connection);
    await app.publish('lobby', 'lost');
    await clock.settle();

    network.connection.drop();
    await clock.settle();
    const { connections } = server.gauges();
    await clock.advance(1_000);
    await app.publish('lobby', 'found');
    await clock.settle();

    expect(connections).toBe(0);
    expect(texts).toEqual(['found']);
  });

  it('stalls to the client: what was sent waits, and comes in order', async () => {
    const { network, listen, clock, app } = stage();
    const texts = await listen('lobby');

    network.connection.stall('to-client');
    await app.publish('lobby', 'one');
    await app.publish('lobby', 'two');
    await clock.settle();
    const before = [...texts];
    network.connection.release();
    await clock.settle();

    expect(before).toEqual([]);
    expect(texts).toEqual(['one', 'two']);
  });

  it('stalls to the client: the server sees a slow reader', async () => {
    const { network, listen, clock, app, server } = stage(
      { retry: false },
      { slowConsumer: 'disconnect', limits: { outboxHighWaterBytes: 1_000 } },
    );
    await listen('lobby');

    network.connection.stall('to-client');
    for (let count = 0; count < 20; count += 1) {
      await app.publish('lobby', 'x'.repeat(100));
      await clock.settle();
    }
    await clock.advance(60_000);

    expect(server.gauges().connections).toBe(0);
  });

  it('goes half-open: each end finds out by its own keep-alive, and the client comes back', async () => {
    const { network, listen, clock, app, server } = stage();
    const texts = await listen('lobby');

    network.connection.goHalfOpen();
    await app.publish('lobby', 'lost');
    await clock.settle();
    const { connections } = server.gauges();
    await clock.advance(62_000);
    await app.publish('lobby', 'found');
    await clock.settle();

    expect(connections).toBe(1);
    expect(texts).toEqual(['found']);
    expect(server.gauges().connections).toBe(1);
  });

  it('duplicates a message to the client', async () => {
    const { network, listen, clock, app } = stage();
    const texts = await listen('lobby');

    network.connection.duplicateNext('to-client');
    await app.publish('lobby', 'one');
    await app.publish('lobby', 'two');
    await clock.settle();

    expect(texts).toEqual(['one', 'one', 'two']);
  });

  it('delays on the clock of the test, and keeps the order', async () => {
    const { network, listen, clock, app } = stage();
    const texts = await listen('lobby');

    network.connection.delay(100, 'to-client');
    await app.publish('lobby', 'one');
    await clock.settle();
    network.connection.delay(0);
    await app.publish('lobby', 'two');
    await clock.advance(99);
    const before = [...texts];
    await clock.advance(1);

    expect(before).toEqual([]);
    expect(texts).toEqual(['one', 'two']);
  });
});

describe('clients of others', () => {
  it('take the class of sockets: graphql-ws', async () => {
    const { network, app, clock } = stage();
    const client = createForeignClient({
      url: 'ws://memory.test/graphql',
      webSocketImpl: network.WebSocket,
      lazy: false,
    });
    const results = client.iterate({ query: 'subscription { message(room: "lobby") { text } }' });
    const first = results.next();
    await clock.settle();

    await app.publish('lobby', 'hi');

    expect((await first).value).toEqual({ data: { message: { text: 'hi' } } });
    await client.dispose();
  });
});

import { refuse } from 'millrace/server';
import { graphqlTransportWs, subscriptionsTransportWs } from 'millrace/client/websocket';
import { describe, expect, it } from 'vitest';

import { serveFixture } from '../support/fixture-server.ts';
import type { FixtureServerOptions } from '../support/fixture-server.ts';
import { until } from '../support/waiting.ts';
import { consume, watchClient } from '../support/watched-client.ts';
import type { WatchedClientOptions } from '../support/watched-client.ts';

const inLobby = { query: 'subscription { message(room: "lobby") { text } }' };
const said = (text: string) => ({ data: { message: { text } } });
const nothing = { connections: 0, operations: 0, deadlines: 0, readers: 0 };

/** A Millrace server, and a client of it. */
async function serve(server: FixtureServerOptions = {}, client: WatchedClientOptions = {}) {
  const served = await serveFixture(server);
  return { server: served, ...watchClient(served.httpUrl, client) };
}

describe.each([graphqlTransportWs, subscriptionsTransportWs])(
  'a client and a server of this package over $name',
  (protocol) => {
    const socket = { protocol };

    it('carry queries, mutations and subscriptions over one connection', async () => {
      const { client, server } = await serve({}, { socket });
      const consumer = consume(client.subscribe(inLobby));
      await server.sources(1);

      const [query, mutation] = await Promise.all([
        client.query({ query: 'query ($n: Int!) { double(n: $n) }', variables: { n: 21 } }),
        client.mutate({ query: 'mutation { post(room: "lobby", text: "hi") }' }),
      ]);

      expect(query).toEqual({ data: { double: 42 } });
      expect(mutation).toEqual({ data: { post: true } });
      expect(await consumer.next()).toEqual(said('hi'));
      expect(server.gauges().connections).toBe(1);
    });

    it('tell the end of a source', async () => {
      const { client } = await serve({}, { socket });
      const results: unknown[] = [];

      for await (const { data } of client.subscribe({
        query: 'subscription { countdown(from: 3) }',
      }))
        results.push(data);

      expect(results).toEqual([{ countdown: 3 }, { countdown: 2 }, { countdown: 1 }]);
    });

    it('free the source when the iteration is left, and keep the connection', async () => {
      const { client, server } = await serve({}, { socket });
      const loop = (async () => {
        for await (const { data } of client.subscribe(inLobby)) return data;
        return 'nothing';
      })();
      await server.sources(1);

      await server.app.publish('lobby', 'hi');

      expect(await loop).toEqual(said('hi').data);
      await server.sources(0);
      expect(server.gauges().connections).toBe(1);
    });

    it('never start what was cancelled before the ack', async () => {
      let accept: (() => void) | undefined;
      const started: unknown[] = [];
      const { client, server, acks } = await serve(
        {
          onConnect: () =>
            new Promise<void>((resolve) => {
              accept = resolve;
            }),
          onSubscribe: ({ operation }) => void started.push(operation.query),
        },
        { socket },
      );
      const cancelled = consume(client.subscribe(inLobby));
      await until(() => accept !== undefined, 'the connect hook');

      cancelled.stop();
      accept?.();
      await until(() => acks.length > 0, 'the ack');

      expect(await client.query({ query: '{ hello }' })).toEqual({ data: { hello: 'world' } });
      expect(started).toEqual(['{ hello }']);
      expect(server.app.openSources()).toBe(0);
    });

    it('hold what is wrong with a document to its operation', async () => {
      const { client, server } = await serve({}, { socket });
      const consumer = consume(client.subscribe(inLobby));
      await server.sources(1);

      const [broken, unknown] = await Promise.all([
        client.query({ query: '{ broken' }),
        client.query({ query: '{ nope }' }),
      ]);
      await server.app.publish('lobby', 'still here');

      expect(broken.errors?.[0]?.message).toMatch(/^Syntax Error/);
      expect(unknown.errors?.[0]?.message).toMatch(/nope/);
      expect(await consumer.next()).toEqual(said('still here'));
    });

    it('come together again when the server was restarted: each subscription once', async () => {
      const { client, server, comeBack } = await serve({}, { socket });
      const consumer = consume(client.subscribe(inLobby));
      await server.sources(1);

      await server.close();
      const successor = await server.startSuccessor();
      const { failure } = await comeBack();
      await successor.sources(1);
      await successor.app.publish('lobby', 'back');

      expect(failure).toMatchObject({ closeCode: 1001, retryable: true });
      expect(await consumer.next()).toEqual(said('back'));
      expect(successor.gauges()).toMatchObject({ connections: 1, operations: 1 });
    });

    it('reconnect on demand: one connection and one subscription remain', async () => {
      const tokens: unknown[] = [];
      let issued = 0;
      const { client, server } = await serve(
        { onConnect: ({ connectionParams }) => void tokens.push(connectionParams['token']) },
        { socket, connectionParams: () => ({ token: (issued += 1) }) },
      );
      const consumer = consume(client.subscribe(inLobby));
      await server.sources(1);

      client.reconnect();
      await until(() => tokens.length === 2, 'the second connection');
      await server.connections(1);
      await server.sources(1);
      await until(() => server.gauges().operations === 1, 'one operation');
      await server.app.publish('lobby', 'hi');

      expect(await consumer.next()).toEqual(said('hi'));
      expect(consumer.rest).toEqual([]);
      expect(tokens).toEqual([1, 2]);
    });

    it('let a mutation finish before they reconnect', async () => {
      const { client, server } = await serve({}, { socket });
      consume(client.subscribe(inLobby));
      const slow = client.query({ query: '{ slow }' });
      await until(() => server.gauges().operations === 2, 'two operations');

      client.reconnect();
      server.app.release('slow');

      expect(await slow).toEqual({ data: { slow: 'late' } });
      await until(() => server.gauges().operations === 1, 'one operation');
      await server.connections(1);
    });

    it('leave nothing behind when the client is closed', async () => {
      const { client, server, clock, watching } = await serve({}, { socket });
      const held = await client.connect();
      consume(held.subscribe(inLobby));
      consume(client.subscribe(inLobby));
      const pending = client.query({ query: '{ never }' }).catch((error: unknown) => error);
      await server.sources(2);

      client.close();

      expect(await pending).toMatchObject({ name: 'TransportError' });
      await until(() => server.gauges().connections === 0, 'the end of the connections');
      expect(server.gauges()).toEqual(nothing);
      expect(server.app.openSources()).toBe(0);
      expect(clock.timerCount).toBe(0);
      expect(watching()).toBe(0);
    });

    it('say at once that a message is too big for the server', async () => {
      const { client, losses } = await serve({}, { socket });

      const failure = await client
        .query({
          query: 'query ($text: String!) { echo(text: $text) }',
          variables: { text: 'x'.repeat(70_000) },
        })
        .catch((error: unknown) => error);

      expect(failure).toMatchObject({ name: 'TransportError', closeCode: 1009, retryable: false });
      expect(losses).toMatchObject([{ retryInMs: undefined }]);
    });

    it('refuse and accept by what the client says of itself', async () => {
      const issued = ['old', 'fresh'];
      const { client, server, comeBack } = await serve(
        {
          onConnect: ({ connectionParams }) =>
            connectionParams['token'] === 'fresh' ? { user: 'ada' } : refuse({ reason: 'expired' }),
        },
        { socket, connectionParams: () => ({ token: issued.shift() }) },
      );
      const consumer = consume(client.subscribe(inLobby));

      const { failure } = await comeBack();
      await server.sources(1);
      await server.app.publish('lobby', 'hi');

      expect(failure).toMatchObject({ closeCode: 4403 });
      expect(await consumer.next()).toEqual(said('hi'));
    });

    it('part at once, with an error that says why, where the other does not speak it', async () => {
      const other =
        protocol === graphqlTransportWs ? 'subscriptions-transport-ws' : 'graphql-transport-ws';
      const { client, losses } = await serve({ protocols: [other] }, { socket });
      const consumer = consume(client.subscribe(inLobby));
      const asked = client.query({ query: '{ hello }' }).catch((error: unknown) => error);

      expect(await consumer.failed()).toMatchObject({
        code: 'SUBPROTOCOL_NOT_ACCEPTABLE',
        retryable: false,
        message: expect.stringMatching(/subprotocol/),
      });
      expect(await asked).toMatchObject({ code: 'SUBPROTOCOL_NOT_ACCEPTABLE' });
      expect(losses).toHaveLength(1);
    });
  },
);

describe('a server of this package that is full', () => {
  it('is asked again after the pause that it asks for', async () => {
    const { client, server, lost } = await serve({ limits: { connections: 1 } });
    await watchClient(server.httpUrl).client.connect();
    consume(client.subscribe(inLobby));

    const { failure, retryInMs } = await lost();

    expect(failure).toMatchObject({ status: 503, retryable: true });
    expect(retryInMs).toBe((failure.retryAfterMs ?? Number.NaN) + 500);
  });
});

import { GraphQLError, GraphQLInt, GraphQLObjectType, GraphQLSchema } from 'graphql';
import { listen } from 'millrace/adapters/node';
import type { Running } from 'millrace/adapters/node';
import { createMemoryBroker } from 'millrace/broker/memory';
import { appsync } from 'millrace/client/appsync';
import type { AppsyncOptions } from 'millrace/client/appsync';
import { http } from 'millrace/client/http';
import { resumable } from 'millrace/client/resume';
import { createServer, refuse, subscriptionField } from 'millrace/server';
import type { ServerOptions } from 'millrace/server';
import { describe, expect, it, onTestFinished } from 'vitest';

import { serveFixture } from '../support/fixture-server.ts';
import type { FixtureServerOptions } from '../support/fixture-server.ts';
import { until } from '../support/waiting.ts';
import { consume, watchClient } from '../support/watched-client.ts';

const inLobby = { query: 'subscription { message(room: "lobby") { text } }' };
const said = (text: string) => ({ data: { message: { text } } });
const nothing = { connections: 0, operations: 0, deadlines: 0, readers: 0 };
const authorization = { 'x-api-key': 'da2-k' };

/** A Millrace server, and a client of it. */
async function serve(server: FixtureServerOptions = {}, options: Partial<AppsyncOptions> = {}) {
  const served = await serveFixture(server);
  const transport = appsync({ authorization, ...options });
  return { server: served, ...watchClient(served.httpUrl, { transport }) };
}

describe.each(['subprotocol', 'query', 'headers'] as const)(
  'a client and a server of this package over appsync, with the variant %s',
  (variant) => {
    it('carry subscriptions, whose hooks know who asks', async () => {
      const seen: unknown[] = [];
      const { client, server } = await serve(
        {
          onConnect: ({ protocol, connectionParams }) =>
            void seen.push(protocol, connectionParams['authorization']),
          onSubscribe: ({ operation }) => void seen.push(operation.extensions),
        },
        { variant },
      );
      const handle = client.subscribe(inLobby);
      const consumer = consume(handle);

      expect(await handle.ready).toEqual({ confirmed: true });
      await server.app.publish('lobby', 'hi');

      expect(await consumer.next()).toEqual(said('hi'));
      const shown = { host: `127.0.0.1:${server.port}`, ...authorization };
      const data = JSON.stringify({ ...inLobby, variables: {} });
      expect(seen).toMatchObject(['appsync', shown, { authorization: shown, data }]);
    });

    it('part for good where the credentials are wrong', async () => {
      let asked = 0;
      const { client, losses } = await serve(
        {
          onConnect() {
            asked += 1;
            return refuse({ reason: 'no entry' });
          },
        },
        { variant },
      );
      const consumer = consume(client.subscribe(inLobby));

      expect(await consumer.failed()).toMatchObject({
        code: 'CONNECTION_REFUSED',
        retryable: false,
        payload: {
          errors: [{ errorType: 'UnauthorizedException', errorCode: 401, message: 'no entry' }],
        },
      });
      expect(losses).toMatchObject([{ retryInMs: undefined }]);
      expect(asked).toBe(1);
    });
  },
);

describe('a client and a server of this package over appsync', () => {
  it('free the source when a subscription is left, and keep the connection', async () => {
    const { client, server } = await serve();
    const consumer = consume(client.subscribe(inLobby));
    await server.sources(1);

    consumer.stop();

    await server.sources(0);
    expect(server.gauges().connections).toBe(1);
  });

  it('leave no source of a subscription that was left before it began', async () => {
    const { client, server } = await serve();
    const consumer = consume(client.subscribe({ query: 'subscription { slowStart }' }));
    await until(() => server.gauges().operations === 1, 'an operation');

    consumer.stop();
    server.app.release('slowStart');

    await until(() => server.gauges().operations === 0, 'its end');
    await server.sources(0);
    expect(consumer.rest).toEqual([]);
  });

  it('hold a refused subscription to itself', async () => {
    const { client, server } = await serve({
      onSubscribe: ({ operation }) =>
        operation.query.includes('countdown')
          ? [new GraphQLError('not yours', { extensions: { code: 'UNAUTHORIZED' } })]
          : undefined,
    });
    const consumer = consume(client.subscribe(inLobby));
    await server.sources(1);
    const refused = consume(client.subscribe({ query: 'subscription { countdown(from: 1) }' }));

    expect(await refused.next()).toMatchObject({
      errors: [
        {
          message: 'not yours',
          extensions: { code: 'UNAUTHORIZED', errorType: 'UnauthorizedException', errorCode: 401 },
        },
      ],
    });
    expect(refused.end).toBe('complete');
    await server.app.publish('lobby', 'still here');
    expect(await consumer.next()).toEqual(said('still here'));
  });

  it('tell the end of a source, and its failure', async () => {
    const { client } = await serve();
    const ending = consume(client.subscribe({ query: 'subscription { countdown(from: 2) }' }));
    const failing = consume(client.subscribe({ query: 'subscription { breaks }' }));

    expect([await ending.next(), await ending.next()]).toEqual([
      { data: { countdown: 2 } },
      { data: { countdown: 1 } },
    ]);
    expect(await ending.ended()).toBe('complete');
    expect(await failing.next()).toEqual({ data: { breaks: 1 } });
    expect(await failing.next()).toMatchObject({
      errors: [{ extensions: { code: 'SOURCE_FAILED' } }],
    });
    expect(await failing.ended()).toBe('complete');
  });

  it('refuse a query that goes as a subscription, and carry it over HTTP', async () => {
    const server = await serveFixture();
    const { client } = watchClient(server.httpUrl, {
      transport: {
        queries: http({ headers: authorization }),
        subscriptions: appsync({ authorization }),
      },
    });
    const wrong = consume(client.subscribe({ query: '{ hello }' }));

    expect(await wrong.next()).toMatchObject({
      errors: [{ extensions: { errorType: 'UnsupportedOperation' } }],
    });
    expect(await client.query({ query: '{ hello }' })).toEqual({ data: { hello: 'world' } });
  });

  it('come together again when the server was restarted, each subscription once', async () => {
    const { client, server, comeBack } = await serve();
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

  it('leave nothing behind when the client is closed', async () => {
    const { client, server, clock, watching } = await serve();
    consume(client.subscribe(inLobby));
    await server.sources(1);

    client.close();

    await server.connections(0);
    await server.sources(0);
    expect(server.gauges()).toEqual(nothing);
    expect(clock.timerCount).toBe(0);
    expect(watching()).toBe(0);
  });
});

/** Servers, one after the other on one port, of the same log. */
function createGenerations() {
  const broker = createMemoryBroker();
  const topic = broker.topic<number>('ticks');
  const schema = new GraphQLSchema({
    query: new GraphQLObjectType({ name: 'Query', fields: { a: { type: GraphQLInt } } }),
    subscription: new GraphQLObjectType({
      name: 'Subscription',
      fields: { tick: { type: GraphQLInt, ...subscriptionField({ topic }) } },
    }),
  });
  const options: ServerOptions = {
    schema,
    broker,
    protocols: ['appsync'],
    resume: { keys: [{ id: 'k', secret: 's'.repeat(32) }] },
  };
  let running: Running | undefined;
  onTestFinished(() => running?.close());
  return {
    publish: (tick: number) => topic.publish(tick),
    async start(port = 0) {
      running = await listen(createServer(options), { port, host: '127.0.0.1' });
      return running;
    },
  };
}

it('a subscription goes on where it stopped when the server was restarted', async () => {
  const generations = createGenerations();
  const first = await generations.start();
  const { client, comeBack } = watchClient(first.url, {
    transport: appsync({ authorization }),
    resume: resumable(),
  });
  const handle = client.subscribe({ query: 'subscription { tick }' });
  const consumer = consume(handle);
  await handle.ready;
  await generations.publish(1);
  expect(await consumer.next()).toEqual({ data: { tick: 1 } });

  await first.close();
  await generations.publish(2);
  await generations.start(first.port);
  await comeBack();
  await until(() => handle.status.current === 'recovered', 'the word that nothing is missing');
  await generations.publish(3);

  expect(await consumer.next()).toEqual({ data: { tick: 2 } });
  expect(await consumer.next()).toEqual({ data: { tick: 3 } });
  expect(consumer.rest).toEqual([]);
});

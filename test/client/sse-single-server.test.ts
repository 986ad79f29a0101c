import { GraphQLInt, GraphQLObjectType, GraphQLSchema } from 'graphql';
import { listen } from 'millrace/adapters/node';
import { createMemoryBroker } from 'millrace/broker/memory';
import { resumable } from 'millrace/client/resume';
import { sseSingle } from 'millrace/client/sse-single';
import type { SseSingleOptions } from 'millrace/client/sse-single';
import { createServer, refuse, subscriptionField } from 'millrace/server';
import { startTcpProxy } from 'millrace/testing/node';
import type { TcpProxy } from 'millrace/testing/node';
import { describe, expect, it, onTestFinished } from 'vitest';

import { serveFixture } from '../support/fixture-server.ts';
import type { FixtureServer, FixtureServerOptions } from '../support/fixture-server.ts';
import { failure } from '../support/response-stage.ts';
import { until } from '../support/waiting.ts';
import { consume, watchClient } from '../support/watched-client.ts';
import type { WatchedClient, WatchedClientOptions } from '../support/watched-client.ts';

const inRoom = (room: string) => ({ query: `subscription { message(room: "${room}") { text } }` });
const message = (text: string) => ({ data: { message: { text } } });
const lost = failure('CONNECTION_LOST', { retryable: true });

interface Stage extends WatchedClient {
  readonly server: FixtureServer;
  readonly proxy: TcpProxy;
  /** The methods of the requests so far; each is followed by its status once that is there. */
  readonly requests: readonly string[];
}

/** A client of our own server behind a proxy that can cut connections. */
async function stage(
  {
    server: serverOptions,
    ...options
  }: WatchedClientOptions & { readonly server?: FixtureServerOptions } = {},
  transportOptions: SseSingleOptions = {},
): Promise<Stage> {
  const server = await serveFixture(serverOptions);
  const proxy = await startTcpProxy({ port: server.port });
  onTestFinished(() => proxy.close());
  const requests: string[] = [];
  const transport = sseSingle({
    fetch: async (url, init) => {
      const at = requests.push(String(init.method)) - 1;
      const response = await fetch(url, init);
      requests[at] += ` ${response.status}`;
      return response;
    },
    ...transportOptions,
  });
  const url = `http://127.0.0.1:${proxy.port}/graphql?tenant=a`;
  return { server, proxy, requests, ...watchClient(url, { transport, ...options }) };
}

describe('a client with sseSingle', () => {
  it('gets the results of queries and mutations, all on one stream', async () => {
    const { client, server, requests } = await stage();
    const echo = 'query ($text: String!) { echo(text: $text) }';

    expect(await client.query({ query: echo, variables: { text: 'Straße 🚰' } })).toEqual({
      data: { echo: 'Straße 🚰' },
    });
    expect(await client.mutate({ query: 'mutation { post(room: "r", text: "t") }' })).toEqual({
      data: { post: true },
    });
    expect(await client.query({ query: '{ hello fails }' })).toEqual({
      data: { hello: 'world', fails: null },
      errors: [expect.objectContaining({ message: 'lookup failed', path: ['fails'] })],
    });
    expect(requests).toEqual(['PUT 201', 'GET 200', 'POST 202', 'POST 202', 'POST 202']);
    expect(server.gauges()).toMatchObject({ connections: 1, operations: 0 });
  });

  it('SSE-66 gets request errors as a result, and the stream goes on', async () => {
    const { client, losses, server } = await stage();
    const beside = consume(client.subscribe(inRoom('r')));
    await server.sources(1);
    const wrongVariable = {
      query: 'query ($n: Int!) { double(n: $n) }',
      variables: { n: 'x' },
    };
    for (const request of [
      { query: '{ nope }' },
      { query: '{' },
      { query: 'subscription { nope }' },
      wrongVariable,
    ]) {
      expect(await client.query(request)).toEqual({
        errors: [expect.objectContaining({ message: expect.any(String) })],
      });
    }
    const refused = consume(client.subscribe({ query: 'subscription { refuses }' }));
    expect(await refused.ended()).toBe('complete');
    expect(refused.rest).toEqual([
      { errors: [expect.objectContaining({ message: 'no such room' })] },
    ]);
    await server.app.publish('r', 'still here');

    expect(await beside.next()).toEqual(message('still here'));
    expect(losses).toEqual([]);
  });

  it('SSE-71 runs many operations that begin before there is a stream', async () => {
    const { client, server, requests } = await stage();
    const countdowns = Array.from({ length: 20 }, (_, n) =>
      consume(client.subscribe({ query: `subscription { countdown(from: ${n + 1}) }` })),
    );
    await Promise.all(countdowns.map((each) => each.ended()));

    expect(countdowns.map(({ end, rest }) => [end, rest.length])).toEqual(
      countdowns.map((_, n) => ['complete', n + 1]),
    );
    expect(requests.filter((request) => request.startsWith('POST'))).toHaveLength(20);
    expect(server.gauges()).toMatchObject({ connections: 1, operations: 0 });
  });

  it('is told that a subscription runs by the server itself', async () => {
    const { client, server } = await stage();
    const handle = client.subscribe(inRoom('r'));

    expect(await handle.ready).toEqual({ confirmed: true });
    expect(handle.status.current).toBe('live');
    expect(server.app.openSources()).toBe(1);
  });

  it('SSE-65 stops a source when it is left, and no other', async () => {
    const { client, server, requests } = await stage();
    const left = consume(client.subscribe(inRoom('a')));
    const kept = consume(client.subscribe(inRoom('b')));
    await server.sources(2);
    await server.app.publish('a', 'seen');
    expect(await left.next()).toEqual(message('seen'));
    left.stop();
    await server.sources(1);
    await server.app.publish('b', 'still here');

    expect(await kept.next()).toEqual(message('still here'));
    await until(() => requests.includes('DELETE 200'), 'the answer to the DELETE');
    expect(requests.filter((request) => request.startsWith('DELETE'))).toHaveLength(1);
  });

  it('SSE-65 stops one that is left while its source is being opened', async () => {
    const { client, server, requests } = await stage();
    const kept = consume(client.subscribe(inRoom('b')));
    const left = consume(client.subscribe({ query: 'subscription { slowStart }' }));
    await until(() => server.gauges().operations === 2, 'both operations');
    left.stop();
    server.app.release('slowStart');
    await until(() => server.gauges().operations === 1, 'the end of one');

    await until(() => requests.includes('DELETE 200'), 'the answer to the DELETE');
    expect(server.app.openSources()).toBe(1);
    expect(kept.end).toBe(undefined);
  });

  it('stops a query that nobody waits for', async () => {
    const { client, server } = await stage();
    const leaving = new AbortController();
    const answer = client.query({ query: '{ never }', signal: leaving.signal });
    await until(() => server.gauges().operations === 1, 'the operation');
    leaving.abort(new Error('enough'));

    await expect(answer).rejects.toThrow('enough');
    await until(() => server.gauges().operations === 0, 'the end of the operation');
  });

  it('leaves nothing behind on either side when it is closed', async () => {
    const { client, server, clock, watching } = await stage();
    consume(client.subscribe(inRoom('a')));
    consume(client.subscribe(inRoom('b')));
    await server.sources(2);
    client.close();

    await server.connections(0);
    await server.sources(0);
    expect(server.gauges().operations).toBe(0);
    expect(clock.timerCount).toBe(0);
    expect(watching()).toBe(0);
  });

  it('keeps an idle stream for a while, then closes it', async () => {
    const { client, server, clock } = await stage({ idleTimeoutMs: 5_000 });
    await client.query({ query: '{ hello }' });
    expect(server.gauges().connections).toBe(1);
    await clock.advance(5_000);

    await server.connections(0);
    expect(await client.query({ query: '{ hello }' })).toEqual({ data: { hello: 'world' } });
  });

  it('holds a connection until it is closed', async () => {
    const { client, server } = await stage({ idleTimeoutMs: 0 });
    const held = await client.connect();
    await held.query({ query: '{ hello }' });
    expect(server.gauges().connections).toBe(1);
    held.close();

    await server.connections(0);
  });

  it('goes on after an error, and ends with the failure of its source', async () => {
    const { client } = await stage();
    const flaky = consume(client.subscribe({ query: 'subscription { flaky }' }));
    const breaks = consume(client.subscribe({ query: 'subscription { breaks }' }));

    expect(await flaky.ended()).toBe('complete');
    expect(flaky.rest).toEqual([
      { data: { flaky: 1 } },
      { data: { flaky: null }, errors: [expect.objectContaining({ message: 'flaky' })] },
      { data: { flaky: 3 } },
    ]);
    expect(await breaks.ended()).toBe('complete');
    expect(breaks.rest).toEqual([
      { data: { breaks: 1 } },
      { errors: [expect.objectContaining({ extensions: { code: 'SOURCE_FAILED' } })] },
    ]);
  });

  it('brings long texts that no chunk holds, to the letter', async () => {
    const { client, server } = await stage();
    const consumer = consume(client.subscribe(inRoom('r')));
    await server.sources(1);
    const text = 'a🚰ß\r\n\n\ndata: '.repeat(20_000);
    await server.app.publish('r', text);

    expect(await consumer.next()).toEqual(message(text));
  });

  it('is refused an operation too many, and the others go on', async () => {
    const { client, server, losses } = await stage({
      server: { limits: { operationsPerConnection: 1 } },
    });
    const first = consume(client.subscribe(inRoom('r')));
    await server.sources(1);

    expect(await client.query({ query: '{ hello }' })).toEqual({
      errors: [
        expect.objectContaining({
          extensions: expect.objectContaining({ code: 'TOO_MANY_OPERATIONS' }),
        }),
      ],
    });
    await server.app.publish('r', 'still here');
    expect(await first.next()).toEqual(message('still here'));
    expect(losses).toEqual([]);
  });

  it('is told of a refusal, for good, with the errors that it came with', async () => {
    const { client } = await stage({
      server: { onConnect: () => refuse({ reason: 'who are you?' }) },
    });
    const outcome: unknown = await client
      .query({ query: '{ hello }' })
      .catch((error: unknown) => error);

    expect(outcome).toEqual(failure('CONNECTION_REFUSED', { retryable: false }));
    expect(JSON.stringify(outcome)).toContain('who are you?');
  });

  it('is told that the server has no such mode', async () => {
    const { client } = await stage({ server: { protocols: ['sse'] } });

    await expect(client.query({ query: '{ hello }' })).rejects.toEqual(
      failure('CONNECTION_REFUSED', { status: 406 }),
    );
  });
});

describe('a stream that is lost', () => {
  it('SSE-70 is reserved anew, and brings every subscription back with one source each', async () => {
    const { client, server, proxy, comeBack, requests } = await stage();
    const rooms = ['a', 'b', 'c'];
    const consumers = rooms.map((room) => consume(client.subscribe(inRoom(room))));
    for (const round of ['one', 'two', 'three']) {
      await server.sources(3);
      for (const room of rooms) await server.app.publish(room, `${round} in ${room}`);
      const heard = await Promise.all(consumers.map((consumer) => consumer.next()));
      expect(heard).toEqual(rooms.map((room) => message(`${round} in ${room}`)));

      proxy.reset();
      await server.sources(0);
      expect((await comeBack()).failure).toEqual(lost);
    }
    await server.sources(3);
    expect(server.gauges()).toMatchObject({ connections: 1, operations: 3 });
    expect(requests.filter((request) => request === 'PUT 201')).toHaveLength(4);
    expect(consumers.map(({ rest }) => rest)).toEqual([[], [], []]);
  });

  it('SSE-70 fails queries and mutations at once', async () => {
    const { client, server, proxy, comeBack } = await stage();
    const kept = consume(client.subscribe(inRoom('a')));
    const answer = client.query({ query: '{ never }' });
    await until(() => server.gauges().operations === 2, 'both operations');
    proxy.reset();

    await expect(answer).rejects.toEqual(lost);
    await comeBack();
    await server.sources(1);
    expect(kept.end).toBe(undefined);
  });

  it('is found at the next server on the port', async () => {
    const { client, server, comeBack } = await stage();
    const consumer = consume(client.subscribe(inRoom('r')));
    await server.sources(1);
    await server.close();
    const successor = await server.startSuccessor();
    await comeBack();
    await successor.sources(1);
    await successor.app.publish('r', 'here');

    expect(await consumer.next()).toEqual(message('here'));
  });

  it('is found out when its connection is dead', async () => {
    const { client, server, proxy, clock, comeBack } = await stage({}, { silenceMs: 40_000 });
    const handle = client.subscribe(inRoom('r'));
    const consumer = consume(handle);
    await until(() => handle.status.current === 'live', 'the operation to be live');
    await server.sources(1);
    proxy.goHalfOpen();
    await clock.advance(40_000);

    expect((await comeBack()).failure).toEqual(failure('TERMINATED', { retryable: true }));
    expect(consumer.end).toBe(undefined);
  });

  it('is found out at once by a client that wakes, where its server has forgotten it', async () => {
    const { client, server, proxy, requests, wake, comeBack } = await stage();
    const handle = client.subscribe(inRoom('r'));
    const consumer = consume(handle);
    await until(() => handle.status.current === 'live', 'the operation to be live');
    // the stream dies without a word; the connections of the other requests end as they should
    proxy.connections[1]?.goHalfOpen();
    await server.close();
    await until(() => proxy.connections.length === 1, 'the end of the others');
    const successor = await server.startSuccessor();
    wake();

    expect((await comeBack()).failure).toMatchObject({ code: 'CONNECTION_LOST', status: 404 });
    expect(requests.slice(3, 4)).toEqual(['DELETE 404']);
    await successor.sources(1);
    await successor.app.publish('r', 'here');
    expect(await consumer.next()).toEqual(message('here'));
  });

  it('loses no event of those who resume', async () => {
    const broker = createMemoryBroker();
    const tick = subscriptionField({
      topic: broker.topic<number>('ticks'),
      key: ({ of }: { readonly of: number }) => String(of),
    });
    const args = { of: { type: GraphQLInt } };
    const schema = new GraphQLSchema({
      query: new GraphQLObjectType({ name: 'Query', fields: { a: { type: GraphQLInt } } }),
      subscription: new GraphQLObjectType({
        name: 'Subscription',
        fields: { tick: { type: GraphQLInt, args, ...tick } },
      }),
    });
    const running = await listen(createServer({ schema, broker }), { port: 0, host: '127.0.0.1' });
    onTestFinished(() => running.close());
    const proxy = await startTcpProxy({ port: running.port });
    onTestFinished(() => proxy.close());
    const { client, comeBack } = watchClient(`http://127.0.0.1:${proxy.port}/graphql`, {
      transport: sseSingle(),
      resume: resumable(),
    });
    const handles = [1, 2].map((of) =>
      client.subscribe({ query: `subscription { tick(of: ${of}) }` }),
    );
    const consumers = handles.map((handle) => consume(handle));
    const publish = (of: number, event: number) => broker.publish('ticks', String(of), event);
    const confirmed = await Promise.all(handles.map(({ ready }) => ready));
    expect(confirmed).toEqual([{ confirmed: true }, { confirmed: true }]);
    await publish(1, 10);
    await publish(2, 20);
    await until(() => consumers.every(({ rest }) => rest.length === 1), 'both first events');

    for (const round of [1, 2, 3]) {
      proxy.reset();
      await until(() => broker.readerCount === 0, 'the server to notice');
      await publish(1, 10 + round);
      await publish(2, 20 + round);
      await comeBack();
      await until(
        () => handles.every(({ status }) => status.current === 'recovered'),
        'both to be back',
      );
      await until(
        () => consumers.every(({ rest }) => rest.length === 1 + round),
        'what was missed',
      );
    }
    expect(consumers.map(({ rest }) => rest)).toEqual([
      [10, 11, 12, 13].map((n) => ({ data: { tick: n } })),
      [20, 21, 22, 23].map((n) => ({ data: { tick: n } })),
    ]);
  });
});

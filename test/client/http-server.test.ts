import { once } from 'node:events';
import { createServer } from 'node:http';
import type { RequestListener } from 'node:http';
import type { AddressInfo } from 'node:net';

import { http } from 'millrace/client/http';
import { multipart } from 'millrace/client/multipart';
import { sse } from 'millrace/client/sse';
import { refuse } from 'millrace/server';
import { startTcpProxy } from 'millrace/testing/node';
import { describe, expect, it, onTestFinished } from 'vitest';

import { serveFixture } from '../support/fixture-server.ts';
import { failure } from '../support/response-stage.ts';
import { until } from '../support/waiting.ts';
import { consume, watchClient } from '../support/watched-client.ts';

const streams = { sse, multipart };
const transports = { ...streams, http };

const ofRoom = { query: 'subscription { message(room: "r") { text } }' };
const message = (text: string) => ({ data: { message: { text } } });

/** A server that is not ours. */
async function serveForeign(listener: RequestListener): Promise<string> {
  const server = createServer(listener);
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  onTestFinished(async () => {
    server.closeAllConnections();
    server.close();
    await once(server, 'close');
  });
  const { port } = server.address() as AddressInfo; // of a TCP server that listens
  return `http://127.0.0.1:${port}/graphql`;
}

describe.each(Object.entries(transports))('a client with %s', (_name, transport) => {
  it('gets the results of queries and mutations, also by the WebSocket url', async () => {
    const { httpUrl, webSocketUrl } = await serveFixture();
    for (const url of [httpUrl, webSocketUrl]) {
      const { client } = watchClient(url, { transport: transport() });

      expect(
        await client.query({
          query: 'query ($text: String!) { echo(text: $text) }',
          variables: { text: 'Straße 🚰' },
        }),
      ).toEqual({ data: { echo: 'Straße 🚰' } });
      expect(await client.mutate({ query: 'mutation { post(room: "r", text: "t") }' })).toEqual({
        data: { post: true },
      });
      expect(await client.query({ query: '{ hello fails }' })).toEqual({
        data: { hello: 'world', fails: null },
        errors: [expect.objectContaining({ message: 'lookup failed', path: ['fails'] })],
      });
    }
  });

  it('gets request errors as a result', async () => {
    const { httpUrl } = await serveFixture();
    const { client, losses } = watchClient(httpUrl, { transport: transport() });

    for (const query of ['{ nope }', '{', 'subscription { nope }']) {
      expect(await client.query({ query })).toEqual({
        errors: [expect.objectContaining({ message: expect.any(String) })],
      });
    }
    expect(losses).toEqual([]);
  });

  it('is told of a refusal, with the errors that it came with', async () => {
    const { httpUrl } = await serveFixture({
      onConnect: () => refuse({ reason: 'who are you?' }),
    });
    const { client } = watchClient(httpUrl, { transport: transport() });

    const outcome: unknown = await client
      .query({ query: '{ hello }' })
      .catch((error: unknown) => error);
    expect(JSON.stringify(outcome)).toContain('who are you?');
  });

  it('sends the headers that are good at the time', async () => {
    const seen: unknown[] = [];
    const { httpUrl } = await serveFixture({
      onConnect: ({ request }) => void seen.push(request.headers['authorization']),
    });
    let token = 0;
    const headers = async () => ({ authorization: `Bearer ${(token += 1)}` });
    const { client } = watchClient(httpUrl, { transport: transport({ headers }) });
    await client.query({ query: '{ hello }' });
    await client.query({ query: '{ hello }' });

    expect(seen).toEqual(['Bearer 1', 'Bearer 2']);
  });

  it('stops a query that nobody waits for', async () => {
    const server = await serveFixture();
    const { httpUrl } = server;
    const { client } = watchClient(httpUrl, { transport: transport() });
    const leaving = new AbortController();
    const answer = client.query({ query: '{ never }', signal: leaving.signal });
    await until(() => server.gauges().operations === 1, 'the operation');
    leaving.abort(new Error('enough'));

    await expect(answer).rejects.toThrow('enough');
    await until(() => server.gauges().operations === 0, 'the end of the operation');
  });

  it('is told that there is no server', async () => {
    const server = await serveFixture();
    await server.close();
    const { client } = watchClient(server.httpUrl, { transport: transport() });

    await expect(client.query({ query: '{ hello }' })).rejects.toEqual(
      failure('CONNECTION_LOST', { retryable: true }),
    );
  });
});

describe('a client with http', () => {
  it('GH-68 sends queries by GET and mutations by POST', async () => {
    const methods: unknown[] = [];
    const { httpUrl, port } = await serveFixture();
    const url = await serveForeign(({ method, url: target }, response) => {
      methods.push([method, new URL(target ?? '', httpUrl).searchParams.get('query')]);
      response.writeHead(307, { location: `http://127.0.0.1:${port}${target}` }).end();
    });
    const { client } = watchClient(url, { transport: http({ method: 'GET' }) });

    expect(await client.query({ query: '{ hello }' })).toEqual({ data: { hello: 'world' } });
    expect(await client.mutate({ query: 'mutation { post(room: "r", text: "t") }' })).toEqual({
      data: { post: true },
    });
    expect(methods).toEqual([
      ['GET', '{ hello }'],
      ['POST', null],
    ]);
  });

  it('uses a connection for more than one query', async () => {
    const { port } = await serveFixture();
    let connections = 0;
    const proxy = await startTcpProxy({ port, onConnection: () => void (connections += 1) });
    onTestFinished(() => proxy.close());
    const { client } = watchClient(`http://127.0.0.1:${proxy.port}/graphql`, {
      transport: http(),
    });
    for (let i = 0; i < 10; i += 1) {
      expect(await client.query({ query: '{ hello }' })).toEqual({ data: { hello: 'world' } });
    }

    // the runtime opens another one if it is asked just before the first is free again
    expect(connections).toBeLessThanOrEqual(2);
  });

  it('GH-67 is told readably what a proxy says instead', async () => {
    const url = await serveForeign((_, response) => {
      response.writeHead(502, { 'content-type': 'text/html' }).end('<h1>Bad Gateway</h1>');
    });
    const { client } = watchClient(url, { transport: http() });

    await expect(client.query({ query: '{ hello }' })).rejects.toEqual(
      failure('CONNECTION_LOST', { status: 502, body: '<h1>Bad Gateway</h1>' }),
    );
  });
});

describe.each(Object.entries(streams))('a subscription over %s', (name, transport) => {
  it('brings its results and ends, and nothing is left on either side', async () => {
    const server = await serveFixture();
    const { httpUrl } = server;
    const { client, clock, watching } = watchClient(httpUrl, { transport: transport() });
    const consumer = consume(client.subscribe({ query: 'subscription { countdown(from: 3) }' }));

    expect(await consumer.ended()).toBe('complete');
    expect(consumer.rest).toEqual([3, 2, 1].map((countdown) => ({ data: { countdown } })));
    await server.connections(0);
    expect(server.gauges().operations).toBe(0);
    expect(clock.timerCount).toBe(0);
    expect(watching()).toBe(0);
  });

  it('goes on after an error, and ends with the failure of its source', async () => {
    const { httpUrl } = await serveFixture();
    const { client } = watchClient(httpUrl, { transport: transport() });
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

  it('stops its source when it is left', async () => {
    const server = await serveFixture();
    const { httpUrl, app } = server;
    const { client } = watchClient(httpUrl, { transport: transport() });
    const consumer = consume(client.subscribe(ofRoom));
    await server.sources(1);
    await app.publish('r', 'one');
    expect(await consumer.next()).toEqual(message('one'));
    consumer.stop();

    await server.sources(0);
    await server.connections(0);
  });

  it('brings long texts that no chunk holds, to the letter', async () => {
    const server = await serveFixture();
    const { httpUrl, app } = server;
    const { client } = watchClient(httpUrl, { transport: transport() });
    const consumer = consume(client.subscribe(ofRoom));
    await server.sources(1);
    const text = 'a🚰ß\r\n--graphql\r\n\ndata: '.repeat(20_000);
    await app.publish('r', text);

    expect(await consumer.next()).toEqual(message(text));
  });

  it('comes back after its stream was cut, live, with one source on the server', async () => {
    const server = await serveFixture();
    const { port, app } = server;
    const proxy = await startTcpProxy({ port });
    onTestFinished(() => proxy.close());
    const url = `http://127.0.0.1:${proxy.port}/graphql`;
    const { client, comeBack } = watchClient(url, { transport: transport() });
    const handle = client.subscribe(ofRoom);
    const consumer = consume(handle);
    for (const text of ['one', 'two', 'three']) {
      await server.sources(1);
      await app.publish('r', text);
      expect(await consumer.next()).toEqual(message(text));
      expect(handle.status.current).toBe('live');

      proxy.reset();
      await server.sources(0);
      expect(await comeBack()).toEqual({
        failure: failure('CONNECTION_LOST', { retryable: true }),
        retryInMs: expect.any(Number),
      });
    }
    await server.sources(1);
    await until(() => handle.status.current === 'live', 'the operation to be live');
    await app.publish('r', 'last');

    expect(await consumer.next()).toEqual(message('last'));
    expect(consumer.rest).toEqual([]);
    expect(app.openSources()).toBe(1);
  });

  it('moves to the next server when its own ends', async () => {
    const server = await serveFixture();
    const { client, comeBack } = watchClient(server.httpUrl, { transport: transport() });
    const handle = client.subscribe(ofRoom);
    const consumer = consume(handle);
    await server.sources(1);
    await server.close();
    const successor = await server.startSuccessor();
    await comeBack();
    await successor.sources(1);
    await successor.app.publish('r', 'here');

    expect(await consumer.next()).toEqual(message('here'));
    expect(handle.status.current).toBe('live');
  });

  it('waits for a server that has no room, as long as that says', async () => {
    const server = await serveFixture({ limits: { connections: 1 } });
    const { httpUrl } = server;
    const { client, comeBack } = watchClient(httpUrl, { transport: transport() });
    const first = consume(client.subscribe(ofRoom));
    await server.sources(1);
    const second = consume(client.subscribe(ofRoom));

    const { failure: refusal, retryInMs } = await comeBack();
    expect(refusal).toEqual(failure('CONNECTION_LOST', { status: 503, retryable: true }));
    expect(retryInMs).toBeGreaterThanOrEqual(Number(refusal.retryAfterMs));
    expect(refusal.retryAfterMs).toBeGreaterThan(0);
    first.stop();
    await server.connections(0);
    await comeBack();
    await server.sources(1);

    expect(second.end).toBe(undefined);
  });

  it('is lost where a server ends the response too early', async () => {
    const type = name === 'sse' ? 'text/event-stream' : 'multipart/mixed;boundary=graphql';
    const piece =
      name === 'sse'
        ? 'event: next\ndata: {"data":1}\n\nevent: com'
        : '--graphql\r\n\r\n{"payload":{"data":1}}\r\n--graphql\r\n\r\n{"pay';
    const ends: ('end' | 'destroy')[] = ['end', 'destroy'];
    const url = await serveForeign((_, response) => {
      response.writeHead(200, { 'content-type': type });
      response.write(piece, () => response[ends.shift() ?? 'end']());
    });
    const { client, comeBack, lost } = watchClient(url, { transport: transport() });
    const consumer = consume(client.subscribe(ofRoom));

    expect((await comeBack()).failure).toEqual(failure('CONNECTION_LOST', { retryable: true }));
    expect((await lost()).failure).toEqual(failure('CONNECTION_LOST', { retryable: true }));
    expect(consumer.rest).toEqual([{ data: 1 }, { data: 1 }]);
    expect(consumer.end).toBe(undefined);
  });

  it('finds out that a connection is dead', async () => {
    const server = await serveFixture();
    const { port } = server;
    const proxy = await startTcpProxy({ port });
    onTestFinished(() => proxy.close());
    const url = `http://127.0.0.1:${proxy.port}/graphql`;
    const { client, clock, comeBack } = watchClient(url, {
      transport: transport({ silenceMs: 40_000 }),
    });
    const handle = client.subscribe(ofRoom);
    const consumer = consume(handle);
    await server.sources(1);
    await until(() => handle.status.current === 'live', 'the operation to be live');
    proxy.goHalfOpen();
    await clock.advance(40_000);

    expect((await comeBack()).failure).toEqual(failure('TERMINATED', { retryable: true }));
    expect(consumer.end).toBe(undefined);
  });
});

describe('an event stream', () => {
  it('of a subscription can be had by GET', async () => {
    const { httpUrl } = await serveFixture();
    const { client } = watchClient(httpUrl, { transport: sse({ method: 'GET' }) });
    const consumer = consume(
      client.subscribe({
        query: 'subscription ($n: Int!) { countdown(from: $n) }',
        variables: { n: 2 },
      }),
    );

    expect(await consumer.ended()).toBe('complete');
    expect(consumer.rest).toEqual([{ data: { countdown: 2 } }, { data: { countdown: 1 } }]);
  });
});

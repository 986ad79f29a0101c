import { once } from 'node:events';
import { connect } from 'node:http2';
import type { AddressInfo } from 'node:net';

import websocket from '@fastify/websocket';
import Fastify from 'fastify';
import type { FastifyInstance } from 'fastify';
import { createFastifyPlugin } from 'millrace/adapters/fastify';
import { describe, expect, it, onTestFinished, vi } from 'vitest';
import type { ClientOptions } from 'ws';
import { WebSocket } from 'ws';

import { certificate } from '../support/certificate.ts';
import { createFixtureServer } from '../support/create-fixture-server.ts';
import type { FastifyStage } from '../support/fastify-stage.ts';
import { stageFastify } from '../support/fastify-stage.ts';
import { createFastify, serveFastify } from '../support/serve-fastify.ts';
import { connectSocket } from '../support/socket-client.ts';

const json = { 'content-type': 'application/json' };
const eventStream = { ...json, accept: 'text/event-stream' };
const hello = JSON.stringify({ query: '{ hello }' });
const world = { data: { hello: 'world' } };
const messages = JSON.stringify({ query: 'subscription { message(room: "a") { text } }' });

describe('upgrades below Fastify', () => {
  it('and requests are answered below the prefix of the plugin, on each path', async () => {
    const app = createFastify();
    const { server } = createFixtureServer();
    app.register(createFastifyPlugin(server, { path: ['/graphql', '/subscriptions'] }), {
      prefix: '/api',
    });
    const origin = await app.listen({ port: 0, host: '127.0.0.1' });
    onTestFinished(() => app.close());

    for (const path of ['/api/graphql', '/api/subscriptions']) {
      const posted = await fetch(origin + path, { method: 'POST', headers: json, body: hello });
      expect(await posted.json()).toEqual(world);
      expect(await firstAnswer(origin + path)).toEqual({ type: 'connection_ack' });
    }
    expect((await fetch(`${origin}/graphql`)).status).toBe(404);
    await expect(firstAnswer(`${origin}/graphql`)).rejects.toThrow('404');
  });

  it('treat a slash at the end as the router of the application does', async () => {
    const lenient = await stageFastify(
      Fastify({ forceCloseConnections: true, routerOptions: { ignoreTrailingSlash: true } }),
    );
    const strict = await stageFastify();
    expect((await postBelow(lenient)).status).toBe(200);
    expect(await firstAnswer(`${lenient.url}/`)).toEqual({ type: 'connection_ack' });
    expect((await postBelow(strict)).status).toBe(404);
    await expect(firstAnswer(`${strict.url}/`)).rejects.toThrow('404');
  });

  it.each(['before', 'after'])(
    'leave @fastify/websocket alone that is registered %s',
    async (when) => {
      const app = createFastify();
      const { server } = createFixtureServer();
      if (when === 'after') app.register(createFastifyPlugin(server));
      app.register(websocket);
      app.register(async (scope) => {
        scope.get('/echo', { websocket: true }, (socket) => {
          socket.on('message', (text: Buffer) => socket.send(`{"echo":${text.toString()}}`));
        });
      });
      if (when === 'before') app.register(createFastifyPlugin(server));
      const origin = await app.listen({ port: 0, host: '127.0.0.1' });
      onTestFinished(() => app.close());

      expect(await firstAnswer(`${origin}/graphql`)).toEqual({ type: 'connection_ack' });
      expect(await firstAnswer(`${origin}/echo`)).toEqual({ echo: init });
      await expect(firstAnswer(`${origin}/elsewhere`)).rejects.toThrow('404');
    },
  );

  it('reach each of several servers, on every address that the application listens at', async () => {
    const app = createFastify();
    const servers = [createFixtureServer().server, createFixtureServer().server];
    for (const [index, server] of servers.entries())
      app.register(createFastifyPlugin(server, { path: `/graphql${index}` }));
    await app.listen({ port: 0, host: 'localhost' });
    onTestFinished(() => app.close());

    const addresses = app.addresses() as AddressInfo[]; // it listens on ports, not on a pipe
    for (const { address, family, port } of addresses) {
      const host = family === 'IPv6' ? `[${address}]` : address;
      for (const index of servers.keys()) {
        const answer = await firstAnswer(`http://${host}:${port}/graphql${index}`);
        expect(answer).toEqual({ type: 'connection_ack' });
      }
    }
    expect(servers.map((server) => server.gauges().connections)).toEqual(
      servers.map(() => addresses.length),
    );
  });

  it('are left to others on request', async () => {
    const { url } = await stageFastify(createFastify(), {}, { webSockets: false });

    await expect(firstAnswer(url)).rejects.toThrow('Unexpected server response');
  });
});

describe('the end of an application of Fastify', () => {
  it('closes the server, streams and sockets first', async () => {
    const app = createFastify();
    const { url, post, server, fixture } = await stageFastify(app);
    const client = await connectSocket(url, ['graphql-transport-ws']);
    const stream = await post(messages, eventStream);
    await vi.waitFor(() => expect(fixture.openSources()).toBe(1));

    await app.close();

    expect(await client.next()).toEqual({ kind: 'close', code: 1001, reason: 'Going away' });
    await expect(stream.text()).rejects.toThrow();
    expect(server.state).toBe('closing');
    expect(server.gauges()).toEqual({ connections: 0, operations: 0, deadlines: 0, readers: 0 });
  });

  it('drains the server on request', async () => {
    const app = createFastify();
    const { url, server } = await stageFastify(app, {}, { drain: { windowMs: 0 } });
    const client = await connectSocket(url, ['graphql-transport-ws']);

    await app.close();

    expect(await client.next()).toMatchObject({ kind: 'close', code: 1012 });
    expect(server.gauges().connections).toBe(0);
  });

  it('comes without a listener, too', async () => {
    const app = createFastify();
    const { server } = createFixtureServer();
    await app.register(createFastifyPlugin(server)).ready();

    await app.close();

    expect(server.state).toBe('closing');
    expect(app.server.listenerCount('upgrade')).toBe(0);
  });
});

describe('HTTP/2 below Fastify', () => {
  const http2 = { http2: true, forceCloseConnections: true } as const;

  it('carries queries and streams', async () => {
    const app: unknown = Fastify(http2);
    const { fixture, server } = createFixtureServer();
    const served = await serveFastify(
      server,
      app as FastifyInstance, // its server is another, which the types of Fastify tell apart
      { webSockets: false },
    );
    onTestFinished(() => served.close());
    const { url } = served;
    const session = connect(url);
    onTestFinished(() => session.destroy());
    const ask = async (
      body: string,
      headers: Readonly<Record<string, string>>,
    ): Promise<string> => {
      const stream = session.request({ ...headers, ':method': 'POST', ':path': '/graphql' });
      stream.setEncoding('utf8').end(body);
      let text = '';
      for await (const chunk of stream) text += chunk as string;
      return text;
    };
    const countdown = JSON.stringify({ query: 'subscription { countdown(from: 1) }' });

    expect(JSON.parse(await ask(hello, json))).toEqual(world);
    expect(await ask(countdown, eventStream)).toContain('{"data":{"countdown":1}}');
    expect(fixture.openSources()).toBe(0);
  });

  it.each([
    ['without TLS', http2],
    ['with TLS alone', { ...http2, https: certificate }],
  ])('%s has no WebSockets, which the application says as it starts', async (_what, options) => {
    const app: unknown = Fastify(options as object); // of several overloads
    const { server } = createFixtureServer();

    await expect(
      (app as FastifyInstance).register(createFastifyPlugin(server)).ready(),
    ).rejects.toThrow(/HTTP\/2 has no WebSockets here/);
  });

  it('has them beside HTTP/1', async () => {
    const https = { ...certificate, allowHTTP1: true };
    const app: unknown = Fastify({ ...http2, https });
    const { server } = createFixtureServer();
    const served = await serveFastify(server, app as FastifyInstance); // as above
    onTestFinished(() => served.close());
    const { url } = served;

    const answer = await firstAnswer(url.replace('http:', 'https:'), { rejectUnauthorized: false });

    expect(answer).toEqual({ type: 'connection_ack' });
  });
});

function postBelow({ url }: FastifyStage): Promise<Response> {
  return fetch(`${url}/`, { method: 'POST', headers: json, body: hello });
}

const init = { type: 'connection_init' };

/** What a server says first to an init message; rejects if it refuses the upgrade. */
async function firstAnswer(url: string, options: ClientOptions = {}): Promise<unknown> {
  const socket = new WebSocket(url.replace(/^http/, 'ws'), ['graphql-transport-ws'], options);
  onTestFinished(() => socket.terminate());
  await once(socket, 'open');
  socket.send(JSON.stringify(init));
  const [text] = (await once(socket, 'message')) as [Buffer];
  return JSON.parse(text.toString('utf8'));
}

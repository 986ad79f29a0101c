import { once } from 'node:events';
import { connect } from 'node:http2';
import { PassThrough } from 'node:stream';

import cors from '@fastify/cors';
import websocket from '@fastify/websocket';
import Fastify from 'fastify';
import type { FastifyInstance, FastifyRequest } from 'fastify';
import type { FastifyPluginOptions } from 'millrace/adapters/fastify';
import { createFastifyPlugin, fastifyRequestOf } from 'millrace/adapters/fastify';
import { UsageError } from 'millrace';
import type { Server, ServerOptions } from 'millrace/server';
import { createServer, refuse } from 'millrace/server';
import { describe, expect, it, onTestFinished, vi } from 'vitest';
import type { ClientOptions } from 'ws';
import { WebSocket } from 'ws';

import { BodyReader } from '../contract/adapter-clients.ts';
import { certificate } from '../support/certificate.ts';
import type { FixtureApp } from '../support/fixture-app.ts';
import { createFixtureApp } from '../support/fixture-app.ts';
import { createFastify, serveFastify } from '../support/serve-fastify.ts';
import { connectSocket } from '../support/socket-client.ts';

const json = { 'content-type': 'application/json' };
const eventStream = { ...json, accept: 'text/event-stream' };
const hello = JSON.stringify({ query: '{ hello }' });
const world = { data: { hello: 'world' } };
const messages = JSON.stringify({ query: 'subscription { message(room: "a") { text } }' });

interface Stage {
  readonly fixture: FixtureApp;
  readonly server: Server;
  readonly url: string;
  post(body: string, headers?: Readonly<Record<string, string>>): Promise<Response>;
}

function createFixtureServer(options: Partial<ServerOptions> = {}): {
  readonly fixture: FixtureApp;
  readonly server: Server;
} {
  const fixture = createFixtureApp();
  const { schema, broker } = fixture;
  return { fixture, server: createServer({ schema, broker, ...options }) };
}

/** An application that listens until the test ends. */
async function serve(
  app: FastifyInstance = createFastify(),
  options: Partial<ServerOptions> = {},
  plugin: FastifyPluginOptions = {},
): Promise<Stage> {
  const { fixture, server } = createFixtureServer(options);
  const { url, close } = await serveFastify(server, app, plugin);
  onTestFinished(close);
  const post: Stage['post'] = (body, headers = json) =>
    fetch(url, { method: 'POST', headers, body });
  return { fixture, server, url, post };
}

describe('requests below Fastify', () => {
  it('pass through the hooks of the application, which may answer in place of the server', async () => {
    const app = createFastify();
    app.addHook('onRequest', async (request, reply) => {
      if (request.headers.authorization !== 'Bearer ada') await reply.code(401).send('Who?');
    });
    const { post } = await serve(app);

    const refused = await post(hello);
    const accepted = await post(hello, { ...json, authorization: 'Bearer ada' });

    expect([refused.status, await refused.text()]).toEqual([401, 'Who?']);
    expect(await accepted.json()).toEqual(world);
  });

  it('bring what hooks have found out to the hooks of the server', async () => {
    const app = createFastify();
    app.decorateRequest('user', '');
    app.addHook('preHandler', async (request) => {
      Object.assign(request, { user: 'ada' });
    });
    const { post } = await serve(app, {
      onConnect: ({ request }) => {
        const { user } = fastifyRequestOf(request) as FastifyRequest & { readonly user: string }; // by the hook above
        return refuse({ reason: `${user} at ${request.url}` });
      },
    });

    expect(await (await post(hello)).text()).toContain('ada at /graphql');
  });

  it('leave the parsers and limits of the application to its other routes', async () => {
    const app = Fastify({ forceCloseConnections: true, bodyLimit: 20 });
    app.post('/other', (request, reply) => reply.send({ got: request.body }));
    const { url, post } = await serve(app);
    const other = new URL('/other', url);

    const parsed = await fetch(other, { method: 'POST', headers: json, body: '{"a":1}' });
    const tooBig = await fetch(other, { method: 'POST', headers: json, body: hello + hello });

    expect(await parsed.json()).toEqual({ got: { a: 1 } });
    expect(tooBig.status).toBe(413);
    expect(await (await post(`${hello}${' '.repeat(100)}`)).json()).toEqual(world);
  });

  it('are read from the stream that a hook has put in their place', async () => {
    const app = createFastify();
    app.addHook('preParsing', async (_request, _reply, payload) => payload.pipe(new PassThrough()));
    const { post } = await serve(app, { limits: { bodyBytes: 1_000 } });

    expect(await (await post(hello)).json()).toEqual(world);
    expect((await post(hello + ' '.repeat(2_000))).status).toBe(413);
  });

  it('may be injected', async () => {
    const app = createFastify();
    const { server } = createFixtureServer();
    onTestFinished(() => app.close());
    app.register(createFastifyPlugin(server));

    const answer = await app.inject({
      method: 'POST',
      url: '/graphql',
      headers: json,
      body: hello,
    });

    expect([answer.statusCode, answer.json()]).toEqual([200, world]);
  });

  it('get a stream whose end is theirs when they are injected', async () => {
    const app = createFastify();
    const { server } = createFixtureServer();
    onTestFinished(() => app.close());
    app.register(createFastifyPlugin(server));
    const body = JSON.stringify({ query: 'subscription { countdown(from: 2) }' });

    const answer = await app.inject({
      method: 'POST',
      url: '/graphql',
      headers: eventStream,
      body,
    });

    expect(answer.payload).toContain('{"data":{"countdown":1}}');
    expect(answer.payload).toMatch(/event: complete\ndata:\n\n$/);
  });

  it('with a method or body that is not accepted are answered as everywhere', async () => {
    const { url } = await serve();
    const ask = (init: RequestInit): Promise<Response> => fetch(url, init);

    const head = await ask({ method: 'HEAD' });
    const options = await ask({ method: 'OPTIONS' });
    const patch = await ask({ method: 'PATCH', headers: json, body: hello });
    const untyped = await ask({ method: 'POST', body: new Uint8Array(3) });
    const xml = await ask({
      method: 'POST',
      body: '<a/>',
      headers: { 'content-type': 'text/xml' },
    });

    expect([head, options, patch].map(({ status }) => status)).toEqual([405, 405, 405]);
    expect(patch.headers.get('allow')).toBe('GET, POST, PUT, DELETE');
    expect([untyped, xml].map(({ status }) => status)).toEqual([415, 415]);
  });

  it('are seen by `onSend` if they have one result, and by `onResponse` always', async () => {
    const app = createFastify();
    const seen: string[] = [];
    app.addHook('onSend', async (_request, reply, payload) => {
      seen.push(`send ${String(payload)}`);
      reply.header('set-cookie', 'a=1');
    });
    app.addHook(
      'onResponse',
      async (_request, reply) => void seen.push(`sent ${reply.statusCode}`),
    );
    const { post } = await serve(app);
    const countdown = JSON.stringify({ query: 'subscription { countdown(from: 1) }' });

    const answer = await post(hello);
    await answer.text();
    await vi.waitFor(() => expect(seen).toHaveLength(2));
    await (await post(countdown, eventStream)).text();
    await vi.waitFor(() => expect(seen).toHaveLength(3));

    expect(answer.headers.get('set-cookie')).toBe('a=1');
    expect(seen).toEqual(['send {"data":{"hello":"world"}}', 'sent 200', 'sent 200']);
  });

  it('keep the headers of plugins such as @fastify/cors, on streams too', async () => {
    const app = createFastify();
    await app.register(cors, { origin: ['https://shop.example'], credentials: true });
    const { url, post, fixture } = await serve(app, { allowedOrigins: ['https://shop.example'] });
    const origin = 'https://shop.example';

    const preflight = await fetch(url, {
      method: 'OPTIONS',
      headers: { origin, 'access-control-request-method': 'POST' },
    });
    const single = await post(hello, { ...json, origin });
    const stream = await post(messages, { ...eventStream, origin });

    expect(preflight.status).toBe(204);
    for (const { headers } of [preflight, single, stream])
      expect(headers.get('access-control-allow-origin')).toBe(origin);
    for (const { headers } of [single, stream]) expect(headers.get('vary')).toBe('Origin, accept');
    await vi.waitFor(() => expect(fixture.openSources()).toBe(1));
    await fixture.publish('a', 'x');
    const reader = new BodyReader(stream);
    await reader.until(() => reader.text.includes('"text":"x"'));
    await reader.cancel();
  });
});

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
    const lenient = await serve(
      Fastify({ forceCloseConnections: true, routerOptions: { ignoreTrailingSlash: true } }),
    );
    const strict = await serve();
    const post = ({ url }: Stage): Promise<Response> =>
      fetch(`${url}/`, { method: 'POST', headers: json, body: hello });

    expect((await post(lenient)).status).toBe(200);
    expect(await firstAnswer(`${lenient.url}/`)).toEqual({ type: 'connection_ack' });
    expect((await post(strict)).status).toBe(404);
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

  it('are left to others on request', async () => {
    const { url } = await serve(createFastify(), {}, { webSockets: false });

    await expect(firstAnswer(url)).rejects.toThrow('Unexpected server response');
  });
});

describe('the end of an application of Fastify', () => {
  it('closes the server, streams and sockets first', async () => {
    const app = createFastify();
    const { url, post, server, fixture } = await serve(app);
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
    const { url, server } = await serve(app, {}, { drain: { windowMs: 0 } });
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
    const { url, close } = await serveFastify(
      server,
      app as FastifyInstance, // its server is another, which the types of Fastify tell apart
      { webSockets: false },
    );
    onTestFinished(close);
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
    const { url, close } = await serveFastify(server, app as FastifyInstance); // as above
    onTestFinished(close);

    const answer = await firstAnswer(url.replace('http:', 'https:'), { rejectUnauthorized: false });

    expect(answer).toEqual({ type: 'connection_ack' });
  });
});

describe('a plugin for Fastify that cannot work', () => {
  it('says so when it is made', () => {
    const { server } = createFixtureServer();

    expect(() => createFastifyPlugin({} as Server)).toThrow(UsageError);
    expect(() => createFastifyPlugin(server, { path: 'graphql' })).toThrow('a path begins with /');
    expect(() => createFastifyPlugin(server, { drain: { windowMs: -1 } })).toThrow(UsageError);
  });

  it('says so when the application starts, if WebSockets would be at no path', async () => {
    const { server } = createFixtureServer();
    const path = '/:tenant/graphql';

    await expect(
      createFastify().register(createFastifyPlugin(server, { path })).ready(),
    ).rejects.toThrow('no WebSockets at /:tenant/graphql');
    await createFastify()
      .register(createFastifyPlugin(server, { path, webSockets: false }))
      .ready();
  });
});

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

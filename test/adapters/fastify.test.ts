import { PassThrough } from 'node:stream';

import cors from '@fastify/cors';
import Fastify from 'fastify';
import type { FastifyRequest } from 'fastify';
import { UsageError } from 'millrace';
import { createFastifyPlugin, fastifyRequestOf } from 'millrace/adapters/fastify';
import type { Server } from 'millrace/server';
import { refuse } from 'millrace/server';
import { describe, expect, it, onTestFinished, vi } from 'vitest';

import { BodyReader } from '../contract/adapter-clients.ts';
import { createFixtureServer } from '../support/create-fixture-server.ts';
import { stageFastify } from '../support/fastify-stage.ts';
import { createFastify } from '../support/serve-fastify.ts';

const json = { 'content-type': 'application/json' };
const eventStream = { ...json, accept: 'text/event-stream' };
const hello = JSON.stringify({ query: '{ hello }' });
const world = { data: { hello: 'world' } };
const messages = JSON.stringify({ query: 'subscription { message(room: "a") { text } }' });

describe('requests below Fastify', () => {
  it('pass through the hooks of the application, which may answer in place of the server', async () => {
    const app = createFastify();
    app.addHook('onRequest', async (request, reply) => {
      if (request.headers.authorization !== 'Bearer ada') await reply.code(401).send('Who?');
    });
    const { post } = await stageFastify(app);

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
    const { post } = await stageFastify(app, {
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
    const { url, post } = await stageFastify(app);
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
    const { post } = await stageFastify(app, { limits: { bodyBytes: 1_000 } });

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
    const { url } = await stageFastify();
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
    const { post } = await stageFastify(app);
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
    const { url, post, fixture } = await stageFastify(app, {
      allowedOrigins: ['https://shop.example'],
    });
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

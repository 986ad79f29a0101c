import { once } from 'node:events';
import { createServer as createHttpServer } from 'node:http';
import type { Server as HttpServer } from 'node:http';
import type { AddressInfo } from 'node:net';

import type { Express, Request, RequestHandler } from 'express';
import express from 'express';
import express4 from 'express-4';
import { UsageError } from 'millrace';
import {
  attachUpgrades,
  createExpressMiddleware,
  expressRequestOf,
} from 'millrace/adapters/express';
import type { Server } from 'millrace/server';
import { refuse } from 'millrace/server';
import { describe, expect, it, onTestFinished, vi } from 'vitest';
import { WebSocketServer } from 'ws';

import { BodyReader } from '../contract/adapter-clients.ts';
import { createFixtureServer } from '../support/create-fixture-server.ts';

import { connectSocket } from '../support/socket-client.ts';

const json = { 'content-type': 'application/json' };
const hello = JSON.stringify({ query: '{ hello }' });
const messages = JSON.stringify({ query: 'subscription { message(room: "a") { text } }' });

/** Listens until the test ends. */
async function listenWith(app: Express): Promise<{ origin: string; httpServer: HttpServer }> {
  const httpServer = app.listen(0, '127.0.0.1');
  onTestFinished(() => {
    httpServer.close();
    httpServer.closeAllConnections();
  });
  await once(httpServer, 'listening');
  const { port } = httpServer.address() as AddressInfo; // it listens on a port
  return { origin: `http://127.0.0.1:${port}`, httpServer };
}

function post(url: string, body: BodyInit = hello, headers: HeadersInit = json): Promise<Response> {
  return fetch(url, { method: 'POST', body, headers });
}

describe.each([
  ['Express 5', express],
  ['Express 4', express4],
] as const)('the middleware for %s', (_name, framework) => {
  describe('takes a body', () => {
    it.each([
      ['that nobody has read', undefined],
      ['from express.json()', framework.json()],
      ['from express.text()', framework.text({ type: '*/*' })],
      ['from express.raw()', framework.raw({ type: '*/*' })],
      ['that express.urlencoded() left', framework.urlencoded({ extended: true })],
    ] as const)('%s', async (_what, parser) => {
      const app = framework();
      if (parser) app.use(parser);
      app.use('/graphql', createExpressMiddleware(createFixtureServer().server));
      const { origin } = await listenWith(app);

      const query = 'query Echo($text: String!) { echo(text: $text) }';
      const answer = await post(
        `${origin}/graphql`,
        JSON.stringify({ query, variables: { text: 'grüß' } }),
      );

      expect(await answer.json()).toEqual({ data: { echo: 'grüß' } });
      expect((await fetch(`${origin}/graphql?query={hello}`)).status).toBe(200);
    });

    it('that a parser has read within the limits of the server', async () => {
      const app = framework().use(framework.json({ limit: '1mb' }));
      const { server } = createFixtureServer({ limits: { bodyBytes: 100 } });
      app.use('/graphql', createExpressMiddleware(server));
      const { origin } = await listenWith(app);

      expect((await post(`${origin}/graphql`, hello)).status).toBe(200);
      expect((await post(`${origin}/graphql`, hello + ' '.repeat(100))).status).toBe(413);
    });

    it('that a parser has understood in another way not as an operation', async () => {
      const app = framework().use(framework.urlencoded({ extended: true }));
      app.use('/graphql', createExpressMiddleware(createFixtureServer().server));
      const { origin } = await listenWith(app);
      const form = new URLSearchParams({ query: '{ hello }' });

      expect((await post(`${origin}/graphql`, form, {})).status).toBe(415);
      expect((await post(`${origin}/graphql`, '[]')).status).toBe(400);
    });

    it('and hands a mistake of the application to its error handler', async () => {
      const app = framework();
      const errors: unknown[] = [];
      app.use((request, _response, next) => {
        request.resume().on('end', () => next());
      });
      app.use('/graphql', createExpressMiddleware(createFixtureServer().server));
      app.use(((error, _request, response, _next) => {
        errors.push(error);
        response.status(500).end('mistake');
      }) as express.ErrorRequestHandler);
      const { origin } = await listenWith(app);

      const answer = await post(`${origin}/graphql`);

      expect([answer.status, await answer.text()]).toEqual([500, 'mistake']);
      expect(errors).toEqual([expect.any(UsageError)]);
    });
  });

  describe('answers', () => {
    it('at its path alone, with or without a slash at the end', async () => {
      const app = framework();
      app.use('/graphql', createExpressMiddleware(createFixtureServer().server));
      app.use('/graphql/below', (_request, response) => void response.end('mine'));
      const { origin } = await listenWith(app);

      expect((await post(`${origin}/graphql`)).status).toBe(200);
      expect((await post(`${origin}/graphql/`)).status).toBe(200);
      expect(await (await post(`${origin}/graphql/below`)).text()).toBe('mine');
      expect((await post(`${origin}/graphql/elsewhere`)).status).toBe(404);
    });

    it('on a route, and below a router, where hooks see the whole URL', async () => {
      const { server } = createFixtureServer({
        onConnect: ({ request }) => refuse({ reason: `at ${request.url}` }),
      });
      const router = framework.Router().use('/graphql', createExpressMiddleware(server));
      const app = framework().use('/api', router);
      app.all('/route', createExpressMiddleware(server));
      const { origin } = await listenWith(app);

      for (const path of ['/api/graphql?a=1', '/route?a=1'])
        expect(await (await post(origin + path)).text()).toContain(`at ${path}`);
    });

    it('after middleware that lets in, whose findings reach the hooks of the server', async () => {
      const { server } = createFixtureServer({
        onConnect: ({ request }) => {
          const { user } = expressRequestOf(request) as Request & { readonly user: string }; // by the middleware below
          return refuse({ reason: `${user} is not welcome` });
        },
      });
      const app = framework();
      app.use((request, _response, next) => {
        Object.assign(request, { user: 'ada' });
        next();
      });
      app.use('/graphql', createExpressMiddleware(server));
      const { origin } = await listenWith(app);

      expect(await (await post(`${origin}/graphql`)).text()).toContain('ada is not welcome');
    });

    it('with the headers that middleware for CORS has set, on streams too', async () => {
      const app = framework();
      const { fixture, server } = createFixtureServer();
      app.use(allowShop);
      app.use('/graphql', createExpressMiddleware(server));
      const { origin } = await listenWith(app);
      const url = `${origin}/graphql`;

      const preflight = await fetch(url, { method: 'OPTIONS' });
      const single = await post(url);
      const stream = await post(url, messages, { ...json, accept: 'text/event-stream' });

      expect(preflight.status).toBe(204);
      for (const { headers } of [single, stream]) {
        expect(headers.get('access-control-allow-origin')).toBe('https://shop.example');
        expect(headers.get('vary')).toBe('Origin, accept');
      }
      await vi.waitFor(() => expect(fixture.openSources()).toBe(1));
      await server.close();
    });

    it('HEAD and OPTIONS with 405', async () => {
      const app = framework().use(
        '/graphql',
        createExpressMiddleware(createFixtureServer().server),
      );
      const { origin } = await listenWith(app);

      for (const method of ['HEAD', 'OPTIONS', 'PATCH']) {
        const answer = await fetch(`${origin}/graphql`, { method });
        expect([answer.status, answer.headers.get('allow')]).toEqual([
          405,
          'GET, POST, PUT, DELETE',
        ]);
      }
    });

    it('with a stream that goes through middleware which changes what is written', async () => {
      const app = framework();
      const { fixture, server } = createFixtureServer();
      app.use(shout);
      app.use('/graphql', createExpressMiddleware(server));
      const { origin } = await listenWith(app);
      const answer = await post(`${origin}/graphql`, messages, {
        ...json,
        accept: 'text/event-stream',
      });
      const reader = new BodyReader(answer);
      await vi.waitFor(() => expect(fixture.openSources()).toBe(1));

      await fixture.publish('a', 'x');

      await reader.until(() => reader.text.includes('{"TEXT":"X"}'));
      await reader.cancel();
      await vi.waitFor(() => expect(fixture.openSources()).toBe(0));
    });
  });
});

describe('upgrades beside Express', () => {
  it('are answered at the path, with or without a slash at the end, and left to others elsewhere', async () => {
    const { server } = createFixtureServer();
    const { origin, httpServer } = await listenWith(express());
    const others = new WebSocketServer({ noServer: true });
    httpServer.on('upgrade', (request, socket, head) =>
      others.handleUpgrade(request, socket, head, (webSocket) => webSocket.close(4000, 'others')),
    );
    attachUpgrades(server, httpServer, { path: '/api/graphql' });

    for (const path of ['/api/graphql', '/api/graphql/']) {
      const client = await connectSocket(origin + path, ['graphql-transport-ws']);
      client.send('{"type":"connection_init"}');
      expect(await client.next()).toMatchObject({ message: { type: 'connection_ack' } });
      client.socket.terminate();
    }
    const other = await connectSocket(`${origin}/api`, []);
    expect(await other.next()).toMatchObject({ kind: 'close', code: 4000 });
  });

  it('are given back once the server is drained', async () => {
    const { server } = createFixtureServer();
    const { origin, httpServer } = await listenWith(express());
    const attachment = attachUpgrades(server, httpServer);
    const client = await connectSocket(`${origin}/graphql`, ['graphql-transport-ws']);

    await attachment.drain({ windowMs: 0 });
    await attachment.close();

    expect(await client.next()).toMatchObject({ kind: 'close', code: 1012 });
    expect(httpServer.listenerCount('upgrade')).toBe(0);
  });

  it('need the HTTP server, not the application', () => {
    const { server } = createFixtureServer();

    expect(() => attachUpgrades(server, express())).toThrow(/upgrades come to an http.Server/);
    expect(() => attachUpgrades({} as Server, createHttpServer())).toThrow(UsageError);
    expect(() => attachUpgrades(server, createHttpServer(), { path: 'graphql' })).toThrow(
      UsageError,
    );
    expect(() => createExpressMiddleware({} as Server)).toThrow(UsageError);
  });
});

/** What middleware such as `cors` does. */
const allowShop: RequestHandler = (request, response, next) => {
  response.setHeader('access-control-allow-origin', 'https://shop.example');
  response.setHeader('vary', 'Origin');
  if (request.method === 'OPTIONS') response.status(204).end();
  else next();
};

/** Puts itself in place of `write`, as middleware that compresses does. */
const shout: RequestHandler = (_request, response, next) => {
  const write = response.write.bind(response) as (text: string) => boolean; // one of its overloads
  response.write = (chunk: unknown) => write(String(chunk).toUpperCase());
  next();
};

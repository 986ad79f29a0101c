import { once } from 'node:events';
import { createServer as createHttpServer } from 'node:http';
import type { IncomingMessage, RequestOptions, Server as HttpServer } from 'node:http';
import { request } from 'node:http';
import { connect as connectHttp2, createServer as createHttp2Server } from 'node:http2';
import type { ClientHttp2Session, ClientHttp2Stream, IncomingHttpHeaders } from 'node:http2';
import type { AddressInfo } from 'node:net';
import { connect } from 'node:net';

import { attach, listen } from 'millrace/adapters/node';
import type { Running } from 'millrace/adapters/node';
import type { Server, ServerOptions } from 'millrace/server';
import { createServer } from 'millrace/server';
import { afterEach, describe, expect, it, vi } from 'vitest';

import type { FixtureApp } from '../support/fixture-app.ts';
import { createFixtureApp } from '../support/fixture-app.ts';
import { sendHttp } from '../support/http-client.ts';
import { RawConnections } from '../support/raw-websocket.ts';

const connections = new RawConnections();
let running: Running | undefined;
afterEach(async () => {
  connections.destroyAll();
  await running?.close();
});

interface Stage {
  readonly app: FixtureApp;
  readonly server: Server;
  readonly url: string;
  readonly port: number;
}

async function serve(options: Partial<ServerOptions> = {}): Promise<Stage> {
  const app = createFixtureApp();
  const server = createServer({ schema: app.schema, broker: app.broker, ...options });
  running = await listen(server, { port: 0, host: '127.0.0.1' });
  return { app, server, url: running.url, port: running.port };
}

/** A response whose body is read as it comes. */
class OpenResponse {
  readonly message: IncomingMessage;
  text = '';
  ending: 'open' | 'ended' | 'lost' = 'open';
  /** Where the last text was found that a test waited for. */
  #seen = 0;

  constructor(message: IncomingMessage) {
    this.message = message;
    message.setEncoding('utf8');
    message.on('data', (chunk: string) => (this.text += chunk));
    message.on('end', () => (this.ending = 'ended'));
    message.on('error', () => (this.ending = 'lost'));
  }

  /** Resolves once the body holds `text`, not before what was waited for last. */
  async has(text: string): Promise<void> {
    const find = (): number => this.text.indexOf(text, this.#seen);
    const signal = AbortSignal.timeout(4_000);
    while (find() < 0) await once(this.message, 'data', { signal });
    this.#seen = find();
  }
}

async function open(
  url: string,
  { body, ...options }: RequestOptions & { readonly body?: object },
): Promise<OpenResponse> {
  const outgoing = request(url, { agent: false, ...options });
  outgoing.end(body && JSON.stringify(body));
  const [message] = (await once(outgoing, 'response')) as [IncomingMessage];
  return new OpenResponse(message);
}

const accepts = {
  SSE: 'text/event-stream',
  multipart: 'multipart/mixed;subscriptionSpec=1.0, application/json',
} as const;
const carriers = ['SSE', 'multipart'] as const;
const messages = 'subscription { message(room: "r") { text } }';

const subscribe = (url: string, carrier: keyof typeof accepts, query = messages) =>
  open(url, {
    method: 'POST',
    headers: { 'content-type': 'application/json', accept: accepts[carrier] },
    body: { query },
  });

const idle = { connections: 0, operations: 0, deadlines: 0, readers: 0 };

/** Resolves once the server holds nothing: what a client that left had is given back without any time limit's help. */
async function untilIdle({ server, app }: Pick<Stage, 'server' | 'app'>): Promise<void> {
  await vi.waitFor(() => expect([server.gauges(), app.openSources()]).toEqual([idle, 0]));
}

describe.each(carriers)('%s over HTTP/1.1', (carrier) => {
  it('SSE-14, SSE-17, MP-11 arrives from its first byte on, chunked and uncompressed', async () => {
    const { url } = await serve();

    const response = await subscribe(url, carrier);

    await response.has(carrier === 'SSE' ? ':\n\n' : '{}\r\n--graphql');
    expect(response.message.headers).toMatchObject({
      'transfer-encoding': 'chunked',
      'cache-control': 'no-cache, no-transform',
      'x-accel-buffering': 'no',
    });
    expect(response.message.headers).not.toHaveProperty('content-encoding');
    expect(response.message.headers).not.toHaveProperty('content-length');
  });

  it('SSE-15, MP-10 has each event when it happens, with what closes it', async () => {
    const { url, app } = await serve();
    const response = await subscribe(url, carrier);
    const end = carrier === 'SSE' ? '\n\n' : '\r\n--graphql';

    for (const text of ['one', 'two 😀']) {
      await app.publish('r', text);
      await response.has(`{"text":"${text}"}`);
      expect(response.text.endsWith(end)).toBe(true);
    }
  });

  it('SSE-3, MP-9 ends the response and leaves its connection usable', async () => {
    const { port } = await serve();
    const connection = await connections.open(port);
    const body = JSON.stringify({ query: 'subscription { countdown(from: 1) }' });
    const post = `POST /graphql HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\nAccept: ${accepts[carrier]}\r\nContent-Length: ${body.length}\r\n\r\n${body}`;

    for (let sent = 0; sent < 2; sent += 1) {
      connection.write(post);
      expect(await connection.head()).toMatchObject({ status: 200 });
      await connection.through('\r\n0\r\n\r\n');
    }
  });

  it.each([
    ['an abort', (response: OpenResponse) => void response.message.destroy()],
    ['a reset', (response: OpenResponse) => void response.message.socket.resetAndDestroy()],
    ['the end of its half', (response: OpenResponse) => void response.message.socket.end()],
  ])('SSE-11, MP-14 frees its source after %s of its client', async (_how, leave) => {
    const stage = await serve();
    const response = await subscribe(stage.url, carrier);
    await vi.waitFor(() => expect(stage.app.openSources()).toBe(1));

    leave(response);

    await untilIdle(stage);
  });

  it('is lost, not complete, when the server closes', async () => {
    const stage = await serve();
    const response = await subscribe(stage.url, carrier);
    await response.has(carrier === 'SSE' ? ':' : '{}');

    await running?.close();

    await vi.waitFor(() => expect(response.ending).toBe('lost'));
    expect(response.text).not.toContain('complete');
    expect(response.text).not.toContain('--graphql--');
    expect(stage.server.gauges()).toEqual(idle);
  });

  it('is cut off when its client stops reading, and what others get is not disturbed', async () => {
    const stage = await serve();
    const reading = await subscribe(stage.url, carrier);
    const stuck = await connections.open(stage.port);
    const body = JSON.stringify({ query: messages });
    stuck.write(
      `POST /graphql HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\nAccept: ${accepts[carrier]}\r\nContent-Length: ${body.length}\r\n\r\n${body}`,
    );
    await stuck.head();
    stuck.socket.pause();
    await vi.waitFor(() => expect(stage.app.openSources()).toBe(2));

    // what the two systems buffer between them is not known
    const filler = 'x'.repeat(200_000);
    for (let published = 0; stage.app.openSources() > 1 && published < 200; published += 1) {
      await stage.app.publish('r', `${filler}${published}`);
      await reading.has(`x${published}"`);
    }

    expect(stage.app.openSources()).toBe(1);
    expect(reading.ending).toBe('open');
  });

  it('lets a source wait for a reader even when the bounds are lower than those of Node', async () => {
    const stage = await serve({ limits: { outboxHighWaterBytes: 3_000, stalledMs: 2_000 } });

    const response = await subscribe(stage.url, carrier, 'subscription { flood(bytes: 2000) }');

    await vi.waitFor(() => expect(response.text.length).toBeGreaterThan(400_000), {
      timeout: 4_000,
    });
    expect(response.ending).toBe('open');
    response.message.destroy();
    await untilIdle(stage);
  });
});

describe('the single connection mode over HTTP/1.1', () => {
  const header = 'x-graphql-event-stream-token';

  it('SSE-30, SSE-33, SSE-39, SSE-44 reserves, opens, executes, stops and is forgotten', async () => {
    const stage = await serve();
    const { url, app, server } = stage;
    const reserved = await sendHttp(url, { method: 'PUT', headers: { accept: '*/*' } });
    expect(reserved).toMatchObject({ status: 201, text: expect.stringMatching(/^\w{48}$/) });
    const token = reserved.text;
    const stream = await open(`${url}?token=${token}`, {
      headers: { accept: 'text/event-stream' },
    });
    const execute = (operationId: string, query: string) =>
      sendHttp(url, { headers: { [header]: token }, body: { query, extensions: { operationId } } });

    expect(await execute('1', messages)).toMatchObject({ status: 202, text: '' });
    expect(await execute('2', '{ hello }')).toMatchObject({ status: 202, text: '' });
    await stream.has('event: complete\ndata: {"id":"2"}');
    await app.publish('r', 'heard');
    await stream.has('{"id":"1","payload":{"data":{"message":{"text":"heard"}}}}');
    expect(
      await sendHttp(url, {
        method: 'DELETE',
        path: '/graphql?operationId=1',
        headers: { [header]: token },
      }),
    ).toMatchObject({ status: 200, text: '' });
    await vi.waitFor(() => expect(app.openSources()).toBe(0));
    await execute('3', messages);
    expect(server.gauges()).toMatchObject({ connections: 1, operations: 1 });

    stream.message.destroy();

    await untilIdle(stage);
    expect(await execute('4', '{ hello }')).toMatchObject({ status: 404 });
  });

  it('answers a request that was stopped with 204 and without a length', async () => {
    const { url } = await serve();
    const { text: token } = await sendHttp(url, { method: 'PUT', headers: { accept: '*/*' } });
    const executed = sendHttp(url, {
      headers: { [header]: token },
      body: { query: 'subscription { never }', extensions: { operationId: '1' } },
    });
    const stop = () =>
      sendHttp(url, {
        method: 'DELETE',
        path: '/graphql?operationId=1',
        headers: { [header]: token },
      });

    // until the operation is known there is nothing to stop
    await vi.waitFor(async () => {
      await stop();
      const answer = await Promise.race([executed, Promise.resolve(undefined)]);
      expect(answer).toMatchObject({ status: 204, text: '' });
      expect(answer?.headers).not.toHaveProperty('content-length');
    });
  });
});

it('a client of HTTP/1.0 gets a stream that ends with its connection', async () => {
  const { port } = await serve();
  const socket = connect(port, '127.0.0.1');
  const body = JSON.stringify({ query: 'subscription { countdown(from: 1) }' });

  socket.write(
    `POST /graphql HTTP/1.0\r\nContent-Type: application/json\r\nAccept: text/event-stream\r\nContent-Length: ${body.length}\r\n\r\n${body}`,
  );
  const received = Buffer.concat(await socket.toArray()).toString('utf8');

  expect(received).not.toMatch(/transfer-encoding/i);
  expect(received.split('\r\n\r\n')[1]).toBe(
    ':\n\nevent: next\ndata: {"data":{"countdown":1}}\n\nevent: complete\ndata:\n\n',
  );
});

interface Http2Stage extends Omit<Stage, 'url' | 'port'> {
  readonly ask: (headers: Record<string, string>, body?: object) => ClientHttp2Stream;
  readonly close: () => Promise<void>;
}

async function serveHttp2(): Promise<Http2Stage> {
  const app = createFixtureApp();
  const server = createServer({ schema: app.schema, broker: app.broker });
  const http2Server = createHttp2Server();
  // of the HTTP server only listeners are used, and the compatibility API of node:http2 has those
  const attachment = attach(server, http2Server as unknown as HttpServer);
  await new Promise<void>((resolve) => void http2Server.listen(0, '127.0.0.1', resolve));
  const { port } = http2Server.address() as AddressInfo; // it listens on a port
  const session: ClientHttp2Session = connectHttp2(`http://127.0.0.1:${port}`);
  return {
    app,
    server,
    ask(headers, body) {
      const stream = session.request({ ':path': '/graphql', ...headers });
      stream.setEncoding('utf8');
      stream.end(body && JSON.stringify(body));
      return stream;
    },
    async close() {
      session.destroy();
      await attachment.close();
      await new Promise((resolve) => void http2Server.close(resolve));
    },
  };
}

describe('over HTTP/2', () => {
  const forbidden = new Set([
    'connection',
    'keep-alive',
    'proxy-connection',
    'transfer-encoding',
    'upgrade',
  ]);

  it.each(carriers)('SSE-18, MP-17 %s has no headers about the connection', async (carrier) => {
    const { ask, app, server, close } = await serveHttp2();
    const stream = ask(
      { ':method': 'POST', 'content-type': 'application/json', accept: accepts[carrier] },
      { query: messages },
    );
    let text = '';
    stream.on('data', (chunk: string) => (text += chunk));
    const [headers] = (await once(stream, 'response')) as [IncomingHttpHeaders];

    expect(headers[':status']).toBe(200);
    expect(Object.keys(headers).filter((name) => forbidden.has(name))).toEqual([]);
    await vi.waitFor(() => expect(app.openSources()).toBe(1));
    await app.publish('r', 'heard');
    await vi.waitFor(() => expect(text).toContain('heard'));
    stream.close();
    await untilIdle({ server, app });
    await close();
  });

  it('a GET of the own origin is told by the authority', async () => {
    const { ask, close } = await serveHttp2();
    const status = async (origin: string): Promise<unknown> => {
      const stream = ask({
        ':path': '/graphql?query={hello}',
        ':authority': 'app.example',
        accept: 'application/json',
        origin,
      });
      const [headers] = (await once(stream.resume(), 'response')) as [IncomingHttpHeaders];
      return headers[':status'];
    };

    expect(await status('https://app.example')).toBe(200);
    expect(await status('https://evil.example')).toBe(403);
    await close();
  });

  it('an answer that ends its connection over HTTP/1.1 is sent without saying so', async () => {
    const app = createFixtureApp();
    const server = createServer({ schema: app.schema });
    vi.spyOn(server, 'handleRequest').mockResolvedValue({
      kind: 'whole',
      status: 408,
      headers: { connection: 'close', 'content-type': 'text/plain' },
      body: 'late',
    });
    const http2Server = createHttp2Server();
    const attachment = attach(server, http2Server as unknown as HttpServer); // as above
    await new Promise<void>((resolve) => void http2Server.listen(0, '127.0.0.1', resolve));
    const { port } = http2Server.address() as AddressInfo; // it listens on a port
    const session = connectHttp2(`http://127.0.0.1:${port}`);

    const stream = session.request({ ':path': '/graphql' });
    const [headers] = (await once(stream.resume(), 'response')) as [IncomingHttpHeaders];

    expect(headers).toMatchObject({ ':status': 408, 'content-type': 'text/plain' });
    session.destroy();
    await attachment.close();
    await new Promise((resolve) => void http2Server.close(resolve));
  });
});

it('streams end within their connection when somebody else keeps the port', async () => {
  const app = createFixtureApp();
  const server = createServer({ schema: app.schema, broker: app.broker });
  const httpServer = createHttpServer();
  const attachment = attach(server, httpServer);
  await new Promise<void>((resolve) => void httpServer.listen(0, '127.0.0.1', resolve));
  const { port } = httpServer.address() as AddressInfo; // it listens on a port
  const response = await subscribe(`http://127.0.0.1:${port}/graphql`, 'SSE');
  await response.has(':');

  await attachment.close();

  await vi.waitFor(() => expect(response.ending).toBe('lost'));
  expect(server.gauges()).toEqual(idle);
  await new Promise((resolve) => void httpServer.close(resolve));
});

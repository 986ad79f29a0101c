import { EventEmitter, once } from 'node:events';
import { createServer as createHttpServer, get } from 'node:http';
import type { AddressInfo } from 'node:net';

import type { Running } from 'millrace/adapters/node';
import { attach, listen } from 'millrace/adapters/node';
import { createClient } from 'millrace/client';
import type { Transport } from 'millrace/client';
import { multipart } from 'millrace/client/multipart';
import { sse } from 'millrace/client/sse';
import { websocket } from 'millrace/client/websocket';
import type { Server, ServerOptions } from 'millrace/server';
import { createServer } from 'millrace/server';
import { startTcpProxy } from 'millrace/testing/node';
import { describe, expect, it, onTestFinished } from 'vitest';

import { UsageError } from '../../src/errors.ts';
import { createFixtureApp } from '../support/fixture-app.ts';
import type { FixtureApp } from '../support/fixture-app.ts';
import { sendHttp } from '../support/http-client.ts';
import { connectSocket } from '../support/socket-client.ts';
import { until } from '../support/waiting.ts';
import { consume } from '../support/watched-client.ts';

const nothingHeld = { connections: 0, operations: 0, deadlines: 0, readers: 0 };
const local = { port: 0, host: '127.0.0.1' } as const;
const ofRoom = { query: 'subscription { message(room: "r") { text } }' };

interface Stage {
  readonly app: FixtureApp;
  readonly server: Server;
  readonly running: Running;
  /** Resolves once exactly `count` sources are open. */
  sources(count: number): Promise<void>;
}

async function serve(options: Partial<ServerOptions> = {}): Promise<Stage> {
  const app = createFixtureApp();
  const server = createServer({ ...options, schema: app.schema, broker: app.broker });
  const running = await listen(server, local);
  onTestFinished(() => running.close());
  const sources = (count: number): Promise<void> =>
    until(() => app.openSources() === count, `${count} open sources`);
  return { app, server, running, sources };
}

const subscribing: Readonly<Record<string, () => Transport>> = { websocket, sse, multipart };

describe.each(Object.entries(subscribing))(
  'a rolling restart under a client with %s',
  (_, carry) => {
    it('leaves its subscription live, and answers the mutation that ran', async () => {
      const gate = new EventEmitter();
      const answering = once(gate, 'open').then(() => undefined);
      const slowly: Partial<ServerOptions> = {
        // the mutation is done, and its client does not know yet
        onNext: ({ operation }) => (operation.query.startsWith('mutation') ? answering : undefined),
      };
      const generations = [await serve(slowly)] as [Stage, ...Stage[]];
      let current = generations[0];
      const proxy = await startTcpProxy({
        get port() {
          return current.running.port;
        },
      });
      const client = createClient({
        url: `http://127.0.0.1:${proxy.port}/graphql`,
        transport: carry(),
        retry: { minDelayMs: 20 },
      });
      onTestFinished(async () => {
        client.close();
        await proxy.close();
      });
      const subscription = client.subscribe(ofRoom);
      const consumer = consume(subscription);
      await current.sources(1);
      const mutation = client.mutate({ query: 'mutation { post(room: "other", text: "t") }' });
      await until(() => current.server.gauges().operations === 2, 'the mutation');

      for (const text of ['from the second', 'from the third']) {
        const leaving = current;
        current = await serve();
        const drained = leaving.running.drain({ windowMs: 200 });
        setTimeout(() => gate.emit('open'), 250);
        await drained;
        await current.sources(1);
        await current.app.publish('r', text);

        expect(await consumer.next()).toEqual({ data: { message: { text } } });
        expect(subscription.status.current).toBe('live');
        expect(leaving.server.gauges()).toEqual(nothingHeld);
      }
      expect(await mutation).toEqual({ data: { post: true } });
    });
  },
);

describe('draining a server that listens', () => {
  it('answers what is new with 503 and Retry-After until it is over, then frees the port', async () => {
    const { running, app } = await serve();
    const slow = sendHttp(running.url, { body: { query: '{ slow }' } });
    const open = await connectSocket(running.url, 'graphql-transport-ws');
    const drained = running.drain({ windowMs: 300, random: () => 0.5 });

    expect(await sendHttp(running.url, { body: { query: '{ hello }' } })).toMatchObject({
      status: 503,
      headers: { 'retry-after': '5', connection: 'close' },
      json: { errors: [{ extensions: { code: 'GOING_AWAY' } }] },
    });
    await expect(connectSocket(running.url, 'graphql-transport-ws')).rejects.toThrow('503');
    expect(await open.next()).toEqual({ kind: 'close', code: 1012, reason: 'Service restart' });
    app.release('slow');
    expect(await slow).toMatchObject({ status: 200, json: { data: { slow: 'late' } } });
    await drained;

    const next = await listen(createServer({ schema: app.schema }), {
      ...local,
      port: running.port,
    });
    await next.close();
    expect(next.port).toBe(running.port);
  });

  it('cuts an answer that takes longer than twice the window', async () => {
    const { running, server } = await serve();
    const never = get(`${running.url}?query={never}`, { agent: false });
    const cut = once(never, 'error');
    await until(() => server.gauges().operations === 1, 'the operation');

    await running.drain({ windowMs: 50 });

    expect(await cut).toEqual([expect.objectContaining({ code: 'ECONNRESET' })]);
    expect(server.gauges()).toEqual(nothingHeld);
  });

  it('is ended by close, at once', async () => {
    const { running, server } = await serve();
    const client = await connectSocket(running.url, 'graphql-transport-ws');
    const drained = running.drain({ windowMs: 60_000, random: () => 0.5 });

    await Promise.all([running.close(), drained]);

    expect(await client.next()).toEqual({ kind: 'close', code: 1001, reason: 'Going away' });
    expect(server.gauges()).toEqual(nothingHeld);
  });

  it('is not begun with a window that is none', async () => {
    const { running, server } = await serve();

    await expect(running.drain({ windowMs: -1 })).rejects.toBeInstanceOf(UsageError);
    await expect(listen(server, { ...local, drain: { windowMs: -1 } })).rejects.toBeInstanceOf(
      UsageError,
    );

    expect(server.state).toBe('accepting');
  });

  it('listens to SIGTERM once for all servers of a process, and no longer than they do', async () => {
    const before = process.listenerCount('SIGTERM');
    const stages = [await serve(), await serve()] as const;

    const during = process.listenerCount('SIGTERM');
    await Promise.all(stages.map(({ running }) => running.close()));

    expect([during, process.listenerCount('SIGTERM')]).toEqual([before + 1, before]);
  });
});

describe('draining a server that is attached', () => {
  it('ends what is its own, and leaves the HTTP server to you', async () => {
    const httpServer = createHttpServer((_request, response) => response.end('yours'));
    const app = createFixtureApp();
    const server = createServer({ schema: app.schema });
    const attachment = attach(server, httpServer);
    httpServer.listen(0, '127.0.0.1');
    await once(httpServer, 'listening');
    onTestFinished(() => {
      httpServer.closeAllConnections();
      httpServer.close();
    });
    const { port } = httpServer.address() as AddressInfo; // of a TCP server that listens
    const origin = `http://127.0.0.1:${port}`;
    const client = await connectSocket(`${origin}/graphql`, 'graphql-transport-ws');
    const never = get(`${origin}/graphql?query={never}`, { agent: false });
    const cut = once(never, 'error');
    await until(() => server.gauges().operations === 1, 'the operation');

    await attachment.drain({ windowMs: 50 });

    expect(await client.next()).toMatchObject({ code: 1012 });
    expect(await cut).toEqual([expect.objectContaining({ code: 'ECONNRESET' })]);
    expect(server.gauges()).toEqual(nothingHeld);
    expect(await sendHttp(origin, { path: '/graphql' })).toMatchObject({ text: 'yours' });
  });
});

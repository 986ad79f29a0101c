import { once } from 'node:events';
import { Server as HttpServer, createServer as createHttpServer } from 'node:http';
import process from 'node:process';

import type { Running } from 'millrace/adapters/node';
import { attach, listen } from 'millrace/adapters/node';
import type { Server, ServerOptions } from 'millrace/server';
import { createServer } from 'millrace/server';
import { VirtualClock } from 'millrace/testing';
import { afterEach, describe, expect, it, vi } from 'vitest';

import { createFixtureApp } from '../support/fixture-app.ts';
import { RawConnections, textFrame, upgradeRequest } from '../support/raw-websocket.ts';

const connections = new RawConnections();
const closers: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  vi.restoreAllMocks();
  connections.destroyAll();
  for (const close of closers.splice(0)) await close();
});

function create(options: Partial<ServerOptions> = {}): Server {
  const { schema, broker } = createFixtureApp();
  return createServer({ ...options, schema, broker });
}

async function serve(
  options: Partial<ServerOptions> = {},
): Promise<{ readonly server: Server; readonly running: Running }> {
  const server = create(options);
  const running = await listen(server, { port: 0, host: '127.0.0.1' });
  closers.push(() => running.close());
  return { server, running };
}

/** Gives the event loop one turn after another. */
async function until(isSo: () => boolean): Promise<void> {
  while (!isSo()) await new Promise((resolve) => void setImmediate(resolve));
}

describe('a server on Node that is full', () => {
  it('answers an upgrade with 503 and Retry-After, and the next one with 101 once a socket has gone', async () => {
    const { server, running } = await serve({ limits: { connections: 1 } });
    const first = await connections.upgrade(running.port);

    const second = await connections.open(running.port);
    second.write(upgradeRequest({}));

    expect(await second.head()).toMatchObject({
      status: 503,
      headers: { 'retry-after': ['5'], connection: ['close'] },
    });
    expect((await second.ended()).length).toBe(0);
    first.reset();
    await until(() => server.gauges().connections === 0);
    await expect(connections.upgrade(running.port)).resolves.toBeDefined();
  });

  it('goes on serving those who are in', async () => {
    const { running } = await serve({ limits: { connections: 1 } });
    const first = await connections.upgrade(running.port);
    const second = await connections.open(running.port);
    second.write(upgradeRequest({}));
    await second.head();

    first.send(textFrame({ type: 'connection_init' }));

    expect((await first.frame()).payload.toString()).toBe('{"type":"connection_ack"}');
  });
});

/** Has the runtime report `userLimits`. */
function reporting(userLimits: unknown): void {
  vi.spyOn(process.report, 'getReport').mockReturnValue({ userLimits });
}

describe('what a server on Node can hold', () => {
  it('is 95 % of the open files that the process may have', () => {
    reporting({ open_files: { soft: 1_000, hard: 4_000 } });
    const server = create();

    attach(server, createHttpServer());

    expect(server.limits).toMatchObject({ connections: 950, unacknowledgedConnections: 1_000 });
  });

  it('is what its options say, whatever the process may have', () => {
    reporting({ open_files: { soft: 1_000 } });
    const server = create({ limits: { connections: 5_000 } });

    attach(server, createHttpServer());

    expect(server.limits.connections).toBe(5_000);
  });

  it.each([
    ['says "unlimited"', { open_files: { soft: 'unlimited' } }],
    ['does not know', {}],
    ['has no limits', undefined],
  ])('is 10,000 where the report %s', (_, userLimits) => {
    reporting(userLimits);
    const server = create();

    attach(server, createHttpServer());

    expect(server.limits.connections).toBe(10_000);
  });

  it('is 10,000 where the report fails, which leaves the reports of the program as they were', () => {
    vi.spyOn(process.report, 'getReport').mockImplementation(() => {
      throw new Error('not permitted');
    });
    const before = { ...process.report };
    const server = create();

    attach(server, createHttpServer());

    expect(server.limits.connections).toBe(10_000);
    expect({ ...process.report }).toEqual(before);
  });
});

describe('a request that does not come to its end', () => {
  it('is answered with 408 after bodyMs, and its connection is closed', async () => {
    const clock = new VirtualClock();
    const { server, running } = await serve({ clock });
    const asked = vi.spyOn(server, 'handleRequest');
    const client = await connections.open(running.port);
    client.write(
      [
        'POST /graphql HTTP/1.1',
        'Host: 127.0.0.1',
        'Content-Type: application/json',
        'Content-Length: 100',
        '',
        '{"query":',
      ].join('\r\n'),
    );
    await until(() => asked.mock.calls.length > 0);

    await clock.advance(10_000);

    expect(await client.head()).toMatchObject({ status: 408, headers: { connection: ['close'] } });
    expect((await client.ended()).toString()).toContain('REQUEST_TIMEOUT');
  });

  it('may take 10 s for its head, and bodyMs more for its body, on a server that listens by itself', async () => {
    const created = vi.spyOn(HttpServer.prototype, 'listen');

    await serve({ limits: { bodyMs: 3_000 } });

    expect(created.mock.contexts[0]).toMatchObject({
      headersTimeout: 10_000,
      requestTimeout: 13_000,
    });
  });
});

it('a client that hangs up within its body leaves no timer behind', async () => {
  const clock = new VirtualClock();
  const { server, running } = await serve({ clock });
  const asked = vi.spyOn(server, 'handleRequest');
  const client = await connections.open(running.port);
  client.write('POST /graphql HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\n');
  client.write('Content-Length: 100\r\n\r\n{');
  await until(() => asked.mock.calls.length > 0);

  expect(clock.timerCount).toBe(1);

  client.reset();
  await once(client.socket, 'close');
  await asked.mock.results[0]?.value;

  expect(clock.timerCount).toBe(0);
});

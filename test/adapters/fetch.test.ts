import { createFetchHandler } from 'millrace/adapters/fetch';
import type { FetchHandler, FetchHandlerOptions } from 'millrace/adapters/fetch';
import type { Server, ServerOptions } from 'millrace/server';
import { createServer, refuse } from 'millrace/server';
import { describe, expect, it, vi } from 'vitest';

import type { FixtureApp } from '../support/fixture-app.ts';
import { createFixtureApp } from '../support/fixture-app.ts';

const url = 'https://api.example/graphql';
const json = { 'content-type': 'application/json' };
const messages = 'subscription { message(room: "a") { text } }';

interface Stage {
  readonly app: FixtureApp;
  readonly server: Server;
  readonly handle: FetchHandler;
}

function stand(
  options: Partial<ServerOptions> = {},
  handlerOptions: FetchHandlerOptions = {},
): Stage {
  const app = createFixtureApp();
  const server = createServer({ schema: app.schema, broker: app.broker, ...options });
  return { app, server, handle: createFetchHandler(server, handlerOptions) };
}

function posting(query: string, init: RequestInit = {}): Request {
  const headers = { ...json, ...(init.headers as Record<string, string> | undefined) }; // all are given so
  return new Request(url, {
    method: 'POST',
    body: JSON.stringify({ query }),
    ...init,
    headers,
  });
}

const subscribing = (query = messages): Request =>
  posting(query, { headers: { accept: 'text/event-stream' } });

/** A body that comes as it is given. */
function bodyOf(...chunks: readonly Uint8Array[]): RequestInit {
  const body = new ReadableStream({
    start(controller) {
      for (const chunk of chunks) controller.enqueue(chunk);
      controller.close();
    },
  });
  return { body, duplex: 'half' } as RequestInit; // `duplex` is not known to the types yet
}

describe('the handler for fetch', () => {
  it('answers on /graphql, or on the paths that it is given', async () => {
    const elsewhere = 'https://api.example/api/graph?query={hello}';

    expect((await stand().handle(new Request(elsewhere))).status).toBe(404);
    for (const path of ['/api/graph', ['/other', '/api/graph'], '*']) {
      expect((await stand({}, { path }).handle(new Request(elsewhere))).status).toBe(200);
    }
  });

  it('answers an upgrade with 501 that says what to do', async () => {
    const headers = { upgrade: 'websocket', 'sec-websocket-protocol': 'graphql-transport-ws' };

    const answer = await stand().handle(new Request(url, { headers }));

    expect(answer.status).toBe(501);
    expect(await answer.text()).toMatch(/server-sent events or multipart/);
  });

  it('tells hooks the request as it came, and the address that it is told', async () => {
    const { handle } = stand({
      onConnect: ({ request }) => refuse({ reason: JSON.stringify(request) }),
    });

    const answer = await handle(new Request(`${url}?query={hello}`, { headers: { 'x-a': 'b' } }), {
      remoteAddress: '192.0.2.1',
    });

    const { errors } = (await answer.json()) as { errors: readonly [{ message: string }] };
    expect(JSON.parse(errors[0].message)).toEqual({
      method: 'GET',
      url: '/graphql?query={hello}',
      headers: { host: 'api.example', 'x-a': 'b' },
      remoteAddress: '192.0.2.1',
    });
  });

  it('reads a body whose characters come in pieces, and one without a body as empty', async () => {
    const { handle } = stand();
    const bytes = new TextEncoder().encode('{"query":"{ echo(text: \\"grüße 🎈\\") }"}');
    const pieces = Array.from(bytes, (byte) => Uint8Array.of(byte));

    const answer = await handle(posting('', bodyOf(...pieces)));
    const empty = await handle(new Request(url, { method: 'POST', headers: json }));

    expect(await answer.json()).toEqual({ data: { echo: 'grüße 🎈' } });
    expect(empty.status).toBe(400);
  });

  it('stops reading a body at its limit', async () => {
    const { handle } = stand({ limits: { bodyBytes: 1_000 } });
    let pulls = 0;
    const cancelled = vi.fn<() => void>();
    const body = new ReadableStream({
      pull(controller) {
        pulls += 1;
        controller.enqueue(new Uint8Array(100));
      },
      cancel: cancelled,
    });

    const answer = await handle(posting('', { body, duplex: 'half' } as RequestInit));

    expect(answer.status).toBe(413);
    await vi.waitFor(() => expect(cancelled).toHaveBeenCalled());
    expect(pulls).toBeLessThan(20);
  });

  it('stops an operation whose client leaves before the answer', async () => {
    const { handle, server } = stand();
    const controller = new AbortController();
    const answer = handle(posting('{ never }', { signal: controller.signal }));
    await vi.waitFor(() => expect(server.gauges().operations).toBe(1));

    controller.abort();

    expect((await answer).status).toBe(499);
    expect(server.gauges().operations).toBe(0);
  });

  it.each(['cancels the body', 'is told by the signal of the request'])(
    'ends a stream whose runtime %s',
    async (way) => {
      const { handle, server, app } = stand();
      const controller = new AbortController();
      const answer = await handle(new Request(subscribing(), { signal: controller.signal }));
      await vi.waitFor(() => expect(app.openSources()).toBe(1));

      if (way === 'cancels the body') await answer.body?.cancel();
      else controller.abort();

      await vi.waitFor(() => expect(app.openSources()).toBe(0));
      expect(server.gauges()).toMatchObject({ connections: 0, operations: 0, deadlines: 0 });
    },
  );

  it('ends a stream whose client had left when it began', async () => {
    const { handle, app, server } = stand();
    const controller = new AbortController();
    const answering = handle(new Request(subscribing(), { signal: controller.signal }));
    // the operation starts within this turn
    controller.abort();

    await answering;

    await vi.waitFor(() => expect(app.openSources()).toBe(0));
    expect(server.gauges()).toMatchObject({ connections: 0, operations: 0, deadlines: 0 });
  });

  it('has a source that can wait wait until the runtime pulls', async () => {
    const { handle, app } = stand();
    const answer = await handle(subscribing('subscription { flood(bytes: 65536) }'));
    await vi.waitFor(() => expect(app.openSources()).toBe(1));
    const reader = answer.body?.getReader();

    let bytes = 0;
    while (bytes < 5_000_000) bytes += (await reader?.read())?.value?.length ?? 0;

    expect(bytes).toBeLessThan(6_000_000);
    await reader?.cancel();
    await vi.waitFor(() => expect(app.openSources()).toBe(0));
  });

  it('cuts off a stream whose runtime does not pull, and tells it so', async () => {
    const { handle, app, server } = stand({ limits: { outboxHighWaterBytes: 10_000 } });
    const answer = await handle(subscribing());
    await vi.waitFor(() => expect(app.openSources()).toBe(1));

    for (let published = 0; published < 20; published += 1)
      await app.publish('a', 'x'.repeat(1_000));

    await vi.waitFor(() => expect(server.counters().slowConsumerDisconnects).toBe(1));
    await expect(answer.text()).rejects.toThrow('cut off');
  });

  it('has nothing in the body of an answer without one', async () => {
    const { handle } = stand();

    const reserved = await handle(new Request(url, { method: 'PUT' }));

    expect(reserved.status).toBe(201);
    expect((await handle(new Request(url, { method: 'PATCH' }))).status).toBe(405);
  });
});

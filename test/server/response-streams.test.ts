import { EventEmitter, once } from 'node:events';

import type { ServerOptions } from 'millrace/server';
import { describe, expect, it } from 'vitest';

import type { Conversation } from '../support/conversation.ts';
import { converse } from '../support/conversation.ts';
import type { MemoryRequest } from '../support/memory-stream.ts';
import { MemoryStream } from '../support/memory-stream.ts';

interface Stage extends Conversation {
  readonly ask: (query: string, more?: MemoryRequest) => Promise<MemoryStream>;
}

const carriers = [
  ['SSE', 'text/event-stream', ':\n\n'],
  ['multipart', 'multipart/mixed;subscriptionSpec=1.0', '{}'],
] as const;

const messages = 'subscription { message(room: "r") { text } }';
const nothingHeld = { connections: 0, operations: 0, deadlines: 0, readers: 0 };

describe.each(carriers)('a stream over %s', (_carrier, accept, heartbeat) => {
  function stage(options: Partial<ServerOptions> = {}): Stage {
    const conversation = converse({ protocols: ['sse', 'multipart'], ...options });
    return {
      ...conversation,
      async ask(query, more) {
        const request = { headers: { accept }, body: { query }, ...more };
        const stream = new MemoryStream(conversation.server, request);
        await conversation.clock.settle();
        return stream;
      },
    };
  }

  it.each([
    [{}, 12_000],
    [{ heartbeatMs: 5_000 }, 5_000],
  ])('with %j has a heartbeat after %i ms of silence', async (keepAlive, periodMs) => {
    const { ask, clock } = stage({ keepAlive, resume: false });
    const stream = await ask(messages);

    await clock.advance(periodMs - 100);
    expect(stream.writes).toHaveLength(1);
    await clock.advance(200);

    expect(stream.writes).toHaveLength(2);
    expect(stream.writes[1]).toContain(heartbeat);
  });

  it('has none if they are turned off', async () => {
    const { ask, clock, server } = stage({ keepAlive: { heartbeatMs: Infinity }, resume: false });
    const stream = await ask(messages);

    await clock.advance(3_600_000);

    expect(stream.writes).toHaveLength(1);
    expect(server.gauges()).toMatchObject({ deadlines: 0 });
  });

  it('whose reader stopped is cut off at the high-water mark when its source is live', async () => {
    const { ask, app, server, clock } = stage();
    const stream = await ask(messages);
    stream.bufferedBytes = 262_144 + 2_000;
    await app.publish('r', 'one too many');
    await clock.settle();

    expect(stream.text).not.toContain('one too many');
    expect(stream.ending).toBe('destroyed');
    expect(app.openSources()).toBe(0);
    expect(server.gauges()).toEqual(nothingHeld);
    expect(clock.timerCount).toBe(0);
  });

  it('whose reader stopped is found by its heartbeat when nothing is published', async () => {
    const { ask, app, clock } = stage();
    const stream = await ask(messages);
    stream.bufferedBytes = 262_144 + 2_000;

    await clock.advance(12_100);

    expect(stream.ending).toBe('destroyed');
    expect(app.openSources()).toBe(0);
  });

  it('has a source that can wait wait for its reader', async () => {
    const { ask, clock } = stage();
    const stream = await ask('subscription { flood(bytes: 10) }', { opensLater: true });
    stream.bufferedBytes = 200_000;
    stream.open();
    await clock.settle();
    const { length } = stream.writes;

    await clock.advance(9_000);
    expect(stream.writes).toHaveLength(length);
    stream.drain();
    await clock.settle();
    expect(stream.writes.length).toBeGreaterThan(length);
    await clock.advance(5_000);

    expect(stream.ending).toBe('open');
    stream.leave();
  });

  it('whose reader makes such a source wait for 10 s is cut off', async () => {
    const { ask, app, server, clock } = stage();
    const stream = await ask('subscription { flood(bytes: 10) }', { opensLater: true });
    stream.bufferedBytes = 200_000;
    stream.open();
    await clock.settle();

    await clock.advance(10_100);

    expect(stream.ending).toBe('destroyed');
    expect(app.openSources()).toBe(0);
    expect(server.gauges()).toEqual(nothingHeld);
    expect(clock.timerCount).toBe(0);
  });

  it('carries results that came before the adapter began it, in order, and ends', async () => {
    const { ask, server } = stage();
    const stream = await ask('subscription { countdown(from: 3) }', { opensLater: true });
    expect(stream.writes).toEqual([]);

    stream.open();

    expect(stream.text.match(/"countdown":\d/g)).toEqual([3, 2, 1].map((n) => `"countdown":${n}`));
    expect(stream.ending).toBe('ended');
    expect(server.gauges()).toEqual(nothingHeld);
  });

  it('holds a bounded number of bytes until then', async () => {
    const { ask, app, server, clock } = stage();
    const stream = await ask(messages, { opensLater: true });

    for (let sent = 0; sent < 4; sent += 1) await app.publish('r', 'x'.repeat(100_000));
    await clock.settle();
    expect(server.gauges()).toEqual(nothingHeld);
    stream.open();

    expect(stream.writes).toEqual([]);
    expect(stream.ending).toBe('destroyed');
  });

  it('carries a single result of any size', async () => {
    const { ask, app, clock } = stage();
    const early = await ask(messages, { opensLater: true });
    const stream = await ask(messages);
    // head and opening of a response that the system was not given yet
    stream.bufferedBytes = 400;

    await app.publish('r', 'x'.repeat(2_000_000));
    await clock.settle();
    early.open();

    for (const { text, ending } of [early, stream]) {
      expect(text.length).toBeGreaterThan(2_000_000);
      expect(ending).toBe('open');
    }
  });

  it.each(['subscription { never }', 'subscription { slowStart }', messages])(
    'for %s is forgotten when its client leaves, also before it begins',
    async (query) => {
      const { ask, app, server, clock } = stage();
      const stream = await ask(query, { opensLater: true });

      stream.leave();
      app.release('slowStart');
      await clock.settle();

      expect(app.openSources()).toBe(0);
      expect(server.gauges()).toEqual(nothingHeld);
      expect(clock.timerCount).toBe(0);
    },
  );

  it('is cut without its end when the server closes', async () => {
    const { ask, app, server, clock } = stage();
    const stream = await ask(messages);

    await server.close();
    await clock.settle();

    expect(stream.ending).toBe('destroyed');
    expect(stream.text).not.toContain('complete');
    expect(stream.text).not.toMatch(/--\r\n$/);
    expect(app.openSources()).toBe(0);
    expect(server.gauges()).toEqual(nothingHeld);
    expect(clock.timerCount).toBe(0);
  });

  it('that is asked for while the server closes is refused, whatever it waited for', async () => {
    const gate = new EventEmitter();
    const { ask, app, server, clock } = stage({
      onConnect: async ({ request }) => {
        if (request.url === '/graphql?slow') await once(gate, 'connect');
        return {};
      },
    });
    const connecting = await ask(messages, { url: '/graphql?slow' });
    const starting = await ask('subscription { slowStart }');

    await server.close();
    gate.emit('connect');
    app.release('slowStart');
    await clock.settle();

    expect(await connecting.answered).toMatchObject({ kind: 'whole', status: 503 });
    expect(starting.ending === 'destroyed' || (await starting.answered).status === 503).toBe(true);
    expect(app.openSources()).toBe(0);
    expect(server.gauges()).toEqual(nothingHeld);
  });

  it('takes one of the connections that the process can hold', async () => {
    const { ask, server } = stage({ limits: { connections: 1 } });
    const first = await ask(messages);

    const second = await ask(messages);
    expect(await second.answered).toMatchObject({
      kind: 'whole',
      status: 503,
      headers: { 'retry-after': '5' },
    });
    expect(second.json).toMatchObject({
      errors: [{ extensions: { code: 'AT_CAPACITY', limit: 'connections', maximum: 1 } }],
    });
    expect((await ask('{ hello }', { headers: { accept: '*/*' } })).json).toMatchObject({
      data: { hello: 'world' },
    });
    first.leave();

    expect((await (await ask(messages)).answered).kind).toBe('stream');
    expect(server.gauges()).toMatchObject({ connections: 1 });
  });

  it('tells the disconnect hook once how it ended', async () => {
    const gone: number[] = [];
    const { ask, clock } = stage({ onDisconnect: ({ code }) => gone.push(code) });

    await ask('subscription { countdown(from: 1) }');
    await clock.settle();
    const stream = await ask(messages);
    stream.leave();
    await clock.settle();

    expect(gone).toEqual([1000, 1006]);
  });
});

it('reservations are not taken, and streams of the single mode end, when the server closes', async () => {
  const gate = new EventEmitter();
  const { server, clock, app } = converse({
    protocols: ['sse-single'],
    onConnect: async ({ request }) => {
      if (request.url === '/graphql?slow') await once(gate, 'connect');
      return {};
    },
  });
  const reserved = new MemoryStream(server, { method: 'PUT' });
  const late = new MemoryStream(server, { method: 'PUT', url: '/graphql?slow' });
  await clock.settle();
  const stream = new MemoryStream(server, {
    method: 'GET',
    url: `/graphql?token=${reserved.text}`,
    headers: { accept: 'text/event-stream' },
  });
  await clock.settle();
  const executed = new MemoryStream(server, {
    url: `/graphql?token=${reserved.text}`,
    body: { query: messages, extensions: { operationId: '1' } },
  });
  await clock.settle();
  expect(app.openSources()).toBe(1);

  await server.close();
  gate.emit('connect');
  await clock.settle();

  expect((await executed.answered).status).toBe(202);
  expect(stream.ending).toBe('destroyed');
  expect(stream.text).not.toContain('complete');
  expect((await late.answered).status).toBe(503);
  expect(app.openSources()).toBe(0);
  expect(server.gauges()).toEqual(nothingHeld);
  expect(clock.timerCount).toBe(0);
});

import { jetstreamManager } from '@nats-io/jetstream';
import { connect } from '@nats-io/transport-node';
import { createNatsBroker } from 'millrace/broker/nats';
import type { NatsBroker, NatsBrokerOptions, NatsStatus } from 'millrace/broker/nats';
import { seededRandom } from 'millrace/testing';
import { startTcpProxy } from 'millrace/testing/node';
import { afterEach, describe, expect, it } from 'vitest';

import { readToFailure, takeEvents } from '../support/log-readers.ts';
import { NatsServer } from '../support/nats-server.ts';
import { Inbox } from '../support/waiting.ts';

const open: (() => Promise<void>)[] = [];

afterEach(async () => {
  for (const close of open.splice(0).toReversed()) await close();
});

async function startServer() {
  const server = await NatsServer.start();
  open.push(() => server.close());
  return server;
}

function createBroker(servers: string, options: NatsBrokerOptions = {}): NatsBroker {
  const broker = createNatsBroker({ servers, timeoutMs: 2_000, ...options });
  open.push(() => broker.close());
  return broker;
}

/** Another program, which may do anything. */
async function manage(server: NatsServer) {
  const connection = await connect({ servers: server.url });
  open.push(() => connection.close());
  const { streams, consumers } = await jetstreamManager(connection);
  return { connection, streams, consumers };
}

async function startProxy(server: NatsServer) {
  const proxy = await startTcpProxy({ port: server.port });
  open.push(() => proxy.close());
  return { proxy, url: `nats://127.0.0.1:${proxy.port}` };
}

/** A reader whose broker has no connection to NATS any more, and somebody who has. */
async function cutOff(retention: NatsBrokerOptions['retention'] = {}) {
  const server = await startServer();
  const { proxy, url } = await startProxy(server);
  const { onStatus, reaches } = watchStatus();
  const broker = createBroker(url, { onStatus, retention, timeoutMs: 30_000 });
  const reader = await broker.read('topic', 'key', undefined);
  const other = createBroker(server.url, { retention });
  await other.publish('topic', 'key', 'before');
  expect(await takeEvents(reader, 1)).toEqual(['before']);
  proxy.refuse();
  proxy.reset();
  await reaches('unavailable');
  return { proxy, broker, reader, other, server };
}

/** Resolves once a broker of the server has compared what it knows, and remembers what it found. */
async function comparison(server: NatsServer): Promise<void> {
  const { connection } = await manage(server);
  const questions = connection.subscribe('$JS.API.STREAM.INFO.>');
  // one may be under way; the one after that begins with the memory of this one
  questions.unsubscribe(3);
  for await (const _ of questions);
}

/** The states that a broker goes through, for a test to wait for. */
function watchStatus() {
  const inbox = new Inbox<NatsStatus>('a change of the status');
  const reaches = async (kind: NatsStatus['kind']) => {
    for (;;) if ((await inbox.next()).kind === kind) return;
  };
  return { onStatus: inbox.push, reaches };
}

const unavailable = { name: 'SourceError', code: 'BROKER_UNAVAILABLE' };

const lost = { events: [], code: 'EVENTS_LOST' };

describe('a server that is killed and comes back', () => {
  it('with what it had: readers go on where they were', async () => {
    const server = await startServer();
    const { onStatus, reaches } = watchStatus();
    const broker = createBroker(server.url, { onStatus });
    const reader = await broker.read('topic', 'key', undefined);
    const [position] = await broker.publishMany('topic', 'key', [1, 2]);
    expect(await takeEvents(reader, 2)).toEqual([1, 2]);
    await broker.publishMany('topic', 'key', [3, 4]);

    await server.kill();
    await reaches('unavailable');
    await server.start();
    await broker.publish('topic', 'key', 5, { idempotencyId: 'id' });

    expect(await takeEvents(reader, 3)).toEqual([3, 4, 5]);
    await expect.poll(() => broker.status, { interval: 5 }).toEqual({ kind: 'ready' });
    const resumed = await broker.read('topic', 'key', position);
    expect(resumed.complete).toBe(true);
    expect(await takeEvents(resumed, 4)).toEqual([2, 3, 4, 5]);
  });

  it('with what it had: readers get what others published before they are back', async () => {
    const server = await startServer();
    const { onStatus, reaches } = watchStatus();
    const { proxy, url } = await startProxy(server);
    const broker = createBroker(url, { onStatus });
    const reader = await broker.read('topic', 'key', undefined);
    await reaches('ready');
    proxy.refuse();
    await server.kill();
    await reaches('unavailable');

    await server.start();
    await createBroker(server.url).publish('topic', 'key', 'meanwhile');
    await proxy.accept();

    expect(await takeEvents(reader, 1)).toEqual(['meanwhile']);
  });

  it('without anything: readers are told at once, and positions are of another epoch', async () => {
    const server = await startServer();
    const broker = createBroker(server.url, { timeoutMs: 30_000 });
    const reader = await broker.read('topic', 'key', undefined);
    const position = await broker.publish('topic', 'key', 1);
    expect(await takeEvents(reader, 1)).toEqual([1]);

    await server.kill();
    server.forget();
    await server.start();

    expect(await readToFailure(reader)).toEqual(lost);
    const next = await broker.read('topic', 'key', position);
    expect(next.complete).toBe(false);
    expect(next.epoch).not.toBe(position.epoch);
    await broker.publish('topic', 'key', 2);
    expect(await takeEvents(next, 1)).toEqual([2]);
  });

  it('with what it had a while ago: readers are told, and positions are of another epoch', async () => {
    const server = await startServer();
    const broker = createBroker(server.url, { timeoutMs: 30_000 });
    const first = await broker.publish('topic', 'key', 1);
    await server.kill();
    server.save();
    await server.start();
    const reader = await broker.read('topic', 'key', first);
    const last = await broker.publish('topic', 'key', 'forgotten');
    expect(await takeEvents(reader, 1)).toEqual(['forgotten']);

    await server.kill();
    server.restore();
    await server.start();

    expect(await readToFailure(reader)).toEqual(lost);
    await broker.publish('topic', 'key', 'in its place');
    for (const position of [first, last]) {
      const next = await broker.read('topic', 'key', position);
      expect(next.complete).toBe(false);
      expect(next.epoch).not.toBe(position.epoch);
    }
  });

  it('with what it had a while ago, and as much since: is found out all the same', async () => {
    const server = await startServer();
    const { proxy, url } = await startProxy(server);
    const { onStatus, reaches } = watchStatus();
    const broker = createBroker(url, { timeoutMs: 30_000, onStatus, checkMs: 20 });
    const first = await broker.publish('topic', 'key', 1);
    await server.kill();
    server.save();
    await server.start();
    const reader = await broker.read('topic', 'key', first);
    const last = await broker.publish('topic', 'key', 'forgotten');
    expect(await takeEvents(reader, 1)).toEqual(['forgotten']);
    await comparison(server);
    proxy.refuse();
    proxy.reset();
    await reaches('unavailable');

    await server.kill();
    server.restore();
    await server.start();
    await createBroker(server.url).publishMany('topic', 'key', [2, 3, 4]);
    await proxy.accept();

    expect(await readToFailure(reader)).toEqual(lost);
    expect((await broker.read('topic', 'key', last)).complete).toBe(false);
  });

  it('accepts what was published while it was away, if that is not for too long', async () => {
    const server = await startServer();
    const { onStatus, reaches } = watchStatus();
    const broker = createBroker(server.url, { onStatus, timeoutMs: 30_000 });
    await broker.head('topic', 'key');
    await server.kill();
    await reaches('unavailable');
    const publications = [1, 2, 3].map((event) => broker.publish('topic', 'key', event));

    await server.start();

    const [first] = await Promise.all(publications);
    const reader = await broker.read('topic', 'key', first);
    expect(await takeEvents(reader, 2)).toEqual([2, 3]);
  });
});

describe('a publication whose answer is lost', () => {
  it('is repeated where it has an id', async () => {
    const server = await startServer();
    const { proxy, url } = await startProxy(server);
    const broker = createBroker(url, { timeoutMs: 30_000 });
    const direct = createBroker(server.url);
    const reader = await direct.read('topic', 'key', undefined);
    await broker.head('topic', 'key');
    proxy.setWeather({ latencyMs: 60_000 }, 'to-client');

    const publication = broker.publish('topic', 'key', 1, { idempotencyId: 'id' });
    const [entry] = (await reader.read()) ?? [];
    proxy.setWeather({ latencyMs: 0 }, 'to-client');
    proxy.reset();

    expect(await publication).toEqual(entry?.position);
    await direct.publish('topic', 'key', 2);
    expect(await takeEvents(reader, 1)).toEqual([2]);
  });

  it('fails at once where it has none', async () => {
    const server = await startServer();
    const broker = createBroker(server.url, { timeoutMs: 30_000 });
    await broker.head('topic', 'key');
    await server.pause();

    const outcome = Promise.allSettled([broker.publish('topic', 'key', 1)]);
    await server.kill();

    expect(await outcome).toMatchObject([{ status: 'rejected', reason: unavailable }]);
  });
});

describe('a server that is away', () => {
  it('lets a publish fail after the time-out, and everything else', async () => {
    const server = await startServer();
    const broker = createBroker(server.url, { timeoutMs: 100 });
    await broker.head('topic', 'key');
    await server.kill();

    const attempts = await Promise.allSettled([
      broker.publish('topic', 'key', 1),
      broker.publishMany('topic', 'key', [1]),
      broker.head('topic', 'key'),
      broker.read('topic', 'key', undefined),
    ]);

    expect(attempts).toMatchObject(
      attempts.map(() => ({ status: 'rejected', reason: unavailable })),
    );
    expect(broker.readerCount).toBe(0);
  });

  it('may have been away from the start', async () => {
    const server = await startServer();
    await server.kill();
    const broker = createBroker(server.url, { timeoutMs: 100 });

    await expect(broker.publish('topic', 'key', 1)).rejects.toMatchObject(unavailable);

    await broker.close();
    expect(broker.status.kind).toBe('closed');
  });

  it('from the start serves once it is there', async () => {
    const server = await startServer();
    await server.kill();
    const broker = createBroker(server.url, { timeoutMs: 30_000 });
    const reading = broker.read('topic', 'key', undefined);

    await server.start();

    const reader = await reading;
    await broker.publish('topic', 'key', 1);
    expect(await takeEvents(reader, 1)).toEqual([1]);
  });

  it('does not make anybody wait for more than can be held', async () => {
    const server = await startServer();
    const { onStatus, reaches } = watchStatus();
    const broker = createBroker(server.url, { timeoutMs: 30_000, onStatus });
    await broker.head('topic', 'key');
    await server.kill();
    await reaches('unavailable');

    const waiting = Array.from({ length: 10_000 }, () => broker.publish('topic', 'key', 1));
    const outcome = Promise.allSettled(waiting);

    await expect(broker.publish('topic', 'key', 1)).rejects.toMatchObject(unavailable);
    await broker.close();
    expect((await outcome).every(({ status }) => status === 'rejected')).toBe(true);
  });

  it('that stands still lets a publish fail, and serves again once it goes on', async () => {
    const server = await startServer();
    const broker = createBroker(server.url, { timeoutMs: 200 });
    const reader = await broker.read('topic', 'key', undefined);

    await server.pause();
    await expect(broker.publish('topic', 'key', 'x')).rejects.toMatchObject(unavailable);
    server.resume();
    await expect
      .poll(() => broker.head('topic', 'key').then(Boolean, () => false), { interval: 5 })
      .toBe(true);
    await broker.publish('topic', 'key', 'after');

    // it was under way, so the publish that failed is carried out all the same
    expect(await takeEvents(reader, 2)).toEqual(['x', 'after']);
  });

  it('behind a connection that lost its other end is noticed, for requests and for readers', async () => {
    const server = await startServer();
    const { proxy, url } = await startProxy(server);
    const broker = createBroker(url, { timeoutMs: 200 });
    const reader = await broker.read('topic', 'key', undefined);
    await broker.publish('topic', 'key', 1);
    expect(await takeEvents(reader, 1)).toEqual([1]);

    for (const connection of proxy.connections) connection.goHalfOpen();
    await expect(broker.publish('topic', 'key', 2)).rejects.toMatchObject(unavailable);
    await createBroker(server.url).publish('topic', 'key', 3);

    expect(await takeEvents(reader, 1)).toEqual([3]);
  });

  it('behind a connection that lost its other end is noticed by who only reads', async () => {
    const server = await startServer();
    const { proxy, url } = await startProxy(server);
    const broker = createBroker(url, { timeoutMs: 100 });
    const reader = await broker.read('topic', 'key', undefined);

    for (const connection of proxy.connections) connection.goHalfOpen();
    await createBroker(server.url).publish('topic', 'key', 1);

    expect(await takeEvents(reader, 1)).toEqual([1]);
  });
});

describe('a connection that breaks again and again', () => {
  it.each([1, 2, 3])('costs no event, and none comes twice (seed %i)', async (seed) => {
    const random = seededRandom(seed);
    const server = await startServer();
    const { proxy, url } = await startProxy(server);
    const broker = createBroker(url, { timeoutMs: 30_000 });
    const publisher = createBroker(server.url);
    const live = await broker.read('topic', 'key', undefined);
    const events = Array.from({ length: 100 }, (_, i) => i);
    const start = live.head;
    const publishing = (async () => {
      for (const event of events) await publisher.publish('topic', 'key', event);
    })();

    const seen: unknown[] = [];
    while (seen.length < events.length) {
      seen.push(...(await takeEvents(live, 1)));
      if (random() < 0.15) proxy.reset();
      const resumed = await broker.read('topic', 'key', start);
      const again = await takeEvents(resumed, seen.length);
      expect(again).toEqual(events.slice(0, again.length));
      await resumed.close();
    }
    await publishing;

    expect(seen).toEqual(events);
  });
});

describe('a reader that is cut off', () => {
  it('gets what was published meanwhile', async () => {
    const { proxy, reader, other } = await cutOff();
    await other.publishMany('topic', 'key', [1, 2, 3]);

    await proxy.accept();

    expect(await takeEvents(reader, 3)).toEqual([1, 2, 3]);
  });

  it('is told when that was more than is kept', async () => {
    const { proxy, reader, other } = await cutOff({ events: 10 });
    const events = Array.from({ length: 200 }, (_, i) => i);
    await other.publishMany('topic', 'key', events);

    await proxy.accept();

    expect(await readToFailure(reader)).toEqual(lost);
  });

  it('is not told anything when that was more than is kept, but of another log', async () => {
    const { proxy, reader, other } = await cutOff({ events: 10 });
    const events = Array.from({ length: 200 }, (_, i) => i);
    await other.publishMany('topic', 'other', events);
    await other.publish('topic', 'key', 1);

    await proxy.accept();

    expect(await takeEvents(reader, 1)).toEqual([1]);
  });

  it('is told when that became too old', async () => {
    const { proxy, reader, other, server } = await cutOff({ ageMs: 1_000 });
    const { streams } = await manage(server);
    await other.publish('topic', 'key', 1);
    await expect
      .poll(async () => (await streams.info('millrace')).state.messages, { timeout: 5_000 })
      .toBe(0);

    await proxy.accept();

    expect(await readToFailure(reader)).toEqual(lost);
  });

  it.each([
    ['all logs', undefined],
    ['this log', { filter: 'millrace.topic.key' }],
  ])('is told when another program purged %s', async (_, options) => {
    const { proxy, reader, other, server } = await cutOff();
    await other.publish('topic', 'key', 1);
    const { streams } = await manage(server);
    await streams.purge('millrace', options);
    await other.publish('topic', 'key', 2);

    await proxy.accept();

    expect(await readToFailure(reader)).toEqual(lost);
  });

  it('is told when another program purged it and nothing follows', async () => {
    const { proxy, reader, other, server } = await cutOff();
    await other.publish('topic', 'key', 1);
    const { streams } = await manage(server);
    await streams.purge('millrace', { filter: 'millrace.topic.key' });

    await proxy.accept();

    expect(await readToFailure(reader)).toEqual(lost);
  });

  it('is not told anything when another log was purged', async () => {
    const { proxy, reader, other, server } = await cutOff();
    await other.publishMany('topic', 'other', [1, 2, 3]);
    const { streams } = await manage(server);
    await streams.purge('millrace', { filter: 'millrace.topic.other' });
    await other.publish('topic', 'key', 2);

    await proxy.accept();

    expect(await takeEvents(reader, 1)).toEqual([2]);
  });

  it('is told when the stream was made anew meanwhile, and goes on from there', async () => {
    const { proxy, broker, reader, other, server } = await cutOff();
    const position = await other.publish('topic', 'key', 1);
    const { streams } = await manage(server);
    await streams.delete('millrace');
    await createBroker(server.url).publishMany('topic', 'key', [1, 2, 3, 4]);

    await proxy.accept();

    expect(await readToFailure(reader)).toEqual(lost);
    const next = await broker.read('topic', 'key', position);
    expect(next.complete).toBe(false);
    await broker.publish('topic', 'key', 5);
    expect(await takeEvents(next, 1)).toEqual([5]);
  });
});

describe('a stream that is taken away while everybody is connected', () => {
  it('is found out by the next event', async () => {
    const server = await startServer();
    const broker = createBroker(server.url);
    const reader = await broker.read('topic', 'key', undefined);
    const before = await broker.publish('topic', 'key', 1);
    expect(await takeEvents(reader, 1)).toEqual([1]);
    const { streams } = await manage(server);

    await streams.delete('millrace');
    const after = await broker.publish('topic', 'key', 2);

    expect(after.epoch).not.toBe(before.epoch);
    expect(await readToFailure(reader)).toEqual(lost);
  });

  it('and made anew by others is found out by the next event', async () => {
    const server = await startServer();
    const broker = createBroker(server.url);
    const reader = await broker.read('topic', 'key', undefined);
    await broker.publishMany('topic', 'key', [1, 2, 3]);
    expect(await takeEvents(reader, 3)).toEqual([1, 2, 3]);
    const { streams } = await manage(server);

    await streams.delete('millrace');
    await createBroker(server.url).publish('topic', 'key', 'other');
    const { epoch } = await broker.publish('topic', 'key', 4);

    expect((await broker.head('topic', 'key')).epoch).toBe(epoch);
    expect(await readToFailure(reader)).toEqual(lost);
  });

  it('is found out by a check when there is no event', async () => {
    const server = await startServer();
    const broker = createBroker(server.url, { checkMs: 20 });
    const reader = await broker.read('topic', 'key', undefined);
    const { streams } = await manage(server);

    await streams.delete('millrace');

    expect(await readToFailure(reader)).toEqual(lost);
    expect(broker.readerCount).toBe(0);
  });

  it('is found out by its silence', async () => {
    const server = await startServer();
    const broker = createBroker(server.url, { timeoutMs: 100 });
    const reader = await broker.read('topic', 'key', undefined);
    const { streams } = await manage(server);

    await streams.delete('millrace');

    expect(await readToFailure(reader)).toEqual(lost);
  });

  it('does not end those who only publish', async () => {
    const server = await startServer();
    const broker = createBroker(server.url);
    await broker.publish('topic', 'key', 1);
    const { streams } = await manage(server);

    await streams.delete('millrace');
    const position = await broker.publish('topic', 'key', 2);

    expect(await broker.head('topic', 'key')).toEqual(position);
  });
});

describe('a consumer that is taken away', () => {
  it('is made anew, where it was', async () => {
    const server = await startServer();
    const broker = createBroker(server.url, { timeoutMs: 100 });
    const reader = await broker.read('topic', 'key', undefined);
    await broker.publish('topic', 'key', 1);
    expect(await takeEvents(reader, 1)).toEqual([1]);
    const { consumers } = await manage(server);

    for await (const { name } of consumers.list('millrace'))
      await consumers.delete('millrace', name);
    await broker.publish('topic', 'key', 2);

    expect(await takeEvents(reader, 1)).toEqual([2]);
  });

  it('is one for a thousand logs, and none after close', async () => {
    const server = await startServer();
    const { streams, connection } = await manage(server);
    const broker = createBroker(server.url);
    const keys = Array.from({ length: 1_000 }, (_, i) => `key ${i}`);
    const readers = await Promise.all(keys.map((key) => broker.read('topic', key, undefined)));
    await Promise.all(keys.map((key) => broker.publish('topic', key, key)));
    for (const [i, reader] of readers.entries())
      expect(await takeEvents(reader, 1)).toEqual([keys[i]]);
    const consumers = async () => (await streams.info('millrace')).state.consumer_count;

    expect(await consumers()).toBe(1);

    await broker.close();
    const ends = await Promise.all(readers.map((reader) => reader.read()));
    expect(new Set(ends)).toEqual(new Set([undefined]));
    await expect.poll(consumers, { interval: 5 }).toBe(0);
    expect(broker.readerCount).toBe(0);
    expect(connection.isClosed()).toBe(false);
  });
});

describe('a broker', () => {
  it('says how it is, and is not disturbed by who is told', async () => {
    const server = await startServer();
    const kinds: string[] = [];
    const broker = createBroker(server.url, {
      onStatus: ({ kind }) => {
        kinds.push(kind);
        throw new Error('hook');
      },
    });
    expect(broker.status).toEqual({ kind: 'connecting' });
    await broker.read('topic', 'key', undefined);
    await broker.publish('topic', 'key', 1);

    await server.kill();
    await expect
      .poll(() => broker.status, { interval: 5 })
      .toMatchObject({ kind: 'unavailable', error: expect.any(Error) });
    await server.start();
    await expect.poll(() => broker.status, { interval: 5 }).toEqual({ kind: 'ready' });
    await broker.close();

    expect(kinds.at(0)).toBe('ready');
    expect(kinds.at(1)).toBe('unavailable');
    expect(kinds.slice(-2)).toEqual(['ready', 'closed']);
  });

  it('can be closed while NATS does not answer, and while it goes away', async () => {
    const server = await startServer();
    const broker = createBroker(server.url, { timeoutMs: 30_000 });
    await broker.head('topic', 'key');
    await server.pause();
    const publication = Promise.allSettled([broker.publish('topic', 'key', 1)]);

    const closing = broker.close();
    await server.kill();

    await closing;
    expect(await publication).toMatchObject([{ status: 'rejected' }]);
  });

  it('that is closed while NATS is away lets nobody wait', async () => {
    const server = await startServer();
    const broker = createBroker(server.url, { timeoutMs: 30_000 });
    await broker.head('topic', 'key');
    await server.kill();
    const attempts = Promise.allSettled([
      broker.publish('topic', 'key', 1, { idempotencyId: 'a' }),
      broker.read('topic', 'key', undefined),
    ]);

    await broker.close();

    expect(await attempts).toMatchObject([
      { status: 'rejected', reason: { code: 'BROKER_CLOSED' } },
      { status: 'rejected', reason: { code: 'BROKER_CLOSED' } },
    ]);
  });
});

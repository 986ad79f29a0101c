import { createRedisBroker } from 'millrace/broker/redis';
import type { RedisBroker, RedisBrokerOptions, RedisStatus } from 'millrace/broker/redis';
import { seededRandom } from 'millrace/testing';
import { startTcpProxy } from 'millrace/testing/node';
import { createClient } from 'redis';
import { afterEach, describe, expect, it } from 'vitest';

import { readToFailure, takeEvents } from '../support/log-readers.ts';
import { RedisServer } from '../support/redis-server.ts';
import { Inbox } from '../support/waiting.ts';

const open: (() => Promise<void>)[] = [];

afterEach(async () => {
  for (const close of open.splice(0).toReversed()) await close();
});

async function startServer(persistence: 'append-only' | 'nothing' = 'nothing') {
  const server = await RedisServer.start(persistence);
  open.push(() => server.close());
  return server;
}

function createBroker(url: string, options: RedisBrokerOptions = {}): RedisBroker {
  const broker = createRedisBroker({ url, timeoutMs: 2_000, ...options });
  open.push(() => broker.close());
  return broker;
}

async function connectTo(url: string) {
  const client = createClient({ url });
  client.on('error', () => {}); // the server of a test may end before it
  await client.connect();
  open.push(async () => client.destroy());
  return client;
}

async function startProxy(target: { readonly port: number }) {
  const proxy = await startTcpProxy({
    get port() {
      return target.port;
    },
  });
  open.push(() => proxy.close());
  return { proxy, url: `redis://127.0.0.1:${proxy.port}` };
}

/** A reader whose broker has no connection to Redis any more, and somebody who has. */
async function cutOff(retention: RedisBrokerOptions['retention'] = {}) {
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

/** The states that a broker goes through, for a test to wait for. */
function watchStatus() {
  const inbox = new Inbox<RedisStatus>('a change of the status');
  const reaches = async (kind: RedisStatus['kind']) => {
    for (;;) if ((await inbox.next()).kind === kind) return;
  };
  return { onStatus: inbox.push, reaches };
}

const unavailable = { name: 'SourceError', code: 'BROKER_UNAVAILABLE' };

describe('a server that is killed and comes back', () => {
  it('with what it had: readers go on where they were', async () => {
    const server = await startServer('append-only');
    const { onStatus, reaches } = watchStatus();
    const broker = createBroker(server.url, { onStatus });
    const reader = await broker.read('topic', 'key', undefined);
    await broker.publishMany('topic', 'key', [1, 2]);
    expect(await takeEvents(reader, 2)).toEqual([1, 2]);
    await broker.publishMany('topic', 'key', [3, 4]);

    await server.kill();
    await reaches('unavailable');
    await server.start();
    await broker.publish('topic', 'key', 5);

    expect(await takeEvents(reader, 3)).toEqual([3, 4, 5]);
    expect(broker.status).toEqual({ kind: 'ready' });
  });

  it('with what it had: readers get what others published before they are back', async () => {
    const server = await startServer('append-only');
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
    await server.start();

    expect(await readToFailure(reader)).toEqual({ events: [], code: 'EVENTS_LOST' });
    const next = await broker.read('topic', 'key', position);
    expect(next.complete).toBe(false);
    expect(next.epoch).not.toBe(position.epoch);
    await broker.publish('topic', 'key', 2);
    expect(await takeEvents(next, 1)).toEqual([2]);
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
    const server = await startServer('append-only');
    const { proxy, url } = await startProxy(server);
    const broker = createBroker(url);
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
    const client = await connectTo(server.url);
    await client.sendCommand(['CLIENT', 'PAUSE', '60000']);

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

  it('that sleeps lets a publish fail, and serves again once it is awake', async () => {
    const server = await startServer();
    const broker = createBroker(server.url, { timeoutMs: 200 });
    const reader = await broker.read('topic', 'key', undefined);
    const client = await connectTo(server.url);

    const sleep = client.sendCommand(['DEBUG', 'SLEEP', '1']);
    await expect(broker.publish('topic', 'key', 'x')).rejects.toMatchObject(unavailable);
    await sleep;
    await broker.head('topic', 'key');
    await broker.publish('topic', 'key', 'after');

    // it was under way, so the publish that failed is carried out all the same
    expect(await takeEvents(reader, 2)).toEqual(['x', 'after']);
  });

  it('behind a connection that lost its other end is noticed, for commands and for readers', async () => {
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
});

describe('a connection that breaks again and again', () => {
  it.each([1, 2, 3])('costs no event, and none comes twice (seed %i)', async (seed) => {
    const random = seededRandom(seed);
    const server = await startServer();
    const { proxy, url } = await startProxy(server);
    const broker = createBroker(url, { timeoutMs: 30_000 });
    const publisher = createBroker(server.url);
    const live = await broker.read('topic', 'key', undefined);
    const events = Array.from({ length: 300 }, (_, i) => i);
    const start = live.head;
    const publishing = (async () => {
      for (const event of events) await publisher.publish('topic', 'key', event);
    })();

    const seen: unknown[] = [];
    while (seen.length < events.length) {
      seen.push(...(await takeEvents(live, 1)));
      if (random() < 0.3) proxy.reset();
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

    expect(await readToFailure(reader)).toEqual({ events: [], code: 'EVENTS_LOST' });
  });

  it('is told when another program removed some of that', async () => {
    const { proxy, reader, other, server } = await cutOff();
    const { offset } = await other.publish('topic', 'key', 1);
    await other.publish('topic', 'key', 2);
    const client = await connectTo(server.url);
    await client.xTrim('millrace:topic:key', 'MINID', `${offset.split('-')[0]}-99999`);

    await proxy.accept();

    expect((await readToFailure(reader)).code).toBe('EVENTS_LOST');
  });

  it('is not told anything when all that it had not read is still there', async () => {
    const { proxy, reader, other, server } = await cutOff();
    const { offset } = await other.publish('topic', 'key', 1);
    const client = await connectTo(server.url);
    await client.xTrim('millrace:topic:key', 'MINID', offset);

    await proxy.accept();
    await other.publish('topic', 'key', 2);

    expect(await takeEvents(reader, 2)).toEqual([1, 2]);
  });
});

describe('a server that forgets while everybody is connected', () => {
  it('is found out by the next event', async () => {
    const server = await startServer();
    const broker = createBroker(server.url);
    const reader = await broker.read('topic', 'key', undefined);
    await broker.publish('topic', 'key', 1);
    expect(await takeEvents(reader, 1)).toEqual([1]);
    const client = await connectTo(server.url);

    await client.flushAll();
    await createBroker(server.url).publish('topic', 'key', 2);

    expect(await readToFailure(reader)).toEqual({ events: [], code: 'EVENTS_LOST' });
  });

  it('is found out by a check when there is no event', async () => {
    const server = await startServer();
    const broker = createBroker(server.url, { checkMs: 20 });
    const reader = await broker.read('topic', 'key', undefined);
    const client = await connectTo(server.url);

    await client.flushAll();

    expect(await readToFailure(reader)).toEqual({ events: [], code: 'EVENTS_LOST' });
    expect(broker.readerCount).toBe(0);
  });

  it('is found out by a check when the last events are gone', async () => {
    const server = await startServer();
    const broker = createBroker(server.url, { checkMs: 20 });
    const reader = await broker.read('topic', 'key', undefined);
    const client = await connectTo(server.url);
    const first = await broker.publish('topic', 'key', 1);
    const dump = await client.sendCommand<Buffer>(['DUMP', 'millrace:topic:key'], {
      typeMapping: { 36: Buffer },
    });
    const second = await broker.publish('topic', 'key', 2);
    expect(await takeEvents(reader, 2)).toEqual([1, 2]);

    await client.sendCommand(['RESTORE', 'millrace:topic:key', '0', dump, 'REPLACE']);

    expect(await readToFailure(reader)).toEqual({ events: [], code: 'EVENTS_LOST' });
    const positions = [first, second];
    for (const position of positions) {
      const next = await broker.read('topic', 'key', position);
      expect(next.complete).toBe(false);
    }
  });
});

describe('a failover', () => {
  it('to a replica that lacks the last events is reported, also to who never saw those', async () => {
    const [master, replica] = [await startServer(), await startServer()];
    const toReplica = await connectTo(replica.url);
    const toMaster = await connectTo(master.url);
    const target = { port: master.port };
    const { proxy, url } = await startProxy(target);
    const readersSide = await startProxy(target);
    const publisher = createBroker(url);
    const broker = createBroker(readersSide.url);
    const reader = await broker.read('topic', 'key', undefined);
    await publisher.publish('topic', 'key', 'replicated');
    expect(await takeEvents(reader, 1)).toEqual(['replicated']);
    await toReplica.sendCommand(['REPLICAOF', '127.0.0.1', String(master.port)]);
    await expect
      .poll(() => toReplica.sendCommand(['EXISTS', 'millrace:topic:key']), { interval: 5 })
      .toBe(1);
    await toMaster.sendCommand(['WAIT', '1', '5000']);
    await toReplica.sendCommand(['REPLICAOF', 'NO', 'ONE']);
    readersSide.proxy.refuse();
    readersSide.proxy.reset();
    await publisher.publish('topic', 'key', 'lost');

    target.port = replica.port;
    await master.kill();
    await proxy.restart();
    // the first one brings the connection back, with which the publisher looks for what it published
    await publisher.head('topic', 'key');
    await publisher.head('topic', 'key');
    await readersSide.proxy.accept();

    expect((await readToFailure(reader)).code).toBe('EVENTS_LOST');
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
      .toMatchObject({
        kind: 'unavailable',
        error: expect.any(Error),
      });
    await server.start();
    await expect.poll(() => broker.status, { interval: 5 }).toEqual({ kind: 'ready' });
    await broker.close();

    expect(kinds).toEqual(['ready', 'unavailable', 'ready', 'closed']);
  });

  it('can be closed while Redis does not answer, and while it goes away', async () => {
    const server = await startServer();
    const broker = createBroker(server.url, { timeoutMs: 30_000 });
    await broker.head('topic', 'key');
    const client = await connectTo(server.url);
    await client.sendCommand(['CLIENT', 'PAUSE', '60000']);
    const publication = Promise.allSettled([broker.publish('topic', 'key', 1)]);

    const closing = broker.close();
    await server.kill();

    await closing;
    expect(await publication).toMatchObject([{ status: 'rejected' }]);
  });

  it('that is closed while Redis is away lets nobody wait', async () => {
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

describe('connections', () => {
  it('are two for a thousand logs, and none after close', async () => {
    const server = await startServer();
    const client = await connectTo(server.url);
    const connections = async () =>
      Number(/connected_clients:(\d+)/.exec(await client.info('clients'))?.[1]) - 1;
    const broker = createBroker(server.url);
    const keys = Array.from({ length: 1_000 }, (_, i) => `key ${i}`);
    const readers = await Promise.all(keys.map((key) => broker.read('topic', key, undefined)));
    await Promise.all(keys.map((key) => broker.publish('topic', key, key)));
    for (const [i, reader] of readers.entries())
      expect(await takeEvents(reader, 1)).toEqual([keys[i]]);

    expect(await connections()).toBe(2);

    await broker.close();
    const ends = await Promise.all(readers.map((reader) => reader.read()));
    expect(new Set(ends)).toEqual(new Set([undefined]));
    await expect.poll(connections, { interval: 5 }).toBe(0);
    expect(await client.keys('*wake*')).toEqual([]);
    expect(broker.readerCount).toBe(0);
  });

  it('are one for who only publishes', async () => {
    const server = await startServer();
    const client = await connectTo(server.url);
    const broker = createBroker(server.url);

    await broker.publish('topic', 'key', 1);

    expect(await client.info('clients')).toContain('connected_clients:2\r\n');
  });
});

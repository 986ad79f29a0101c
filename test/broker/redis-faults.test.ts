import { createRedisBroker } from 'millrace/broker/redis';
import { createClient } from 'redis';
import { describe, expect, it, onTestFinished } from 'vitest';

import { brokerFaultsContract } from '../contract/broker-faults-contract.ts';
import { brokerLossesContract } from '../contract/broker-losses-contract.ts';
import { exchangeInLogs, readToFailure, takeEvents } from '../support/log-readers.ts';
import { lost, OutageStage, startProxy } from '../support/outage-stage.ts';
import { RedisServer } from '../support/redis-server.ts';
import type { RedisPersistence } from '../support/redis-server.ts';

const stageThatKeeps = (persistence: RedisPersistence) =>
  new OutageStage({
    storage: 'Redis',
    startServer: () => RedisServer.start(persistence),
    createBroker: (url, options) => createRedisBroker({ url, timeoutMs: 2_000, ...options }),
  });

const stage = stageThatKeeps('nothing');

async function connectTo(url: string) {
  const client = createClient({ url });
  client.on('error', () => {}); // the server of a test may end before it
  await client.connect();
  onTestFinished(() => client.destroy());
  return client;
}

brokerFaultsContract(stageThatKeeps('append-only'), { events: 300, likelihood: 0.3 });

brokerLossesContract(stage, {
  startEmpty: (server) => server.start(),
  removeLogs: async ({ url }) => {
    const client = await connectTo(url);
    await client.flushAll();
  },
  bereft: 'a server that forgets',
});

describe('a reader that is cut off', () => {
  it('is told when another program removed some of that', async () => {
    const { proxy, reader, other, server } = await stage.cutOff();
    const { offset } = await other.publish('topic', 'key', 1);
    await other.publish('topic', 'key', 2);
    const client = await connectTo(server.url);
    await client.xTrim('millrace:topic:key', 'MINID', `${offset.split('-')[0]}-99999`);

    await proxy.accept();

    expect((await readToFailure(reader)).code).toBe('EVENTS_LOST');
  });

  it('is not told anything when all that it had not read is still there', async () => {
    const { proxy, reader, other, server } = await stage.cutOff();
    const { offset } = await other.publish('topic', 'key', 1);
    const client = await connectTo(server.url);
    await client.xTrim('millrace:topic:key', 'MINID', offset);

    await proxy.accept();
    await other.publish('topic', 'key', 2);

    expect(await takeEvents(reader, 2)).toEqual([1, 2]);
  });
});

describe('a server that forgets while everybody is connected', () => {
  it('is found out by the next event of another process', async () => {
    const server = await stage.startServer();
    const broker = stage.createBroker(server.url);
    const reader = await broker.read('topic', 'key', undefined);
    await broker.publish('topic', 'key', 1);
    expect(await takeEvents(reader, 1)).toEqual([1]);
    const client = await connectTo(server.url);

    await client.flushAll();
    await stage.createBroker(server.url).publish('topic', 'key', 2);

    expect(await readToFailure(reader)).toEqual(lost);
  });

  it('is found out by a check when the last events are gone', async () => {
    const server = await stage.startServer();
    const broker = stage.createBroker(server.url, { checkMs: 20 });
    const reader = await broker.read('topic', 'key', undefined);
    const client = await connectTo(server.url);
    const first = await broker.publish('topic', 'key', 1);
    const dump = await client.sendCommand<Buffer>(['DUMP', 'millrace:topic:key'], {
      typeMapping: { 36: Buffer },
    });
    const second = await broker.publish('topic', 'key', 2);
    expect(await takeEvents(reader, 2)).toEqual([1, 2]);

    await client.sendCommand(['RESTORE', 'millrace:topic:key', '0', dump, 'REPLACE']);

    expect(await readToFailure(reader)).toEqual(lost);
    const positions = [first, second];
    for (const position of positions) {
      const next = await broker.read('topic', 'key', position);
      expect(next.complete).toBe(false);
    }
  });
});

describe('a failover', () => {
  it('to a replica that lacks the last events is reported, also to who never saw those', async () => {
    const [master, replica] = [await stage.startServer(), await stage.startServer()];
    const toReplica = await connectTo(replica.url);
    const toMaster = await connectTo(master.url);
    const target = { port: master.port, url: master.url };
    const { proxy, url } = await startProxy(target);
    const readersSide = await startProxy(target);
    const publisher = stage.createBroker(url);
    const broker = stage.createBroker(readersSide.url);
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

describe('connections', () => {
  it('are two for a thousand logs, and none after close', async () => {
    const server = await stage.startServer();
    const client = await connectTo(server.url);
    const connections = async () =>
      Number(/connected_clients:(\d+)/.exec(await client.info('clients'))?.[1]) - 1;
    const broker = stage.createBroker(server.url);
    const readers = await exchangeInLogs(broker, 1_000);

    expect(await connections()).toBe(2);

    await broker.close();
    const ends = await Promise.all(readers.map((reader) => reader.read()));
    expect(new Set(ends)).toEqual(new Set([undefined]));
    await expect.poll(connections, { interval: 5 }).toBe(0);
    expect(await client.keys('*wake*')).toEqual([]);
    expect(broker.readerCount).toBe(0);
  });

  it('are one for who only publishes', async () => {
    const server = await stage.startServer();
    const client = await connectTo(server.url);
    const broker = stage.createBroker(server.url);

    await broker.publish('topic', 'key', 1);

    expect(await client.info('clients')).toContain('connected_clients:2\r\n');
  });
});

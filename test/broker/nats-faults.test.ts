import { jetstreamManager } from '@nats-io/jetstream';
import { connect } from '@nats-io/transport-node';
import { createNatsBroker } from 'millrace/broker/nats';
import { describe, expect, it, onTestFinished } from 'vitest';

import { brokerFaultsContract } from '../contract/broker-faults-contract.ts';
import { brokerLossesContract } from '../contract/broker-losses-contract.ts';
import { exchangeInLogs, readToFailure, takeEvents } from '../support/log-readers.ts';
import { NatsServer } from '../support/nats-server.ts';
import { lost, OutageStage, startProxy, watchStatus } from '../support/outage-stage.ts';

const stage = new OutageStage({
  storage: 'NATS',
  startServer: () => NatsServer.start(),
  createBroker: (servers, options) => createNatsBroker({ servers, timeoutMs: 2_000, ...options }),
});

/** Another program, which may do anything. */
async function manage(server: NatsServer) {
  const connection = await connect({ servers: server.url });
  onTestFinished(() => connection.close());
  const { streams, consumers } = await jetstreamManager(connection);
  return { connection, streams, consumers };
}

/** Resolves once a broker of the server has compared what it knows, and remembers what it found. */
async function comparison(server: NatsServer): Promise<void> {
  const { connection } = await manage(server);
  const questions = connection.subscribe('$JS.API.STREAM.INFO.>');
  // one may be under way; the one after that begins with the memory of this one
  questions.unsubscribe(3);
  for await (const _ of questions);
}

brokerFaultsContract(stage, { events: 100, likelihood: 0.15 });

brokerLossesContract(stage, {
  startEmpty: async (server) => {
    server.forget();
    await server.start();
  },
  removeLogs: async (server) => {
    const { streams } = await manage(server);
    await streams.delete('millrace');
  },
  bereft: 'a stream that is taken away',
});

describe('a server that is killed and comes back', () => {
  it('with what it had a while ago: readers are told, and positions are of another epoch', async () => {
    const server = await stage.startServer();
    const broker = stage.createBroker(server.url, { timeoutMs: 30_000 });
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
    const server = await stage.startServer();
    const { proxy, url } = await startProxy(server);
    const { onStatus, reaches } = watchStatus();
    const broker = stage.createBroker(url, { timeoutMs: 30_000, onStatus, checkMs: 20 });
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
    await stage.createBroker(server.url).publishMany('topic', 'key', [2, 3, 4]);
    await proxy.accept();

    expect(await readToFailure(reader)).toEqual(lost);
    expect((await broker.read('topic', 'key', last)).complete).toBe(false);
  });
});

describe('a reader that is cut off', () => {
  it('is not told anything when that was more than is kept, but of another log', async () => {
    const { proxy, reader, other } = await stage.cutOff({ events: 10 });
    const events = Array.from({ length: 200 }, (_, i) => i);
    await other.publishMany('topic', 'other', events);
    await other.publish('topic', 'key', 1);

    await proxy.accept();

    expect(await takeEvents(reader, 1)).toEqual([1]);
  });

  it('is told when that became too old', async () => {
    const { proxy, reader, other, server } = await stage.cutOff({ ageMs: 1_000 });
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
    const { proxy, reader, other, server } = await stage.cutOff();
    await other.publish('topic', 'key', 1);
    const { streams } = await manage(server);
    await streams.purge('millrace', options);
    await other.publish('topic', 'key', 2);

    await proxy.accept();

    expect(await readToFailure(reader)).toEqual(lost);
  });

  it('is told when another program purged it and nothing follows', async () => {
    const { proxy, reader, other, server } = await stage.cutOff();
    await other.publish('topic', 'key', 1);
    const { streams } = await manage(server);
    await streams.purge('millrace', { filter: 'millrace.topic.key' });

    await proxy.accept();

    expect(await readToFailure(reader)).toEqual(lost);
  });

  it('is not told anything when another log was purged', async () => {
    const { proxy, reader, other, server } = await stage.cutOff();
    await other.publishMany('topic', 'other', [1, 2, 3]);
    const { streams } = await manage(server);
    await streams.purge('millrace', { filter: 'millrace.topic.other' });
    await other.publish('topic', 'key', 2);

    await proxy.accept();

    expect(await takeEvents(reader, 1)).toEqual([2]);
  });

  it('is told when the stream was made anew meanwhile, and goes on from there', async () => {
    const { proxy, broker, reader, other, server } = await stage.cutOff();
    const position = await other.publish('topic', 'key', 1);
    const { streams } = await manage(server);
    await streams.delete('millrace');
    await stage.createBroker(server.url).publishMany('topic', 'key', [1, 2, 3, 4]);

    await proxy.accept();

    expect(await readToFailure(reader)).toEqual(lost);
    const next = await broker.read('topic', 'key', position);
    expect(next.complete).toBe(false);
    await broker.publish('topic', 'key', 5);
    expect(await takeEvents(next, 1)).toEqual([5]);
  });
});

describe('a stream that is taken away while everybody is connected', () => {
  it('and made anew by others is found out by the next event', async () => {
    const server = await stage.startServer();
    const broker = stage.createBroker(server.url);
    const reader = await broker.read('topic', 'key', undefined);
    await broker.publishMany('topic', 'key', [1, 2, 3]);
    expect(await takeEvents(reader, 3)).toEqual([1, 2, 3]);
    const { streams } = await manage(server);

    await streams.delete('millrace');
    await stage.createBroker(server.url).publish('topic', 'key', 'other');
    const { epoch } = await broker.publish('topic', 'key', 4);

    expect((await broker.head('topic', 'key')).epoch).toBe(epoch);
    expect(await readToFailure(reader)).toEqual(lost);
  });

  it('is found out by its silence', async () => {
    const server = await stage.startServer();
    const broker = stage.createBroker(server.url, { timeoutMs: 100 });
    const reader = await broker.read('topic', 'key', undefined);
    const { streams } = await manage(server);

    await streams.delete('millrace');

    expect(await readToFailure(reader)).toEqual(lost);
  });

  it('does not end those who only publish', async () => {
    const server = await stage.startServer();
    const broker = stage.createBroker(server.url);
    await broker.publish('topic', 'key', 1);
    const { streams } = await manage(server);

    await streams.delete('millrace');
    const position = await broker.publish('topic', 'key', 2);

    expect(await broker.head('topic', 'key')).toEqual(position);
  });
});

describe('a consumer that is taken away', () => {
  it('is made anew, where it was', async () => {
    const server = await stage.startServer();
    const broker = stage.createBroker(server.url, { timeoutMs: 100 });
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
    const server = await stage.startServer();
    const { streams, connection } = await manage(server);
    const broker = stage.createBroker(server.url);
    const readers = await exchangeInLogs(broker, 1_000);
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

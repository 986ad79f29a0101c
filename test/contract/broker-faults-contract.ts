import { seededRandom } from 'millrace/testing';
import { describe, expect, it } from 'vitest';

import type { Broker } from '../../src/broker/types.ts';
import { takeEvents } from '../support/log-readers.ts';
import { startProxy, unavailable, watchStatus } from '../support/outage-stage.ts';
import type { OutageServer, OutageStage } from '../support/outage-stage.ts';

/** How hard a test tries a connection that breaks. */
export interface BreaksOptions {
  /** Events that are published meanwhile. */
  readonly events: number;
  /** How likely it breaks after each of them, from 0 to 1. */
  readonly likelihood: number;
}

/** What every broker must do whose server, or the network in front of it, fails. The servers keep what they accepted. */
export function brokerFaultsContract(
  stage: OutageStage<OutageServer>,
  breaks: BreaksOptions,
): void {
  describeComingBack(stage);
  describeLostAnswers(stage);
  describeAbsence(stage);
  describeHalfOpenConnections(stage);
  describeBreaks(stage, breaks);
  describeStatus(stage);
  describeClosing(stage);
}

function describeComingBack(stage: OutageStage<OutageServer>): void {
  describe('a server that is killed and comes back', () => {
    it('with what it had: readers go on where they were', async () => {
      const server = await stage.startServer();
      const { onStatus, reaches } = watchStatus();
      const broker = stage.createBroker(server.url, { onStatus });
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
      const server = await stage.startServer();
      const { onStatus, reaches } = watchStatus();
      const { proxy, url } = await startProxy(server);
      const broker = stage.createBroker(url, { onStatus });
      const reader = await broker.read('topic', 'key', undefined);
      await reaches('ready');
      proxy.refuse();
      await server.kill();
      await reaches('unavailable');

      await server.start();
      await stage.createBroker(server.url).publish('topic', 'key', 'meanwhile');
      await proxy.accept();

      expect(await takeEvents(reader, 1)).toEqual(['meanwhile']);
    });

    it('accepts what was published while it was away, if that is not for too long', async () => {
      const server = await stage.startServer();
      const { onStatus, reaches } = watchStatus();
      const broker = stage.createBroker(server.url, { onStatus, timeoutMs: 30_000 });
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

  describe('a reader that is cut off', () => {
    it('gets what was published meanwhile', async () => {
      const { proxy, reader, other } = await stage.cutOff();
      await other.publishMany('topic', 'key', [1, 2, 3]);

      await proxy.accept();

      expect(await takeEvents(reader, 3)).toEqual([1, 2, 3]);
    });
  });
}

function describeLostAnswers(stage: OutageStage<OutageServer>): void {
  /** Somebody who gets no answers any more, and a reader of what is published. */
  async function loseAnswers() {
    const server = await stage.startServer();
    const { proxy, url } = await startProxy(server);
    const broker = stage.createBroker(url, { timeoutMs: 30_000 });
    const direct = stage.createBroker(server.url);
    const reader = await direct.read('topic', 'key', undefined);
    await broker.publish('topic', 'other', 0);
    proxy.setWeather({ latencyMs: 60_000 }, 'to-client');
    return { proxy, broker, direct, reader };
  }

  describe('a publication whose answer is lost', () => {
    it('is repeated where it has an id', async () => {
      const { proxy, broker, direct, reader } = await loseAnswers();

      const publication = broker.publish('topic', 'key', 1, { idempotencyId: 'id' });
      const [entry] = (await reader.read()) ?? [];
      proxy.setWeather({ latencyMs: 0 }, 'to-client');
      proxy.reset();

      expect(await publication).toEqual(entry?.position);
      await direct.publish('topic', 'key', 2);
      expect(await takeEvents(reader, 1)).toEqual([2]);
    });

    it('fails at once where it has none', async () => {
      const { proxy, broker, reader } = await loseAnswers();

      const outcome = Promise.allSettled([broker.publish('topic', 'key', 1)]);
      expect(await takeEvents(reader, 1)).toEqual([1]);
      proxy.reset();

      expect(await outcome).toMatchObject([{ status: 'rejected', reason: unavailable }]);
    });
  });
}

function describeAbsence(stage: OutageStage<OutageServer>): void {
  describe('a server that is away', () => {
    it('lets a publish fail after the time-out, and everything else', async () => {
      const server = await stage.startServer();
      const broker = stage.createBroker(server.url, { timeoutMs: 100 });
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
      const server = await stage.startServer();
      await server.kill();
      const broker = stage.createBroker(server.url, { timeoutMs: 100 });

      await expect(broker.publish('topic', 'key', 1)).rejects.toMatchObject(unavailable);
      await expect(broker.head('topic', 'key')).rejects.toMatchObject(unavailable);

      await broker.close();
      expect(broker.status.kind).toBe('closed');
    });

    it('from the start serves once it is there', async () => {
      const server = await stage.startServer();
      await server.kill();
      const broker = stage.createBroker(server.url, { timeoutMs: 30_000 });
      const reading = broker.read('topic', 'key', undefined);

      await server.start();

      const reader = await reading;
      await broker.publish('topic', 'key', 1);
      expect(await takeEvents(reader, 1)).toEqual([1]);
    });

    it('does not make anybody wait for more than can be held', async () => {
      const server = await stage.startServer();
      const { onStatus, reaches } = watchStatus();
      const broker = stage.createBroker(server.url, { timeoutMs: 30_000, onStatus });
      await broker.head('topic', 'key');
      await server.kill();
      await reaches('unavailable');

      const waiting = Array.from({ length: 10_000 }, () => broker.publish('topic', 'key', 1));
      const outcome = Promise.allSettled(waiting);

      await expect(broker.publish('topic', 'key', 1)).rejects.toMatchObject(unavailable);
      await broker.close();
      for (const attempt of await outcome)
        expect(attempt).toMatchObject({ reason: { code: 'BROKER_CLOSED' } });
    });
  });
}

function describeHalfOpenConnections(stage: OutageStage<OutageServer>): void {
  describe('a server that is away', () => {
    it('behind a connection that lost its other end is noticed, for requests and for readers', async () => {
      const server = await stage.startServer();
      const { proxy, url } = await startProxy(server);
      const broker = stage.createBroker(url, { timeoutMs: 200 });
      const reader = await broker.read('topic', 'key', undefined);
      await broker.publish('topic', 'key', 1);
      expect(await takeEvents(reader, 1)).toEqual([1]);

      for (const connection of proxy.connections) connection.goHalfOpen();
      await expect(broker.publish('topic', 'key', 2)).rejects.toMatchObject(unavailable);
      await stage.createBroker(server.url).publish('topic', 'key', 3);

      expect(await takeEvents(reader, 1)).toEqual([3]);
    });

    it('behind a connection that lost its other end is noticed by who only reads', async () => {
      const server = await stage.startServer();
      const { proxy, url } = await startProxy(server);
      const broker = stage.createBroker(url, { timeoutMs: 100 });
      const reader = await broker.read('topic', 'key', undefined);

      for (const connection of proxy.connections) connection.goHalfOpen();
      await stage.createBroker(server.url).publish('topic', 'key', 1);

      expect(await takeEvents(reader, 1)).toEqual([1]);
    });
  });
}

function describeBreaks(stage: OutageStage<OutageServer>, breaks: BreaksOptions): void {
  describe('a connection that breaks again and again', () => {
    it.each([1, 2, 3])('costs no event, and none comes twice (seed %i)', async (seed) => {
      const server = await stage.startServer();
      const { proxy, url } = await startProxy(server);

      const seen = await readThroughBreaks({
        ...breaks,
        seed,
        broker: stage.createBroker(url, { timeoutMs: 30_000 }),
        publisher: stage.createBroker(server.url, { timeoutMs: 30_000 }),
        breakConnections: () => proxy.reset(),
      });

      expect(seen).toEqual(Array.from({ length: breaks.events }, (_, i) => i));
    });
  });
}

/** What {@link readThroughBreaks} needs. */
export interface BrokenReading extends BreaksOptions {
  readonly seed: number;
  /** Reads. */
  readonly broker: Broker;
  readonly publisher: Broker;
  readonly breakConnections: () => unknown;
}

/** What a reader that stays gets of the numbers that are published; others, who begin at the start after each of these, have to get the same. */
export async function readThroughBreaks(reading: BrokenReading): Promise<readonly unknown[]> {
  const { seed, broker, publisher, breakConnections, likelihood } = reading;
  const random = seededRandom(seed);
  const events = Array.from({ length: reading.events }, (_, i) => i);
  const live = await broker.read('topic', 'key', undefined);
  const start = live.head;
  const publishing = (async () => {
    for (const event of events)
      await publisher.publish('topic', 'key', event, { idempotencyId: String(event) });
  })();

  const seen: unknown[] = [];
  while (seen.length < events.length) {
    seen.push(...(await takeEvents(live, 1)));
    if (random() < likelihood) await breakConnections();
    const resumed = await broker.read('topic', 'key', start);
    expect(resumed.complete).toBe(true);
    const again = await takeEvents(resumed, seen.length);
    expect(again).toEqual(events.slice(0, again.length));
    await resumed.close();
  }
  await publishing;
  return seen;
}

function describeStatus(stage: OutageStage<OutageServer>): void {
  describe('a broker', () => {
    it('says how it is, and is not disturbed by who is told', async () => {
      const server = await stage.startServer();
      const kinds: string[] = [];
      const broker = stage.createBroker(server.url, {
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

      // it may lose a connection again that it had before the server was done
      expect(kinds.join(' ')).toMatch(/^ready( unavailable ready)+ closed$/);
    });
  });
}

function describeClosing(stage: OutageStage<OutageServer>): void {
  describe('a broker', () => {
    it(`can be closed while ${stage.storage} does not answer, and while it goes away`, async () => {
      const server = await stage.startServer();
      const { proxy, url } = await startProxy(server);
      const broker = stage.createBroker(url, { timeoutMs: 30_000 });
      await broker.head('topic', 'key');
      proxy.setWeather({ latencyMs: 60_000 }, 'to-client');
      const publication = Promise.allSettled([broker.publish('topic', 'key', 1)]);

      const closing = broker.close();
      proxy.refuse();
      proxy.reset();

      await closing;
      expect(await publication).toMatchObject([{ status: 'rejected' }]);
    });

    it(`that is closed while ${stage.storage} is away lets nobody wait`, async () => {
      const server = await stage.startServer();
      const broker = stage.createBroker(server.url, { timeoutMs: 30_000 });
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
}

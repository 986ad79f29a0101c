import { jetstreamManager } from '@nats-io/jetstream';
import type { JetStreamManager } from '@nats-io/jetstream';
import { connect, headers } from '@nats-io/transport-node';
import type { NatsConnection } from '@nats-io/transport-node';
import { createNatsBroker } from 'millrace/broker/nats';
import type { NatsBroker, NatsBrokerOptions } from 'millrace/broker/nats';
import { VirtualClock } from 'millrace/testing';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';

import { brokerContract } from '../contract/broker-contract.ts';
import { brokerRemovalsContract } from '../contract/broker-removals-contract.ts';
import { remoteBrokerContract } from '../contract/remote-broker-contract.ts';
import { readToFailure, takeEntries, takeEvents } from '../support/log-readers.ts';
import { shareNats } from '../support/nats-server.ts';
import type { NatsShare } from '../support/nats-server.ts';

let nats: NatsShare;
let connection: NatsConnection;
let manager: JetStreamManager;

beforeAll(async () => {
  nats = await shareNats();
  connection = await connect({ servers: nats.url });
  manager = await jetstreamManager(connection);
});
afterAll(async () => {
  await connection.close();
  await nats.close();
});

const newPrefix = () => `${nats.prefix}-${crypto.randomUUID().slice(-12)}`;

const numbers = (count: number, first = 0) => Array.from({ length: count }, (_, i) => first + i);

brokerContract('nats', async ({ retainedEvents }) =>
  createNatsBroker({
    servers: nats.url,
    prefix: newPrefix(),
    retention: retainedEvents === undefined ? {} : { events: retainedEvents },
  }),
);

describe('nats broker', () => {
  let prefix: string;
  const brokers: NatsBroker[] = [];

  function createBroker(options: NatsBrokerOptions = {}): NatsBroker {
    const broker = createNatsBroker({ servers: nats.url, prefix, ...options });
    brokers.push(broker);
    return broker;
  }

  /** Of topic `topic` and key `key`. */
  const subject = () => `${prefix}.topic.key`;

  const stored = (sequence: string) =>
    manager.streams.getMessage(prefix, { seq: Number(sequence) });

  beforeEach(() => {
    prefix = newPrefix();
  });
  afterEach(async () => {
    await Promise.all(brokers.splice(0).map((broker) => broker.close()));
  });

  remoteBrokerContract({
    storage: 'NATS',
    createBroker,
    places: 'prefixes',
    createStranger: () => createBroker({ prefix: `${prefix}2` }),
  });

  brokerRemovalsContract({
    createLog: () => {
      const name = newPrefix();
      const filter = `${name}.topic.key`;
      return {
        topic: 'topic',
        key: 'key',
        createBroker: (options) => createBroker({ prefix: name, storage: 'memory', ...options }),
        trim: (keep) => manager.streams.purge(name, { filter, keep }),
        forget: () => manager.streams.delete(name),
      };
    },
    runs: 40,
  });

  describe('what is stored', () => {
    it('is a message with the event as JSON, and the id of the publication if it has one', async () => {
      const broker = createBroker();

      const one = await broker.publish('topic', 'key', { a: 1 });
      const two = await broker.publish('topic', 'key', { a: 2 }, { idempotencyId: 'x y' });

      const [first, second] = [await stored(one.offset), await stored(two.offset)];
      expect([first?.subject, second?.subject]).toEqual([subject(), subject()]);
      expect([first?.string(), second?.string()]).toEqual(['{"a":1}', '{"a":2}']);
      expect(first?.header.keys()).toEqual([]);
      expect(second?.header.get('Nats-Msg-Id')).toBe(`${subject()}.x%20y`);
    });

    it('is in one stream, which keeps what the retention says', async () => {
      const broker = createBroker({
        retention: { events: 20, ageMs: 60_000, totalBytes: 1_000_000 },
        storage: 'memory',
      });
      await broker.publish('topic', 'key', 1);

      const { config } = await manager.streams.info(prefix);

      expect(config).toMatchObject({
        subjects: [`${prefix}.>`],
        retention: 'limits',
        discard: 'old',
        storage: 'memory',
        num_replicas: 1,
        max_msgs_per_subject: 24,
        max_age: 60_000_000_000,
        duplicate_window: 60_000_000_000,
        max_bytes: 1_000_000,
      });
    });

    it('is a marker where somebody asks for the head of a log that has nothing', async () => {
      const broker = createBroker();

      const head = await broker.head('topic', 'key');

      const marker = await stored(head.offset);
      expect(marker?.string()).toBe('');
      expect(marker?.header.get('Millrace-Marker')).toBe('0');
      const reader = await broker.read('topic', 'key', undefined);
      expect(reader).toMatchObject({ head, earliest: undefined });
    });

    it('stays in a stream that was there before, whatever that keeps', async () => {
      await manager.streams.add({ name: prefix, subjects: [`${prefix}.>`], max_msgs: 5 });
      const broker = createBroker();

      const positions = await broker.publishMany('topic', 'key', numbers(10));

      expect((await manager.streams.info(prefix)).config.max_msgs).toBe(5);
      const [early, late] = [
        await broker.read('topic', 'key', positions[3]),
        await broker.read('topic', 'key', positions[5]),
      ];
      expect([early.complete, late.complete]).toEqual([false, true]);
      expect(await takeEvents(late, 4)).toEqual(numbers(4, 6));
    });

    it('has an id that is remembered for as long as events are kept', async () => {
      const broker = createBroker({ retention: { ageMs: 200 } });
      const publish = () => broker.publish('topic', 'key', 1, { idempotencyId: 'x' });
      const first = await publish();

      expect(await publish()).toEqual(first);
      await expect.poll(publish, { interval: 20 }).not.toEqual(first);
    });
  });

  describe('events of other programs', () => {
    it('are read if they are published to the subject, with nothing but a payload', async () => {
      const reader = await createBroker().read('topic', 'key', undefined);

      connection.publish(subject(), '{"a":1}');

      const [entry] = await takeEntries(reader, 1);
      const message = await stored(entry?.position.offset ?? '');
      expect(entry).toMatchObject({ event: { a: 1 }, position: { epoch: reader.epoch } });
      expect(entry?.publishedAt).toBe(message?.time.getTime());
    });

    it('may carry an id of theirs', async () => {
      const reader = await createBroker().read('topic', 'key', undefined);
      const header = headers();
      header.set('Nats-Msg-Id', 'one');

      connection.publish(subject(), '1', { headers: header });
      connection.publish(subject(), '1', { headers: header });
      connection.publish(subject(), '2');

      expect(await takeEvents(reader, 2)).toEqual([1, 2]);
    });

    it.each([
      ['JSON that ends too early', '{'],
      ['nothing', ''],
    ])('are reported and left out where the payload is %s', async (_, payload) => {
      const reports: unknown[] = [];
      const broker = createBroker({ onInvalidEntry: (error) => reports.push(error) });
      const reader = await broker.read('topic', 'key', undefined);

      connection.publish(subject(), payload);
      await connection.flush();
      const next = await broker.publish('topic', 'key', 'next');

      expect(await takeEvents(reader, 1)).toEqual(['next']);
      const sequence = Number(next.offset) - 1;
      expect(reports).toMatchObject([
        { code: 'SOURCE_FAILED', message: `message ${sequence} of ${subject()} is no event` },
      ]);
    });

    it('are left out of what is replayed, too', async () => {
      const broker = createBroker();
      const first = await broker.publish('topic', 'key', 1);
      connection.publish(subject(), '{');
      await connection.flush();
      await broker.publish('topic', 'key', 2);

      const reader = await createBroker().read('topic', 'key', first);

      expect(await takeEvents(reader, 1)).toEqual([2]);
    });
  });

  describe('events', () => {
    it('that are larger than the server takes cannot be published', async () => {
      const broker = createBroker();
      const head = await broker.head('topic', 'key');
      const event = 'x'.repeat(1_048_576);
      const notSerializable = { name: 'SourceError', code: 'EVENT_NOT_SERIALIZABLE' };

      await expect(broker.publish('topic', 'key', event)).rejects.toMatchObject(notSerializable);
      await expect(broker.publishMany('topic', 'other', [1, event])).rejects.toMatchObject(
        notSerializable,
      );
      expect(await broker.head('topic', 'key')).toEqual(head);
      expect(broker.status.kind).toBe('ready');
    });

    it('may be stored as bytes', async () => {
      const codec = {
        encode: (event: unknown) => new Uint8Array([0xff, Number(event)]),
        decode: (bytes: Uint8Array) => bytes.at(1),
      };
      const broker = createBroker({ codec });
      const reader = await broker.read('topic', 'key', undefined);

      await broker.publishMany('topic', 'key', [200, 13]);

      expect(await takeEvents(reader, 2)).toEqual([200, 13]);
    });
  });

  describe('readers of one log', () => {
    it.each([
      ['all logs', () => undefined],
      ['their log', () => ({ filter: subject() })],
    ])(
      'begin again after %s were purged, and positions of before lack something',
      async (_, options) => {
        const broker = createBroker();
        const [first, second] = await broker.publishMany('topic', 'key', [1, 2, 3]);
        await manager.streams.purge(prefix, options());

        for (const position of [first, second]) {
          const reader = await broker.read('topic', 'key', position);
          expect(reader).toMatchObject({ complete: false, earliest: undefined });
          const head = await broker.head('topic', 'key');
          expect(reader.head).toEqual(head);
          await reader.close();
        }
        const reader = await broker.read('topic', 'key', undefined);
        await broker.publish('topic', 'key', 4);
        expect(await takeEvents(reader, 1)).toEqual([4]);
      },
    );
  });

  describe('checks', () => {
    it('are made every thirty seconds, and by nobody once all have left', async () => {
      const clock = new VirtualClock();
      // the time of NATS is real, so nothing else may be in a hurry
      const broker = createBroker({ clock, timeoutMs: 1_000_000 });
      const reader = await broker.read('topic', 'key', undefined);
      await broker.publish('topic', 'key', 1);
      expect(await takeEvents(reader, 1)).toEqual([1]);
      // shares what is still asked about the stream
      await broker.head('topic', 'key');
      await manager.streams.delete(prefix);

      await clock.advance(29_999);
      await expect(manager.streams.info(prefix)).rejects.toThrow('stream not found');
      const failure = readToFailure(reader);
      // a pause follows the answer, which takes real time
      const passTime = async () => {
        await clock.advance(10);
        return broker.readerCount;
      };
      await expect.poll(passTime, { interval: 1 }).toBe(0);

      expect((await failure).code).toBe('EVENTS_LOST');
      await reader.close();
      await broker.close();
      expect(clock.timerCount).toBe(0);
    });

    it('tell nobody of a purge of what everybody has read', async () => {
      const broker = createBroker({ checkMs: 20 });
      const reader = await broker.read('topic', 'key', undefined);
      await broker.publish('topic', 'key', 1);
      expect(await takeEvents(reader, 1)).toEqual([1]);

      await manager.streams.purge(prefix);
      await broker.publish('topic', 'key', 2);

      expect(await takeEvents(reader, 1)).toEqual([2]);
    });
  });

  describe('options', () => {
    it('may be a connection, which stays open', async () => {
      const own = await connect({ servers: nats.url });
      const broker = createBroker({ connection: own });
      const reader = await broker.read('topic', 'key', undefined);

      await broker.publish('topic', 'key', 1);
      expect(await takeEvents(reader, 1)).toEqual([1]);
      await broker.close();

      expect(own.isClosed()).toBe(false);
      await own.flush();
      await own.close();
    });

    it('may be a connection, with which the broker comes back', async () => {
      const own = await connect({ servers: nats.url, reconnectTimeWait: 10 });
      const broker = createBroker({ connection: own });
      const reader = await broker.read('topic', 'key', undefined);

      await own.reconnect();
      await expect.poll(() => broker.status.kind, { interval: 1 }).toBe('unavailable');
      await createBroker().publish('topic', 'key', 1);

      expect(await takeEvents(reader, 1)).toEqual([1]);
      expect(broker.status.kind).toBe('ready');
      await broker.close();
      await own.close();
    });

    it('may be a connection that ends before the broker', async () => {
      const own = await connect({ servers: nats.url });
      const broker = createBroker({ connection: own, timeoutMs: 100 });
      await broker.head('topic', 'key');

      await own.close();

      await expect(broker.publish('topic', 'key', 1)).rejects.toMatchObject({
        code: 'BROKER_UNAVAILABLE',
      });
      expect(broker.status.kind).toBe('unavailable');
    });

    it.each([
      ['neither `servers` nor `connection`', { servers: undefined }],
      ['a prefix with a dot', { prefix: 'a.b' }],
      ['an empty prefix', { prefix: '' }],
      ['no events at all', { retention: { events: 0 } }],
      ['a part of a millisecond', { retention: { ageMs: 100.5 } }],
      ['an age that NATS does not take', { retention: { ageMs: 99 } }],
    ])('with %s are refused', (_, options) => {
      expect(() => createBroker(options as NatsBrokerOptions)).toThrow(
        expect.objectContaining({ name: 'UsageError' }),
      );
    });
  });
});

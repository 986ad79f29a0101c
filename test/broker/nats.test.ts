import { jetstreamManager } from '@nats-io/jetstream';
import type { JetStreamManager } from '@nats-io/jetstream';
import { connect, headers } from '@nats-io/transport-node';
import type { NatsConnection } from '@nats-io/transport-node';
import fc from 'fast-check';
import { createNatsBroker } from 'millrace/broker/nats';
import type { NatsBroker, NatsBrokerOptions } from 'millrace/broker/nats';
import { VirtualClock } from 'millrace/testing';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';

import type { Position } from '../../src/vocabulary.ts';
import { brokerContract } from '../contract/broker-contract.ts';
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

  /** Whether everything up to this one has left the stream. */
  async function beginsAfter(sequence: number): Promise<boolean> {
    return (await manager.streams.info(prefix)).state.first_seq > sequence;
  }

  beforeEach(() => {
    prefix = newPrefix();
  });
  afterEach(async () => {
    await Promise.all(brokers.splice(0).map((broker) => broker.close()));
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
    it.each([
      ['a function', () => 1],
      ['undefined', undefined],
      ['a bigint', 1n],
      ['larger than the server takes', 'x'.repeat(1_048_576)],
    ])('that are %s cannot be published', async (_, event) => {
      const broker = createBroker();
      const head = await broker.head('topic', 'key');

      await expect(broker.publish('topic', 'key', event)).rejects.toMatchObject({
        name: 'SourceError',
        code: 'EVENT_NOT_SERIALIZABLE',
      });
      await expect(broker.publishMany('topic', 'other', [1, event])).rejects.toMatchObject({
        code: 'EVENT_NOT_SERIALIZABLE',
      });
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

    it('are decoded once for all readers of a process', async () => {
      const broker = createBroker();
      const readers = await Promise.all(
        numbers(3).map(() => broker.read('topic', 'key', undefined)),
      );

      await broker.publish('topic', 'key', { a: 1 });

      const [first, ...others] = await Promise.all(readers.map((reader) => takeEvents(reader, 1)));
      for (const other of others) expect(other[0]).toBe(first?.[0]);
    });
  });

  describe('two brokers', () => {
    it('are one, as two processes would be', async () => {
      const [one, two] = [createBroker(), createBroker()];
      const readers = await Promise.all(
        [one, two].map((broker) => broker.read('topic', 'key', undefined)),
      );

      const first = await one.publish('topic', 'key', 1, { idempotencyId: 'a' });
      const again = await two.publish('topic', 'key', 1, { idempotencyId: 'a' });
      await two.publish('topic', 'key', 2);

      expect(again).toEqual(first);
      for (const reader of readers) expect(await takeEvents(reader, 2)).toEqual([1, 2]);
    });

    it('with different prefixes have nothing in common', async () => {
      const [one, two] = [createBroker(), createBroker({ prefix: `${prefix}2` })];
      const reader = await one.read('topic', 'key', undefined);

      await two.publish('topic', 'key', 2);
      await one.publish('topic', 'key', 1);

      expect(await takeEvents(reader, 1)).toEqual([1]);
    });

    it('may begin at the same moment', async () => {
      const all = numbers(8).map(() => createBroker());

      const positions = await Promise.all(all.map((broker) => broker.publish('topic', 'key', 1)));

      expect(new Set(positions.map(({ epoch }) => epoch)).size).toBe(1);
      expect(new Set(positions.map(({ offset }) => offset)).size).toBe(8);
    });

    it('each give all events in the same order, whoever published them', async () => {
      const [one, two] = [createBroker(), createBroker()];
      const readers = await Promise.all(
        [one, two, one].map((broker) => broker.read('topic', 'key', undefined)),
      );

      await Promise.all(
        numbers(200).map((n) => (n % 2 === 0 ? one : two).publish('topic', 'key', n)),
      );

      const [first, ...others] = await Promise.all(
        readers.map((reader) => takeEvents(reader, 200)),
      );
      expect(first?.toSorted((a, b) => Number(a) - Number(b))).toEqual(numbers(200));
      for (const other of others) expect(other).toEqual(first);
    });
  });

  describe('readers of one log', () => {
    it('that start at different places count the same', async () => {
      const broker = createBroker();
      const positions = await broker.publishMany('topic', 'key', numbers(10));
      const live = await broker.read('topic', 'key', undefined);
      const seventh = await broker.read('topic', 'key', positions[6]);
      const third = await broker.read('topic', 'key', positions[2]);

      const start = live.nextIndex ?? Number.NaN;
      expect([seventh, third].map(({ nextIndex = Number.NaN }) => nextIndex - start)).toEqual([
        -3, -7,
      ]);
      expect(await takeEvents(third, 7)).toEqual(numbers(7, 3));
      expect(await takeEvents(seventh, 3)).toEqual(numbers(3, 7));
      await broker.publish('topic', 'key', 10);
      for (const reader of [live, seventh, third]) {
        expect(await takeEvents(reader, 1)).toEqual([10]);
        expect(reader.nextIndex).toBe(start + 1);
      }
    });

    it('get all that NATS has, also where a process holds less of it', async () => {
      const broker = createBroker({ retention: { bytes: 10_000 } });
      const texts = numbers(200).map((n) => `${n} ${'x'.repeat(1_000)}`);
      const positions = await broker.publishMany('topic', 'key', texts);
      const places = [0, 57, 120, 121, 190, 199];

      const readers = await Promise.all(
        places.map((place) => broker.read('topic', 'key', positions[place])),
      );
      await broker.publish('topic', 'key', 'live');

      const last = readers.at(-1)?.nextIndex ?? Number.NaN;
      for (const [i, reader] of readers.entries()) {
        const place = places[i] ?? Number.NaN;
        expect(reader.complete).toBe(true);
        expect(reader.nextIndex).toBe(last - 199 + place);
        const expected = [...texts.slice(place + 1), 'live'];
        expect(await takeEvents(reader, expected.length)).toEqual(expected);
        expect(reader.nextIndex).toBe(last + 1);
      }
    });

    it('that fall behind what a process holds go on as long as NATS has it', async () => {
      const broker = createBroker({ retention: { bytes: 10_000 } });
      const slow = await broker.read('topic', 'key', undefined);
      const quick = await broker.read('topic', 'key', undefined);
      const texts = numbers(50).map((n) => `${n} ${'x'.repeat(1_000)}`);
      await broker.publishMany('topic', 'key', texts);
      expect(await takeEvents(quick, 50)).toEqual(texts);

      expect(await takeEvents(slow, 50)).toEqual(texts);
      await broker.publish('topic', 'key', 'live');
      expect(await takeEvents(slow, 1)).toEqual(['live']);
    });

    it('are told when events that they have yet to read are purged', async () => {
      const broker = createBroker({ retention: { bytes: 10_000 } });
      const texts = numbers(400).map((n) => `${n} ${'x'.repeat(5_000)}`);
      const positions = await broker.publishMany('topic', 'key', texts);
      const reader = await broker.read('topic', 'key', positions[0]);
      const batch = await reader.read();

      await manager.streams.purge(prefix, { keep: 10 });

      const { events, code } = await readToFailure(reader);
      expect(code).toBe('EVENTS_LOST');
      const seen = [...(batch ?? []).map(({ event }) => event), ...events];
      expect(seen).toEqual(texts.slice(1, 1 + seen.length));
      expect(seen.length).toBeLessThan(399);
      expect(broker.readerCount).toBe(0);
    });

    it('are refused more than is replayed at most', async () => {
      const writer = createBroker({ retention: { events: 500 } });
      const positions = await writer.publishMany('topic', 'key', numbers(300));
      const broker = createBroker({ retention: { events: 100, bytes: 10_000 } });

      const [early, late] = [
        await broker.read('topic', 'key', positions[198]),
        await broker.read('topic', 'key', positions[199]),
      ];

      expect([early.complete, late.complete]).toEqual([false, true]);
      expect(await takeEvents(late, 100)).toEqual(numbers(100, 200));
    });

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

    it('have an index that no reader of the lost log had, once it is lost', async () => {
      const broker = createBroker({ checkMs: 20 });
      const reader = await broker.read('topic', 'key', undefined);
      await broker.publishMany('topic', 'key', numbers(3));
      expect(await takeEvents(reader, 3)).toEqual(numbers(3));
      const index = reader.nextIndex ?? Number.NaN;

      await manager.streams.delete(prefix);
      expect((await readToFailure(reader)).code).toBe('EVENTS_LOST');
      const head = await broker.head('topic', 'key');
      await broker.publishMany('topic', 'key', numbers(3));
      const next = await broker.read('topic', 'key', head);

      expect(next.complete).toBe(true);
      expect(next.nextIndex).toBeGreaterThan(index);
    });
  });

  describe('busy logs', () => {
    it('reach readers who keep up, also with more at once than a log keeps', async () => {
      const broker = createBroker({ retention: { events: 2_000 } });
      const readers = await Promise.all(
        ['one', 'two'].map((key) => broker.read('topic', key, undefined)),
      );
      const taking = readers.map((reader) => takeEvents(reader, 5_000));

      // as fast as another program can, so that NATS has far more than was read
      for (const n of numbers(5_000)) {
        connection.publish(`${prefix}.topic.one`, String(n));
        connection.publish(`${prefix}.topic.two`, String(n));
        if (n % 1_000 === 999) await connection.flush();
      }

      for (const taken of taking) expect(await taken).toEqual(numbers(5_000));
    });

    it('do not cost others anything where they outrun a process', async () => {
      const broker = createBroker({ retention: { events: 10 } });
      const reader = await broker.read('topic', 'key', undefined);
      await broker.publish('topic', 'busy', 0);

      for (const n of numbers(20_000)) connection.publish(`${prefix}.topic.busy`, String(n));
      await connection.flush();
      await broker.publish('topic', 'key', 'here');

      expect(await takeEvents(reader, 1)).toEqual(['here']);
    });
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

  describe('logs in which nothing happens', () => {
    const quiet = { retention: { ageMs: 400 }, checkMs: 20 } as const;

    it('can be read from their last position after that event is gone, by any process', async () => {
      const broker = createBroker(quiet);
      const reader = await broker.read('topic', 'key', undefined);
      const [first, last] = await broker.publishMany('topic', 'key', [1, 2]);
      expect(await takeEvents(reader, 2)).toEqual([1, 2]);

      await expect.poll(() => beginsAfter(Number(last?.offset) + 1)).toBe(true);
      const positions = [first, last];
      const [early, late] = await Promise.all(
        positions.map((position) => createBroker(quiet).read('topic', 'key', position)),
      );
      await broker.publish('topic', 'key', 3);

      expect([early?.complete, late?.complete]).toEqual([false, true]);
      for (const each of [reader, early, late])
        expect(each && (await takeEvents(each, 1))).toEqual([3]);
    });

    it('can be read from where they were when nothing had ever happened', async () => {
      const broker = createBroker(quiet);
      const { head } = await broker.read('topic', 'key', undefined);

      await expect.poll(() => beginsAfter(Number(head.offset) + 1)).toBe(true);
      const resumed = await createBroker(quiet).read('topic', 'key', head);

      expect(resumed).toMatchObject({ complete: true, earliest: undefined });
    });

    it('that nobody reads can be read from a position for as long as events are kept', async () => {
      const position = await createBroker(quiet).publish('topic', 'key', 1);
      const resume = async () => {
        const reader = await createBroker(quiet).read('topic', 'key', position);
        await reader.close();
        return reader.complete;
      };

      expect(await resume()).toBe(true);
      await expect.poll(() => beginsAfter(Number(position.offset))).toBe(true);
      expect(await resume()).toBe(false);
    });
  });

  it('never replays a part, whatever is published, purged and forgotten', async () => {
    const step = fc.oneof(
      {
        weight: 6,
        arbitrary: fc.record({
          kind: fc.constant('publish' as const),
          count: fc.integer({ min: 1, max: 6 }),
        }),
      },
      {
        weight: 3,
        arbitrary: fc.record({ kind: fc.constant('resume' as const), back: fc.nat(10) }),
      },
      { weight: 2, arbitrary: fc.record({ kind: fc.constant('read' as const) }) },
      { weight: 1, arbitrary: fc.record({ kind: fc.constant('purge' as const), keep: fc.nat(4) }) },
      { weight: 1, arbitrary: fc.record({ kind: fc.constant('forget' as const) }) },
    );
    await fc.assert(
      fc.asyncProperty(
        fc.integer({ min: 1, max: 5 }),
        fc.array(step, { maxLength: 30 }),
        async (events, steps) => {
          const name = newPrefix();
          const options = { prefix: name, retention: { events }, storage: 'memory' } as const;
          const [broker, other] = [createBroker(options), createBroker(options)];
          const seen: { readonly position: Position; readonly count: number }[] = [];
          let live = await broker.read('topic', 'key', undefined);
          let [count, firstOfEpoch] = [0, 0];

          for (const action of steps) {
            if (action.kind === 'publish') {
              const positions = await other.publishMany(
                'topic',
                'key',
                numbers(action.count, count),
              );
              seen.push(...positions.map((position, i) => ({ position, count: count + i + 1 })));
              count += action.count;
            } else if (action.kind === 'purge')
              await manager.streams.purge(name, { filter: `${name}.topic.key`, keep: action.keep });
            else if (action.kind === 'forget') {
              await manager.streams.delete(name);
              firstOfEpoch = count;
              await live.close();
              live = await broker.read('topic', 'key', undefined);
            } else {
              const from = action.kind === 'read' ? undefined : seen.at(-1 - action.back);
              const expected = from?.count ?? count;
              const reader = await broker.read('topic', 'key', from?.position);
              if (reader.complete)
                expect(expected).toBeGreaterThanOrEqual(Math.min(firstOfEpoch, count));
              const wanted = reader.complete ? count - expected : 0;
              expect(await takeEvents(reader, wanted)).toEqual(numbers(wanted, expected));
              await reader.close();
            }
          }
          await broker.close();
          await other.close();
          const { events: seenLive } = await readToFailure(live);
          expect(seenLive).toEqual(seenLive.toSorted((a, b) => Number(a) - Number(b)));
          expect(broker.readerCount).toBe(0);
        },
      ),
      { numRuns: 40 },
    );
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

import { execFile } from 'node:child_process';
import { promisify } from 'node:util';

import fc from 'fast-check';
import { createRedisBroker } from 'millrace/broker/redis';
import type { RedisBroker, RedisBrokerOptions } from 'millrace/broker/redis';
import { VirtualClock } from 'millrace/testing';
import { createClient } from 'redis';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';

import type { LogReader } from '../../src/broker/types.ts';
import type { Position } from '../../src/vocabulary.ts';
import { brokerContract } from '../contract/broker-contract.ts';
import { readToFailure, takeEntries, takeEvents } from '../support/log-readers.ts';
import { shareRedis } from '../support/redis-server.ts';
import type { RedisShare } from '../support/redis-server.ts';

const run = promisify(execFile);

let redis: RedisShare;

beforeAll(async () => {
  redis = await shareRedis();
});
afterAll(async () => {
  await redis.close();
});

const connect = () => createClient({ url: redis.url }).connect();

const newPrefix = () => `${redis.prefix}:${crypto.randomUUID()}`;

const numbers = (count: number, first = 0) => Array.from({ length: count }, (_, i) => first + i);

brokerContract('redis', async ({ retainedEvents }) =>
  createRedisBroker({
    url: redis.url,
    prefix: newPrefix(),
    retention: retainedEvents === undefined ? {} : { events: retainedEvents },
  }),
);

describe('redis broker', () => {
  let prefix: string;
  let client: Awaited<ReturnType<typeof connect>>;
  const brokers: RedisBroker[] = [];

  function createBroker(options: RedisBrokerOptions = {}): RedisBroker {
    const broker = createRedisBroker({ url: redis.url, prefix, ...options });
    brokers.push(broker);
    return broker;
  }

  beforeEach(async () => {
    prefix = newPrefix();
    client = await connect();
  });
  afterEach(async () => {
    await Promise.all(brokers.splice(0).map((broker) => broker.close()));
    await client.close();
  });

  describe('what is stored', () => {
    it('is an entry with the event as JSON, the epoch, and the id of the publication if it has one', async () => {
      const broker = createBroker();

      const position = await broker.publish('topic', 'key', { a: 1 });
      await broker.publish('topic', 'key', { a: 2 }, { idempotencyId: 'x' });

      const { epoch } = position;
      expect(await client.xRange(`${prefix}:topic:key`, '-', '+')).toEqual([
        { id: position.offset, message: { event: '{"a":1}', epoch } },
        { id: expect.any(String), message: { event: '{"a":2}', epoch, id: 'x' } },
      ]);
      expect(await client.get(`${prefix}:topic:key:epoch`)).toBe(epoch);
    });

    it.each([
      ['orders', 'a:b', 'orders:a%3Ab'],
      ['50%', '', '50%25:'],
      ['', '\uD800', ':%uD800'],
    ])('has the name of topic %j and key %j', async (topic, key, name) => {
      const broker = createBroker();

      await broker.publish(topic, key, 1);

      expect(await client.exists(`${prefix}:${name}`)).toBe(1);
    });

    it('leaves Redis when nobody has used it for long', async () => {
      const broker = createBroker({ retention: { ageMs: 1_000, idleMs: 5_000 } });

      await broker.publish('topic', 'key', 1, { idempotencyId: 'x' });

      const lives = await Promise.all(
        ['', ':epoch', ':id:x'].map((suffix) => client.pTTL(`${prefix}:topic:key${suffix}`)),
      );
      expect(lives.map((life) => Math.ceil(life / 1_000))).toEqual([5, 5, 1]);
    });

    it('adds the event of a known id again when the log does not hold it any more', async () => {
      const broker = createBroker();
      const first = await broker.publish('topic', 'key', 1, { idempotencyId: 'x' });
      await client.xTrim(`${prefix}:topic:key`, 'MAXLEN', 0);

      const second = await broker.publish('topic', 'key', 1, { idempotencyId: 'x' });
      const third = await broker.publish('topic', 'key', 1, { idempotencyId: 'x' });

      expect(second).not.toEqual(first);
      expect(third).toEqual(second);
    });

    it('is trimmed by count, to what is kept and not much more', async () => {
      const broker = createBroker({ retention: { events: 100 } });

      await broker.publishMany('topic', 'key', numbers(1_000));

      const length = await client.xLen(`${prefix}:topic:key`);
      expect(length).toBeGreaterThanOrEqual(100);
      // Redis removes by the hundred
      expect(length).toBeLessThanOrEqual(201);
    });

    it('is trimmed by age', async () => {
      const broker = createBroker({ retention: { ageMs: 60_000 } });
      const stream = `${prefix}:topic:key`;
      for (let i = 1; i <= 250; i++) await client.xAdd(stream, `1-${i}`, { event: '"old"' });

      await broker.publish('topic', 'key', 'new');

      expect(await client.xLen(stream)).toBeLessThanOrEqual(100);
    });
  });

  describe('events of other programs', () => {
    it('are read if they are XADDed with a field `event`', async () => {
      const reader = await createBroker().read('topic', 'key', undefined);

      const id = await client.xAdd(`${prefix}:topic:key`, '*', { event: '{"a":1}' });

      expect(await takeEntries(reader, 1)).toMatchObject([
        {
          event: { a: 1 },
          position: { epoch: reader.epoch, offset: id },
          publishedAt: Number(id.split('-')[0]),
        },
      ]);
    });

    it('may come from redis-cli, before anybody used the log', async () => {
      const { port } = new URL(redis.url);
      const name = `${prefix}:topic:key`;
      await run('redis-cli', ['-p', port, 'XADD', name, '*', 'event', '{"a":1}']);
      const broker = createBroker();

      const reader = await broker.read('topic', 'key', undefined);
      await run('redis-cli', ['-p', port, 'XADD', name, '*', 'event', '{"a":2}']);

      expect(await takeEvents(reader, 1)).toEqual([{ a: 2 }]);
    });

    it.each([
      ['JSON that ends too early', { event: '{' }],
      ['no event', { other: '1' }],
    ])('are reported and left out where there is %s', async (_, message) => {
      const reports: unknown[] = [];
      const broker = createBroker({ onInvalidEntry: (error) => reports.push(error) });
      const reader = await broker.read('topic', 'key', undefined);

      const id = await client.xAdd(`${prefix}:topic:key`, '*', message);
      await broker.publish('topic', 'key', 'next');

      expect(await takeEvents(reader, 1)).toEqual(['next']);
      expect(reports).toMatchObject([
        { code: 'SOURCE_FAILED', message: `entry ${id} of ${prefix}:topic:key is no event` },
      ]);
    });

    it('do not disturb other logs where a key is no stream', async () => {
      const broker = createBroker();
      const reader = await broker.read('topic', 'key', undefined);
      const other = await broker.read('topic', 'other', undefined);

      await client.set(`${prefix}:topic:key`, 'no stream');
      await broker.publish('topic', 'other', 0);
      expect(await takeEvents(other, 1)).toEqual([0]);

      expect((await readToFailure(reader)).code).toBe('EVENTS_LOST');
      await expect(broker.read('topic', 'key', undefined)).rejects.toMatchObject({
        code: 'BROKER_UNAVAILABLE',
      });
      await broker.publish('topic', 'other', 1);
      expect(await takeEvents(other, 1)).toEqual([1]);
    });
  });

  describe('events', () => {
    it.each([
      ['a function', () => 1],
      ['undefined', undefined],
      ['a bigint', 1n],
    ])('that are %s cannot be published', async (_, event) => {
      const broker = createBroker();

      await expect(broker.publish('topic', 'key', event)).rejects.toMatchObject({
        name: 'SourceError',
        code: 'EVENT_NOT_SERIALIZABLE',
      });
      await expect(broker.publishMany('topic', 'key', [1, event])).rejects.toMatchObject({
        code: 'EVENT_NOT_SERIALIZABLE',
      });
      expect((await broker.head('topic', 'key')).offset).toBe('0-0');
    });

    it('may be stored as bytes', async () => {
      const codec = {
        encode: (event: unknown) => new Uint8Array([0xff, Number(event)]),
        decode: (stored: Uint8Array) => stored.at(1),
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
      const resumed = await two.read('topic', 'key', first);
      expect(await takeEvents(resumed, 1)).toEqual([2]);
    });

    it('with different prefixes have nothing in common', async () => {
      const [one, two] = [createBroker(), createBroker({ prefix: `${prefix}2` })];
      const reader = await one.read('topic', 'key', undefined);

      await two.publish('topic', 'key', 2);
      await one.publish('topic', 'key', 1);

      expect(await takeEvents(reader, 1)).toEqual([1]);
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

    it('go on while one that starts earlier makes the tail longer', async () => {
      const broker = createBroker();
      const positions = await broker.publishMany('topic', 'key', numbers(5));
      const live = await broker.read('topic', 'key', undefined);
      const pending = live.read();

      const early = await broker.read('topic', 'key', positions[0]);
      await broker.publish('topic', 'key', 5);

      expect((await pending)?.map(({ event }) => event)).toEqual([5]);
      expect(await takeEvents(early, 5)).toEqual(numbers(5, 1));
    });

    it('may become one, with consumers who leave one by one', async () => {
      const broker = createBroker();
      const one = await broker.read('topic', 'key', undefined);
      const two = await broker.read('topic', 'key', undefined);

      one.adopt?.(two);
      expect(broker.readerCount).toBe(2);
      one.removeConsumer?.();
      expect(broker.readerCount).toBe(1);
      await two.close();
      await broker.publish('topic', 'key', 1);

      expect(await takeEvents(one, 1)).toEqual([1]);
      await one.close();
      expect(broker.readerCount).toBe(0);
    });

    it('may come back by the hundreds, and what they missed is read once', async () => {
      const broker = createBroker();
      const positions = await broker.publishMany('topic', 'key', numbers(100));

      const readers = await Promise.all(
        numbers(300).map((i) => broker.read('topic', 'key', positions[i % 100])),
      );

      const events = await Promise.all(
        readers.map((reader, i) => takeEvents(reader, i % 100 === 99 ? 0 : 99 - (i % 100))),
      );
      expect(events).toEqual(readers.map((_, i) => numbers(99 - (i % 100), (i % 100) + 1)));
    });

    it('get all that Redis has, also where a process holds less of it', async () => {
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

    it('that fall behind what a process holds go on as long as Redis has it', async () => {
      const broker = createBroker({ retention: { bytes: 10_000 } });
      const slow = await broker.read('topic', 'key', undefined);
      const quick = await broker.read('topic', 'key', undefined);
      const texts = numbers(50).map((n) => `${n} ${'x'.repeat(1_000)}`);
      await broker.publishMany('topic', 'key', texts);
      expect(await takeEvents(quick, 50)).toEqual(texts);

      expect(await takeEvents(slow, 50)).toEqual(texts);
      await broker.publish('topic', 'key', 'live');
      expect(await takeEvents(slow, 1)).toEqual(['live']);

      await quick.close();
      expect(slow.nextIndex).toBe(quick.nextIndex === undefined ? -1 : quick.nextIndex + 1);
    });

    it('that fell behind what Redis keeps go on where they were if it is still there', async () => {
      const broker = createBroker({ retention: { events: 20 } });
      const patient = createBroker();
      const slow = await broker.read('topic', 'key', undefined);
      const quick = await broker.read('topic', 'key', undefined);
      const positions = await patient.publishMany('topic', 'key', numbers(30));
      expect(await takeEvents(quick, 30)).toEqual(numbers(30));

      expect(await readToFailure(slow)).toEqual({ events: [], code: 'EVENTS_LOST' });
      const again = await broker.read('topic', 'key', positions[9]);

      expect(again.complete).toBe(true);
      expect(await takeEvents(again, 20)).toEqual(numbers(20, 10));
    });

    it('are told when Redis removes what they have yet to read of it', async () => {
      const broker = createBroker({ retention: { bytes: 10_000 } });
      const texts = numbers(400).map((n) => `${n} ${'x'.repeat(5_000)}`);
      const positions = await broker.publishMany('topic', 'key', texts);
      const reader = await broker.read('topic', 'key', positions[0]);
      const batch = await reader.read();

      await client.xTrim(`${prefix}:topic:key`, 'MAXLEN', 10);

      const { events, code } = await readToFailure(reader);
      expect(code).toBe('EVENTS_LOST');
      const seen = [...(batch ?? []).map(({ event }) => event), ...events];
      expect(seen).toEqual(texts.slice(1, 1 + seen.length));
      expect(seen.length).toBeLessThan(399);
      expect(broker.readerCount).toBe(0);
    });

    it('end with what they were reading when they or their broker are closed', async () => {
      const broker = createBroker({ retention: { bytes: 10_000 } });
      const texts = numbers(300).map((n) => `${n} ${'x'.repeat(1_000)}`);
      const [first] = await broker.publishMany('topic', 'key', texts);
      const [one, two] = await Promise.all([1, 2].map(() => broker.read('topic', 'key', first)));

      const pending = one?.read();
      await one?.close();
      expect(await pending).toBeUndefined();
      expect(broker.readerCount).toBe(1);
      await broker.close();

      expect((await readToFailure(two as LogReader)).code).toBeUndefined(); // there are two
      expect(broker.readerCount).toBe(0);
    });

    it('are refused more than is replayed at most', async () => {
      const writer = createBroker({ retention: { events: 500 } });
      const broker = createBroker({ retention: { events: 100, bytes: 10_000 } });
      const positions = await writer.publishMany('topic', 'key', numbers(300));

      const [early, late] = [
        await broker.read('topic', 'key', positions[198]),
        await broker.read('topic', 'key', positions[199]),
      ];

      expect([early.complete, late.complete]).toEqual([false, true]);
      expect(await takeEvents(late, 100)).toEqual(numbers(100, 200));
    });

    it('have an index that no reader of the lost log had, once it is lost', async () => {
      const broker = createBroker({ checkMs: 20 });
      const reader = await broker.read('topic', 'key', undefined);
      await broker.publishMany('topic', 'key', numbers(3));
      expect(await takeEvents(reader, 3)).toEqual(numbers(3));
      const index = reader.nextIndex ?? Number.NaN;

      await client.del(`${prefix}:topic:key`);
      expect((await readToFailure(reader)).code).toBe('EVENTS_LOST');
      const head = await broker.head('topic', 'key');
      await broker.publishMany('topic', 'key', numbers(3));
      const next = await broker.read('topic', 'key', head);

      expect(next.complete).toBe(true);
      expect(next.nextIndex).toBeGreaterThan(index);
    });
  });

  describe('checks', () => {
    it('are made every thirty seconds, and by nobody once all have left', async () => {
      const clock = new VirtualClock();
      // the time of Redis is real, so nothing else may be in a hurry
      const broker = createBroker({ clock, timeoutMs: 1_000_000 });
      const reader = await broker.read('topic', 'key', undefined);
      await client.del(`${prefix}:topic:key:epoch`);

      await clock.advance(29_999);
      expect(await client.exists(`${prefix}:topic:key:epoch`)).toBe(0);
      await clock.advance(1);

      expect((await readToFailure(reader)).code).toBe('EVENTS_LOST');
      await reader.close();
      await broker.close();
      expect(clock.timerCount).toBe(0);
    });

    it('find a gap that was passed unnoticed', async () => {
      const broker = createBroker({ checkMs: 20 });
      const reader = await broker.read('topic', 'key', undefined);
      const stream = `${prefix}:topic:key`;

      await client
        .multi()
        .xAdd(stream, '*', { event: '1' })
        .xAdd(stream, '*', { event: '2' })
        .xTrim(stream, 'MAXLEN', 1)
        .exec();

      expect(await readToFailure(reader)).toEqual({ events: [2], code: 'EVENTS_LOST' });
    });

    it('begin a new epoch where a publication is gone from between others', async () => {
      const broker = createBroker({ checkMs: 20 });
      const stream = `${prefix}:topic:key`;
      const { epoch } = await broker.publish('topic', 'key', 1);
      const { offset } = await broker.publish('topic', 'key', 2);

      await client.multi().xDel(stream, offset).xAdd(stream, '*', { event: '3' }).exec();

      await expect
        .poll(async () => (await broker.head('topic', 'key')).epoch, { interval: 5 })
        .not.toBe(epoch);
    });

    it('keep alive what is read', async () => {
      const broker = createBroker({ checkMs: 20, retention: { ageMs: 1_000, idleMs: 2_000 } });
      await broker.read('topic', 'key', undefined);
      await client.pExpire(`${prefix}:topic:key`, 1_000);

      await expect
        .poll(() => client.pTTL(`${prefix}:topic:key`), { interval: 5 })
        .toBeGreaterThan(1_500);
    });
  });

  it('never replays a part, whatever is published, trimmed and forgotten', async () => {
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
      { weight: 1, arbitrary: fc.record({ kind: fc.constant('trim' as const), to: fc.nat(4) }) },
      { weight: 1, arbitrary: fc.record({ kind: fc.constant('forget' as const) }) },
    );
    await fc.assert(
      fc.asyncProperty(
        fc.integer({ min: 1, max: 5 }),
        fc.array(step, { maxLength: 30 }),
        async (events, steps) => {
          const key = crypto.randomUUID();
          const stream = `${prefix}:topic:${key}`;
          const [broker, other] = [
            createBroker({ retention: { events } }),
            createBroker({ retention: { events } }),
          ];
          const seen: { readonly position: Position; readonly count: number }[] = [];
          let live = await broker.read('topic', key, undefined);
          let [count, firstOfEpoch] = [0, 0];

          for (const action of steps) {
            if (action.kind === 'publish') {
              const positions = await other.publishMany('topic', key, numbers(action.count, count));
              seen.push(...positions.map((position, i) => ({ position, count: count + i + 1 })));
              count += action.count;
            } else if (action.kind === 'trim') await client.xTrim(stream, 'MAXLEN', action.to);
            else if (action.kind === 'forget') {
              await client.del(stream);
              firstOfEpoch = count;
              await live.close();
              live = await broker.read('topic', key, undefined);
            } else {
              const from = action.kind === 'read' ? undefined : seen.at(-1 - action.back);
              const expected = from?.count ?? count;
              const reader = await broker.read('topic', key, from?.position);
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
      { numRuns: 60 },
    );
  });

  describe('options', () => {
    it('may be a client, which is left alone', async () => {
      const broker = createRedisBroker({ client, prefix });
      brokers.push(broker);
      const reader = await broker.read('topic', 'key', undefined);

      await broker.publish('topic', 'key', 1);
      expect(await takeEvents(reader, 1)).toEqual([1]);
      await broker.close();

      expect(await client.ping()).toBe('PONG');
    });

    it.each([
      ['neither `url` nor `client`', { url: undefined }],
      ['no events at all', { retention: { events: 0 } }],
      ['a part of a millisecond', { retention: { ageMs: 0.5 } }],
    ])('with %s are refused', (_, options) => {
      expect(() => createBroker(options as RedisBrokerOptions)).toThrow(
        expect.objectContaining({ name: 'UsageError' }),
      );
    });
  });
});

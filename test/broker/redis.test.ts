import { execFile } from 'node:child_process';
import { promisify } from 'node:util';

import { createRedisBroker } from 'millrace/broker/redis';
import type { RedisBroker, RedisBrokerOptions } from 'millrace/broker/redis';
import { VirtualClock } from 'millrace/testing';
import { createClient } from 'redis';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';

import { brokerContract } from '../contract/broker-contract.ts';
import { brokerRemovalsContract } from '../contract/broker-removals-contract.ts';
import { remoteBrokerContract } from '../contract/remote-broker-contract.ts';
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

  remoteBrokerContract({
    storage: 'Redis',
    createBroker,
    places: 'prefixes',
    createStranger: () => createBroker({ prefix: `${prefix}2` }),
  });

  brokerRemovalsContract({
    createLog: () => {
      const key = crypto.randomUUID();
      const stream = `${prefix}:topic:${key}`;
      return {
        topic: 'topic',
        key,
        createBroker,
        trim: (count) => client.xTrim(stream, 'MAXLEN', count),
        forget: () => client.del(stream),
      };
    },
    runs: 60,
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
  });

  describe('readers of one log', () => {
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
      // late enough for the event behind the gap to be read before
      const broker = createBroker({ checkMs: 500 });
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

import * as theirs from 'graphql-redis-subscriptions';
import * as ours from 'millrace/migrate/graphql-redis-subscriptions';
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';

import { RedisServer } from '../../support/redis-server.ts';
import { Inbox } from '../../support/waiting.ts';

let redis: RedisServer;

beforeAll(async () => {
  redis = await RedisServer.start('nothing');
});
afterAll(async () => {
  await redis.close();
});

const newTrigger = () => `trigger-${crypto.randomUUID()}`;

function fail(): never {
  throw new Error('no');
}

function wrap(source: unknown): string {
  return typeof source === 'string' ? `<${source}>` : JSON.stringify({ wrapped: source });
}

type RedisPubSub = typeof theirs.RedisPubSub;

describe.each<[string, RedisPubSub]>([
  ['graphql-redis-subscriptions', theirs.RedisPubSub],
  [
    'millrace/migrate/graphql-redis-subscriptions',
    ours.RedisPubSub as unknown as RedisPubSub, // the same by one import
  ],
])('a program that imports %s', (_, Imported) => {
  function create(options: theirs.PubSubRedisOptions = {}) {
    const pubsub = new Imported({
      connection: { host: '127.0.0.1', port: redis.port },
      ...options,
    });
    onTestFinished(async () => {
      await pubsub.close();
    });
    return pubsub;
  }

  /** What a listener hears of payloads. */
  async function hear(payloads: readonly unknown[], options: theirs.PubSubRedisOptions = {}) {
    const pubsub = create(options);
    const trigger = newTrigger();
    const heard = new Inbox<unknown>('a payload');
    await pubsub.subscribe(trigger, heard.push);
    for (const payload of payloads) await pubsub.publish(trigger, payload);
    return heard.take(payloads.length);
  }

  it('hears of payloads what JSON leaves of them', async () => {
    const at = new Date(0);
    expect(
      await hear([{ at, nothing: undefined, list: [undefined, at] }, at, null, 0, '', 'text', [1]]),
    ).toStrictEqual([
      { at: at.toISOString(), list: [null, at.toISOString()] },
      at.toISOString(),
      null,
      0,
      '',
      'text',
      [1],
    ]);
  });

  it('hears of a payload that is undefined as of an empty text', async () => {
    expect(await hear([undefined, { n: 1 }])).toStrictEqual(['', { n: 1 }]);
  });

  it('revives at every depth, bottom up, and leaves out what becomes undefined', async () => {
    const keys: string[] = [];
    const reviver = (key: string, value: unknown) => {
      keys.push(key);
      return key === 'secret' ? undefined : key === 'at' ? new Date(String(value)) : value;
    };
    const at = new Date(1_000);
    expect(await hear([{ in: { at, secret: 1 } }], { reviver })).toStrictEqual([{ in: { at } }]);
    expect(keys).toEqual(['at', 'secret', 'in', '']);
  });

  it('hears a text that a reviver throws for as it is', async () => {
    expect(await hear([{ n: 1 }], { reviver: fail })).toEqual(['{"n":1}']);
  });

  it('parses what its serializer wrote, as far as that is JSON', async () => {
    expect(await hear(['text', 1], { serializer: wrap })).toEqual(['<text>', { wrapped: 1 }]);
  });

  it('gives a deserializer the bytes and the channel, once for each payload', async () => {
    const given: unknown[] = [];
    const deserializer = (source: Buffer | string, context: { readonly pattern?: string }) => {
      given.push([Buffer.isBuffer(source), Object.keys(context), context.pattern]);
      if (String(source) === '2') throw new Error('no');
      return Number(source) * 10;
    };
    expect(await hear([1, 2], { deserializer })).toEqual([10, '2']);
    expect(given).toEqual([
      [true, ['pattern', 'channel'], undefined],
      [true, ['pattern', 'channel'], undefined],
    ]);
  });

  it('rejects what cannot be written', async () => {
    const pubsub = create();
    const circle: { self?: object } = {};
    circle.self = circle;
    await expect(pubsub.publish(newTrigger(), circle)).rejects.toThrow();
    await expect(pubsub.publish(newTrigger(), 1n)).rejects.toThrow();
  });

  it('refuses a reviver beside a deserializer', () => {
    expect(() => new Imported({ reviver: () => 1, deserializer: () => 1 })).toThrow();
  });

  it('hears of several triggers, and of none of them once it has left', async () => {
    const options = { path: 'x' };
    const transformed: unknown[] = [];
    const pubsub = create({
      triggerTransform: (trigger, given) => {
        transformed.push([trigger, given]);
        return `${String(trigger)}.x`;
      },
    });
    const triggers = [newTrigger(), newTrigger()];
    const payloads = pubsub.asyncIterator<unknown>(triggers, options);
    const first = payloads.next();
    const heard = new Inbox<unknown>('a payload');
    for (const trigger of triggers) await pubsub.subscribe(trigger, heard.push, options);
    for (const [n, trigger] of triggers.entries()) await pubsub.publish(`${trigger}.x`, { n });
    expect([await first, await payloads.next()]).toEqual(
      expect.arrayContaining([
        { done: false, value: { n: 0 } },
        { done: false, value: { n: 1 } },
      ]),
    );
    await heard.take(2);
    const pending = payloads.next();
    await payloads.return();
    expect(await pending).toEqual({ done: true, value: undefined });
    expect(await payloads.next()).toEqual({ done: true, value: undefined });
    expect(transformed.slice(0, 2)).toEqual(triggers.map((trigger) => [trigger, options]));
  });

  it('is thrown out of an iterator', async () => {
    const payloads = create().asyncIterableIterator(newTrigger());
    await expect(payloads.throw(new Error('out'))).rejects.toThrow('out');
    expect(await payloads.next()).toEqual({ done: true, value: undefined });
  });

  it.each<[string, (port: number) => string]>([
    ['a URL', (port) => `redis://127.0.0.1:${port}`],
    ['a URL with a database', (port) => `redis://127.0.0.1:${port}/1`],
    ['a host and a port', (port) => `127.0.0.1:${port}`],
    ['a port', (port) => `${port}`],
    ['a URL without a scheme', (port) => `//127.0.0.1:${port}`],
  ])('connects to %s', async (__, connection) => {
    expect(await hear([1], { connection: connection(redis.port) })).toEqual([1]);
  });

  it('publishes nothing more once it is closed', async () => {
    const pubsub = new Imported({ connection: { host: '127.0.0.1', port: redis.port } });
    await pubsub.publish(newTrigger(), 1);
    await pubsub.close();
    await expect(pubsub.publish(newTrigger(), 1)).rejects.toThrow();
  });
});

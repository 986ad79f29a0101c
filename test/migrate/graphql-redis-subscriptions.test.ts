import { createMemoryBroker } from 'millrace/broker/memory';
import { createRedisBroker } from 'millrace/broker/redis';
import { RedisPubSub, UnsupportedOptionError } from 'millrace/migrate/graphql-redis-subscriptions';
import type { PubSubRedisOptions } from 'millrace/migrate/graphql-redis-subscriptions';
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';

import { toRedisUrl } from '../../src/migrate/pubsub/redis-connection.ts';
import { RedisServer } from '../support/redis-server.ts';
import { Inbox, until } from '../support/waiting.ts';

let redis: RedisServer;

beforeAll(async () => {
  redis = await RedisServer.start('nothing');
});
afterAll(async () => {
  await redis.close();
});

function createPubSub(options: PubSubRedisOptions = {}): RedisPubSub {
  const pubsub = new RedisPubSub({ connection: { port: redis.port }, ...options });
  onTestFinished(() => pubsub.close());
  return pubsub;
}

const newTrigger = () => `trigger-${crypto.randomUUID()}`;

describe('RedisPubSub', () => {
  it('publishes to other processes, and subscribes until it is told otherwise', async () => {
    const trigger = newTrigger();
    const [one, other] = [createPubSub(), createPubSub({ connection: redis.url })];
    const heard = new Inbox<unknown>('a payload');
    const id = await one.subscribe(trigger, heard.push);
    const reader = await one.asyncIterator<object>(trigger).open();

    await other.publish(trigger, { n: 1 });
    expect(await heard.next()).toEqual({ n: 1 });
    one.unsubscribe(id);
    await other.publish(trigger, { n: 2 });
    expect([await reader.read(), await reader.read()]).toMatchObject([
      { event: { n: 1 } },
      { event: { n: 2 } },
    ]);
    expect(heard.rest).toEqual([]);
    await reader.close();
  });

  it('changes names as triggerTransform says, where they are subscribed to', async () => {
    const trigger = newTrigger();
    const pubsub = createPubSub({
      triggerTransform: (name, options) =>
        [name, ...((options as { readonly path?: readonly string[] }).path ?? [])].join('.'),
    });
    const heard = new Inbox<unknown>('a payload');
    await pubsub.subscribe(trigger, heard.push, { path: ['a', 'b'] });
    await pubsub.publish(trigger, 'not this');
    await pubsub.publish(`${trigger}.a.b`, 'this');
    expect(await heard.next()).toBe('this');
  });

  it('reads JSON with a reviver, and leaves alone what is no JSON', async () => {
    const trigger = newTrigger();
    const pubsub = createPubSub({
      serializer: (payload: unknown) => (payload === 'raw' ? '{not json' : JSON.stringify(payload)),
      reviver: (key: string, value: unknown) => (key === 'at' ? new Date(String(value)) : value),
    });
    const heard = new Inbox<unknown>('a payload');
    await pubsub.subscribe(trigger, heard.push);
    await pubsub.publish(trigger, { at: new Date(0) });
    await pubsub.publish(trigger, 'raw');
    expect(await heard.take(2)).toEqual([{ at: new Date(0) }, '{not json']);
  });

  it('gives a deserializer the bytes and the channel, of several triggers each its own', async () => {
    const [a, b] = [newTrigger(), newTrigger()];
    const pubsub = createPubSub({
      serializer: (payload: Uint8Array) => payload,
      deserializer: (stored, { channel }) => {
        if (stored.length === 0) throw new Error('nothing there');
        return { channel, bytes: [...stored] };
      },
    });
    const heard = new Inbox<unknown>('a payload');
    await pubsub.subscribe(a, heard.push);
    const reader = await pubsub.asyncIterableIterator([a, b]).open();
    await pubsub.publish(a, new Uint8Array([1, 255]));
    expect(await heard.next()).toEqual({ channel: a, bytes: [1, 255] });
    expect(await reader.read()).toMatchObject({ event: { channel: a, bytes: [1, 255] } });
    await pubsub.publish(b, new Uint8Array([2]));
    expect(await reader.read()).toMatchObject({ event: { channel: b, bytes: [2] } });
    await pubsub.publish(a, new Uint8Array());
    expect(await heard.next()).toBe('');
    await reader.close();
  });

  it('shares what a deserializer reads', () => {
    const pubsub = createPubSub({ deserializer: (stored) => stored });
    const [one, other] = ['a', 'a'].map((trigger) => pubsub.asyncIterator(trigger));
    expect((one as unknown as { identity: object }).identity).toEqual(
      (other as unknown as { identity: object }).identity,
    );
    expect((one as unknown as { identity: { maps: unknown[] } }).identity.maps).toHaveLength(2);
  });

  it('tells its listener when Redis can be reached, and when it cannot', async () => {
    const own = await RedisServer.start('nothing');
    const told: unknown[] = [];
    createPubSub({
      connection: own.url,
      connectionListener: (...args) => {
        told.push(args);
      },
    });
    await until(() => told.length === 1, 'the connection');
    expect(told).toEqual([[]]);
    await own.close();
    await until(() => told.length === 2, 'its loss');
    expect(told[1]).toEqual([expect.any(Error)]);
  });

  it('reports that Redis cannot be reached where nobody listens', async () => {
    const told: unknown[] = [];
    createPubSub({ connection: 'redis://127.0.0.1:1', onError: (error) => told.push(error) });
    await until(() => told.length > 0, 'a report');
    expect(told[0]).toBeInstanceOf(Error);
  });

  it('takes a broker in place of a connection, and leaves it open', async () => {
    const broker = createRedisBroker({ url: redis.url });
    const pubsub = new RedisPubSub({ broker });
    await pubsub.close();
    await expect(broker.publish(newTrigger(), '', 1)).resolves.toBeDefined();
    await broker.close();
  });
});

describe('what Millrace has nothing for', () => {
  const unused = { on: () => {} };

  it.each([
    ['publisher', { publisher: unused, subscriber: unused }, 'createRedisBroker({ client })'],
    ['subscriber', { subscriber: unused }, 'createRedisBroker({ client })'],
    ['messageEventName', { messageEventName: 'messageBuffer' }, 'deserializer'],
    ['pmessageEventName', { pmessageEventName: 'pmessageBuffer' }, 'deserializer'],
    ['reviver', { reviver: () => 1, deserializer: () => 1 }, 'deserializer'],
    ['connection.retryStrategy', { connection: { retryStrategy: () => 1 } }, 'createRedisBroker'],
    ['serializer', { broker: createMemoryBroker(), serializer: String }, 'has its own settings'],
  ])('is refused by name with a remedy: %s', (option, options, remedy) => {
    // types do not reach everywhere
    const create = () => new RedisPubSub(options as PubSubRedisOptions);
    expect(create).toThrow(UnsupportedOptionError);
    expect(create).toThrow(
      expect.objectContaining({ option, remedy: expect.stringContaining(remedy) }),
    );
  });

  it('includes patterns, bytes without a serializer, and clients', async () => {
    const pubsub = createPubSub();
    const pattern = { pattern: true };
    expect(() => pubsub.asyncIterator('a.*', pattern)).toThrow('choose with withFilter');
    expect(() => pubsub.subscribe('a.*', () => {}, pattern)).toThrow('choose with withFilter');
    expect(() => pubsub.getPublisher()).toThrow('getPublisher()');
    expect(() => pubsub.getSubscriber()).toThrow('getSubscriber()');
    await expect(pubsub.publish('a', Buffer.from('bytes'))).rejects.toThrow('give a `serializer`');
  });
});

describe('the URL of a connection', () => {
  it.each([
    [undefined, 'redis://127.0.0.1:6379/0'],
    ['redis://elsewhere', 'redis://elsewhere'],
    ['rediss://elsewhere/1', 'rediss://elsewhere/1'],
    ['//elsewhere:1', 'redis://elsewhere:1'],
    ['elsewhere:1', 'redis://elsewhere:1'],
    ['1', 'redis://127.0.0.1:1'],
    [{ host: 'db', port: 1, db: 2 }, 'redis://db:1/2'],
    [{ host: '::1', username: 'a b', password: 'c/d' }, 'redis://a%20b:c%2Fd@[::1]:6379/0'],
    [{ password: 'p' }, 'redis://:p@127.0.0.1:6379/0'],
    [{ username: 'u' }, 'redis://u@127.0.0.1:6379/0'],
  ])('of %j is %s', (connection, url) => {
    expect(toRedisUrl(connection)).toBe(url);
  });

  it('cannot be that of a socket in the file system', () => {
    expect(() => toRedisUrl('/run/redis.sock')).toThrow(UnsupportedOptionError);
  });
});

import * as theirs from 'graphql-redis-subscriptions';
import { withFilter } from 'graphql-subscriptions';
import * as ours from 'millrace/migrate/graphql-redis-subscriptions';
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';

import { RedisServer } from '../../support/redis-server.ts';
import { Inbox, until } from '../../support/waiting.ts';

let redis: RedisServer;

beforeAll(async () => {
  redis = await RedisServer.start('nothing');
});
afterAll(async () => {
  await redis.close();
});

const newTrigger = () => `trigger-${crypto.randomUUID()}`;

type RedisPubSub = typeof theirs.RedisPubSub;

/** Publishes until the iterator has begun to listen, and says what it heard first. */
async function firstOf(pending: Promise<IteratorResult<unknown>>, publish: () => Promise<unknown>) {
  let first: IteratorResult<unknown> | undefined;
  void pending.then((result) => (first = result));
  const published: Promise<unknown>[] = [];
  await until(() => {
    if (first === undefined && published.length < 50) published.push(publish());
    return first !== undefined;
  }, 'a payload');
  // those that are on their way would find it closed
  await Promise.all(published);
  return first?.value as unknown;
}

describe.each<[string, RedisPubSub, typeof withFilter]>([
  ['graphql-redis-subscriptions', theirs.RedisPubSub, withFilter],
  [
    'millrace/migrate/graphql-redis-subscriptions',
    ours.RedisPubSub as unknown as RedisPubSub, // the same by one import
    ours.withFilter,
  ],
])('a program that imports %s', (_, Imported, filter) => {
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

  it('iterates over a trigger whose name has an argument in it', async () => {
    const pubsub = create();
    const trigger = newTrigger();
    const payloads = pubsub.asyncIterator<object>(`${trigger}.7`);
    const payload = { somethingChanged: { id: '7' } };
    const heard = await firstOf(payloads.next(), () => pubsub.publish(`${trigger}.7`, payload));
    expect(heard).toEqual(payload);
    expect(await payloads.return()).toEqual({ done: true, value: undefined });
  });

  it('filters', async () => {
    const pubsub = create();
    const trigger = newTrigger();
    const subscribe = filter(
      (__, args) => pubsub.asyncIterator(`${trigger}.${args.relevantId}`),
      (payload, args) => payload.somethingChanged.id === args.relevantId,
    );
    const payloads = await subscribe(undefined, { relevantId: '1' });
    const heard = await firstOf(payloads.next(), async () => {
      await pubsub.publish(`${trigger}.1`, { somethingChanged: { id: '2' } });
      await pubsub.publish(`${trigger}.1`, { somethingChanged: { id: '1' } });
    });
    expect(heard).toEqual({ somethingChanged: { id: '1' } });
    await payloads.return?.();
  });

  it('reads dates with a reviver', async () => {
    const pubsub = create({
      reviver: (key, value) => (key === 'validTime' ? new Date(value) : value),
    });
    const trigger = newTrigger();
    const heard = new Inbox<unknown>('a payload');
    await pubsub.subscribe(trigger, heard.push);
    await pubsub.publish(trigger, { validTime: new Date(0), invalidTime: 'never' });
    expect(await heard.next()).toEqual({ validTime: new Date(0), invalidTime: 'never' });
  });

  it('writes and reads by functions of its own', async () => {
    const channels: unknown[] = [];
    const pubsub = create({
      serializer: (source) => `<${String(source)}>`,
      deserializer: (source, { channel }) => {
        channels.push(channel);
        return String(source).slice(1, -1);
      },
    });
    const trigger = newTrigger();
    const heard = new Inbox<unknown>('a payload');
    await pubsub.subscribe(trigger, heard.push);
    await pubsub.publish(trigger, 'text');
    expect(await heard.next()).toBe('text');
    expect(channels).toEqual([trigger]);
  });

  it('changes the names that it subscribes to', async () => {
    const pubsub = create({
      triggerTransform: (trigger, options) =>
        [trigger, ...(options as { path: string[] }).path].join('.'),
    });
    const trigger = newTrigger();
    const heard = new Inbox<unknown>('a payload');
    await pubsub.subscribe(trigger, heard.push, { path: ['repository'] });
    await pubsub.publish(`${trigger}.repository`, 1);
    expect(await heard.next()).toBe(1);
  });

  it('tells when it has connected', async () => {
    const told: unknown[] = [];
    create({ connectionListener: (error) => told.push(error) });
    await until(() => told.length > 0, 'the connection');
    expect(told[0]).toBeUndefined();
  });

  it('is heard by another of its kind, until that unsubscribes', async () => {
    const [one, other] = [create(), create()];
    const trigger = newTrigger();
    const heard = new Inbox<unknown>('a payload');
    const id = await one.subscribe(trigger, heard.push);
    await other.publish(trigger, { n: 1 });
    expect(await heard.next()).toEqual({ n: 1 });
    one.unsubscribe(id);
    expect(() => one.unsubscribe(id)).toThrow();
  });
});

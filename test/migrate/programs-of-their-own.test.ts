import { createMemoryBroker } from 'millrace/broker/memory';
import { RedisPubSub } from 'millrace/migrate/graphql-redis-subscriptions';
import { PubSub, withFilter } from 'millrace/migrate/graphql-subscriptions';
import { describe, expect, it } from 'vitest';

const prefixed = (name: string): string => `shop.${name}`;

/** A promise of another library. */
const later = (verdict: boolean): PromiseLike<boolean> => ({
  // oxlint-disable-next-line unicorn/no-thenable -- that is what is tested
  then: (resolve) => Promise.resolve(verdict).then(resolve),
});

describe('a subclass', () => {
  it('that only replaces subscribe is refused: its iterators would hear nothing', () => {
    class Prefixed extends PubSub<Record<string, unknown>> {
      override subscribe(name: string, listener: () => void) {
        return super.subscribe(prefixed(name), listener);
      }
    }
    class PrefixedInRedis extends RedisPubSub {
      override subscribe(name: string, listener: (payload: never) => unknown) {
        return super.subscribe(prefixed(name), listener);
      }
    }

    expect(() => new Prefixed()).toThrow('asyncIterableIterator() as well');
    expect(() => new PrefixedInRedis({ broker: createMemoryBroker() })).toThrow(
      'asyncIterableIterator() as well',
    );
  });

  it('that replaces what makes iterators, too, is heard in both', async () => {
    class Prefixed extends PubSub<Record<string, unknown>> {
      override publish(name: string, payload: unknown) {
        return super.publish(prefixed(name), payload);
      }
      override subscribe(name: string, listener: (payload: unknown) => void) {
        return super.subscribe(prefixed(name), listener);
      }
      override asyncIterableIterator<Payload>(name: string) {
        return super.asyncIterableIterator<Payload>(prefixed(name));
      }
    }
    const pubsub = new Prefixed();
    const next = pubsub.asyncIterableIterator('sold').next();
    const heard = new Promise((resolve) => void pubsub.subscribe('sold', resolve));
    await pubsub.subscribe('sold', () => {});
    await pubsub.publish('sold', 1);

    expect(await next).toEqual({ done: false, value: 1 });
    expect(await heard).toBe(1);
  });
});

describe('withFilter', () => {
  it('takes the verdict of a promise that another library made', async () => {
    const pubsub = new PubSub<Record<string, unknown>>();
    const filtered = await withFilter(
      () => pubsub.asyncIterableIterator<number>('counted'),
      (payload) => later(payload === 2) as Promise<boolean>, // as far as their types say
    )();
    const next = filtered.next();
    for (const count of [1, 2]) await pubsub.publish('counted', count);

    expect(await next).toEqual({ done: false, value: 2 });
  });
});

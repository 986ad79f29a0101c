import * as theirs from 'graphql-yoga';
import type { filter, map, pipe } from 'graphql-yoga';
import * as ours from 'millrace/migrate/graphql-yoga';
import { describe, expect, it } from 'vitest';

/** What the programs import; with and without ids, so without the types of topics. */
interface Imports {
  readonly createPubSub: () => {
    readonly publish: (topic: string, ...idAndPayload: unknown[]) => void;
    readonly subscribe: (topic: string, id?: number | string) => AsyncIterable<unknown>;
  };
  readonly pipe: typeof pipe;
  readonly filter: typeof filter;
  readonly map: typeof map;
}

describe.each<[string, Imports]>([
  ['graphql-yoga', theirs as unknown as Imports],
  ['millrace/migrate/graphql-yoga', ours as unknown as Imports], // the same by one import
])('a program that imports %s', (_, imports) => {
  it('hears of what is published to a topic and not to its ids', async () => {
    const pubsub = imports.createPubSub();
    const payloads = pubsub.subscribe('user')[Symbol.asyncIterator]();
    const first = payloads.next();
    pubsub.publish('user', '1', { n: 1 });
    pubsub.publish('user', { n: 2 });
    expect(await first).toEqual({ done: false, value: { n: 2 } });
    await payloads.return?.();
    expect(await payloads.next()).toMatchObject({ done: true });
  });

  it.each([[0], ['0'], [7], ['a:b']])('hears of what is published to the id %j', async (id) => {
    const pubsub = imports.createPubSub();
    const payloads = pubsub.subscribe('user', id)[Symbol.asyncIterator]();
    const first = payloads.next();
    pubsub.publish('user', 'other', 1);
    pubsub.publish('user', id, 2);
    expect(await first).toEqual({ done: false, value: 2 });
    await payloads.return?.();
  });

  it.each([[null], [0], [''], [false], [[1]]])('hears of the payload %j', async (payload) => {
    const pubsub = imports.createPubSub();
    const payloads = pubsub.subscribe('user')[Symbol.asyncIterator]();
    const first = payloads.next();
    pubsub.publish('user', payload);
    expect(await first).toEqual({ done: false, value: payload });
    await payloads.return?.();
  });

  it('filters and maps, waiting for what is promised', async () => {
    const pubsub = imports.createPubSub();
    const piped = imports.pipe(
      pubsub.subscribe('user') as AsyncIterable<number>,
      imports.filter(async (n: number) => n > 1),
      imports.map(async (n: number) => n * 10),
    );
    const payloads = piped[Symbol.asyncIterator]();
    const first = payloads.next();
    await Promise.resolve();
    for (const n of [1, 2]) pubsub.publish('user', n);
    expect(await first).toEqual({ done: false, value: 20 });
    await payloads.return?.();
  });
});

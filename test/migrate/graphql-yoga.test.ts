import { buildSchema } from 'graphql';
import { createMemoryBroker } from 'millrace/broker/memory';
import {
  UnsupportedOptionError,
  createPubSub,
  filter,
  map,
  pipe,
} from 'millrace/migrate/graphql-yoga';
import type { PayloadSource } from 'millrace/migrate/graphql-yoga';
import { describe, expect, expectTypeOf, it } from 'vitest';

import { converse, messagesOf, subscribe } from '../support/conversation.ts';
import { until } from '../support/waiting.ts';

async function* countTo(last: number) {
  for (let n = 1; n <= last; n += 1) yield n;
}

async function all<Payload>(payloads: AsyncIterable<Payload>): Promise<readonly Payload[]> {
  const heard: Payload[] = [];
  for await (const payload of payloads) heard.push(payload);
  return heard;
}

describe('createPubSub', () => {
  it('publishes to topics, and to one id of a topic', async () => {
    const broker = createMemoryBroker();
    const pubSub = createPubSub<{
      tick: [payload: number];
      room: [id: string | number, payload: { readonly text: string }];
      bell: [];
    }>({ broker });
    const ticks = pubSub.subscribe('tick');
    const rooms = pubSub.subscribe('room', 1);
    const bells = pubSub.subscribe('bell');
    expectTypeOf(ticks).toEqualTypeOf<PayloadSource<number>>();

    pubSub.publish('tick', 7);
    pubSub.publish('room', 2, { text: 'elsewhere' });
    pubSub.publish('room', '1', { text: 'here' });
    pubSub.publish('bell');

    expect(await ticks.next()).toEqual({ done: false, value: 7 });
    expect(await rooms.next()).toEqual({ done: false, value: { text: 'here' } });
    expect(await bells.next()).toEqual({ done: false, value: null });
    for (const payloads of [ticks, rooms, bells]) await payloads.return();
    expect(broker.readerCount).toBe(0);
  });

  it('works without a broker of one’s own, and checks its topics', async () => {
    const pubSub = createPubSub<{ tick: [payload: number] }>();
    const ticks = pubSub.subscribe('tick');
    // @ts-expect-error -- no such payload
    pubSub.publish('tick', 'seven');
    expect(await ticks.next()).toEqual({ done: false, value: 'seven' });
    await ticks.return();
  });

  it('tells why something could not be published', async () => {
    const broker = createMemoryBroker();
    const told: unknown[] = [];
    const pubSub = createPubSub<{ tick: [payload: number] }>({
      broker,
      onError: (error) => told.push(error),
    });
    await broker.close();
    pubSub.publish('tick', 1);
    await until(() => told.length === 1, 'a report');
    expect(told).toEqual([expect.objectContaining({ code: 'BROKER_CLOSED' })]);
  });

  it.each([
    ['eventTarget', 'give a `broker`'],
    ['repeaterBuffer', 'options of the `broker`'],
  ])('has nothing for %s', (option, remedy) => {
    const create = () => createPubSub({ [option]: {} });
    expect(create).toThrow(UnsupportedOptionError);
    expect(create).toThrow(
      expect.objectContaining({ option, remedy: expect.stringContaining(remedy) }),
    );
  });

  it('is shared by a server, through pipe with functions that stay the same', async () => {
    const pubSub = createPubSub<{ tick: [payload: number] }>();
    const double = map((n: number) => ({ tick: n * 2 }));
    const schema = buildSchema('type Query { a: Int } type Subscription { tick: Int }');
    Object.assign(schema.getSubscriptionType()?.getFields()['tick'] ?? {}, {
      subscribe: () =>
        pipe(
          pubSub.subscribe('tick'),
          filter((n: number) => n > 1),
          double,
        ),
    });
    const { ready, server } = converse({ schema });
    const clients = [await ready(), await ready()];
    for (const client of clients) {
      subscribe(client, '1', 'subscription { tick }');
      await client.rest();
    }

    pubSub.publish('tick', 1);
    pubSub.publish('tick', 2);

    for (const client of clients)
      expect(await messagesOf(client)).toEqual([
        { id: '1', type: 'next', payload: { data: { tick: 4 } } },
      ]);
    expect(server.sharing()).toMatchObject({ groups: 1, subscribers: 2, executions: 1 });
  });
});

describe('pipe, filter and map', () => {
  it('take what other libraries give as well', async () => {
    const piped = pipe(
      countTo(4),
      filter(async (n: number) => n % 2 === 0),
      map(async (n: number) => `${n}!`),
    );
    expectTypeOf(piped).toEqualTypeOf<AsyncIterable<string>>();
    expect(await all(piped)).toEqual(['2!', '4!']);
    expect(await all(pipe(countTo(2)))).toEqual([1, 2]);
  });
});

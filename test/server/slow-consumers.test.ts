import type { ServerOptions, SlowConsumerPolicy } from 'millrace/server';
import { describe, expect, it } from 'vitest';

import { converse, listenTo, messagesOf } from '../support/conversation.ts';
import { FrameClient } from '../support/frame-client.ts';
import { MemoryStream } from '../support/memory-stream.ts';

const messages = 'subscription ($room: ID!) { message(room: $room) { text } }';
const limits = { outboxHighWaterBytes: 4_000, outboxHardBytes: 16_000 };

/** About 1 KB each. */
const textOf = (number: number): string => `${number} ${'x'.repeat(900)}`;

/** A socket that takes frames, subscribed to the room, whose peer has stopped to read. */
async function stalledListener(options: Partial<ServerOptions>, ...ids: readonly string[]) {
  const conversation = converse({ limits, ...options });
  const client = new FrameClient(conversation.clock);
  client.connect(conversation.server);
  client.say({ type: 'connection_init' });
  await client.settled();
  for (const id of ids) client.subscribe(id, messages, { room: 'r' });
  await client.settled();
  client.isStalled = true;
  const publish = async (from: number, to: number): Promise<void> => {
    for (let number = from; number <= to; number += 1) {
      await conversation.app.publish('r', textOf(number));
      await conversation.clock.settle();
    }
  };
  const numbersHeard = async (): Promise<readonly number[]> =>
    (await client.heard()).flatMap((message) => numberIn(message) ?? []);
  return { ...conversation, client, publish, numbersHeard };
}

function numberIn(message: unknown): number | undefined {
  const text = /"text":"(\d+) /.exec(JSON.stringify(message))?.[1];
  return text === undefined ? undefined : Number(text);
}

describe('a peer that does not read for a while', () => {
  it.each<[SlowConsumerPolicy, string, readonly number[], number]>([
    ['drop-newest', 'misses the newest', [1, 2, 3, 4, 5], 15],
    ['drop-oldest', 'misses those between', [1, 2, 3, 4, 5, 17, 18, 19, 20], 11],
    ['latest', 'misses all between but the last', [1, 2, 3, 4, 5, 20], 14],
  ])('and whose policy is %s %s', async (slowConsumer, _misses, expected, dropped) => {
    const { client, publish, numbersHeard, server } = await stalledListener({ slowConsumer }, '1');

    await publish(1, 20);
    client.isStalled = false;
    client.drain();

    expect(await numbersHeard()).toEqual(expected);
    expect(server.counters()).toMatchObject({
      droppedResults: dropped,
      slowConsumerDisconnects: 0,
    });
    await publish(21, 22);
    expect(await numbersHeard()).toEqual([21, 22]);
  });

  it.each<SlowConsumerPolicy>(['disconnect', 'block'])(
    'and whose policy is %s is disconnected',
    async (slowConsumer) => {
      const { client, publish, server } = await stalledListener({ slowConsumer }, '1');

      await publish(1, 6);

      expect(await client.settled()).toContainEqual({ kind: 'close', code: 1013 });
      expect(server.counters()).toMatchObject({ slowConsumerDisconnects: 1, droppedResults: 0 });
    },
  );

  it('holds no more for it, however much is published', async () => {
    const { client, publish } = await stalledListener({ slowConsumer: 'drop-oldest' }, '1');

    await publish(1, 50);

    expect(client.bufferedBytes).toBeLessThan(limits.outboxHighWaterBytes + 1_100);
    client.isStalled = false;
    client.drain();
    await client.settled();
  });

  it('has the latest of each of its operations', async () => {
    const { client, publish } = await stalledListener({ slowConsumer: 'latest' }, 'a', 'b');

    await publish(1, 9);
    client.actions.splice(0);
    client.isStalled = false;
    client.drain();

    const heard = await client.heard();
    expect(heard).toMatchObject([{ id: 'a' }, { id: 'b' }]);
    expect(heard.map(numberIn)).toEqual([9, 9]);
  });

  it('gets answers that are no events, and is closed at the hard limit', async () => {
    const { client, publish } = await stalledListener({ slowConsumer: 'drop-newest' }, '1');
    await publish(1, 6);
    client.actions.splice(0);

    client.subscribe('q', '{ hello }');
    client.say({ type: 'ping' });
    expect(await client.heard()).toEqual([{ type: 'pong' }]);
    client.isStalled = false;
    client.drain();
    expect(await client.heard()).toMatchObject([
      { id: 'q', payload: { data: { hello: 'world' } } },
      { id: 'q', type: 'complete' },
    ]);

    client.isStalled = true;
    const query = `{ echo(text: "${textOf(0)}") }`;
    for (let asked = 0; asked < 20; asked += 1) client.subscribe(`q${asked}`, query);
    expect(await client.settled()).toContainEqual({ kind: 'close', code: 1013 });
  });

  it('gets the end of an operation behind its results', async () => {
    const { client, publish } = await stalledListener({ slowConsumer: 'drop-oldest' }, '1');
    await publish(1, 5);
    client.actions.splice(0);

    client.subscribe('c', 'subscription { flaky }');
    await client.settled();
    client.isStalled = false;
    client.drain();

    const heard = (await client.heard()).filter((message) => !numberIn(message));
    expect(heard).toMatchObject([{ id: 'c' }, { id: 'c' }, { id: 'c' }, { type: 'complete' }]);
  });

  it('gets nothing more of what it stopped', async () => {
    const { client, publish } = await stalledListener({ slowConsumer: 'latest' }, 'a', 'b');

    await publish(1, 6);
    client.actions.splice(0);
    client.say({ id: 'a', type: 'complete' });
    client.isStalled = false;
    client.drain();

    expect(await client.heard()).toMatchObject([{ id: 'b' }]);
  });

  it('leaves nothing behind when it goes', async () => {
    const { client, publish, server } = await stalledListener({ slowConsumer: 'latest' }, '1');

    await publish(1, 6);
    client.vanish();
    await client.settled();

    expect(server.gauges()).toEqual({ connections: 0, operations: 0, deadlines: 0, readers: 0 });
  });
});

it('a socket that takes texts is treated alike', async () => {
  const { ready, app, clock } = converse({ limits, slowConsumer: 'latest' });
  const client = await ready();
  listenTo(client, '1', 'r');
  await clock.settle();

  client.bufferedBytes = 4_001;
  for (const text of ['a', 'b', 'c']) await app.publish('r', text);
  expect(await messagesOf(client)).toEqual([]);
  client.drain();

  expect(await messagesOf(client)).toMatchObject([
    { payload: { data: { message: { text: 'c' } } } },
  ]);
});

async function ask(query: string, opensLater = false) {
  // without event ids, which would count as well
  const conversation = converse({ limits, slowConsumer: 'drop-oldest', resume: false });
  const stream = new MemoryStream(conversation.server, {
    headers: { accept: 'text/event-stream' },
    body: { query },
    opensLater,
  });
  await conversation.clock.settle();
  return { ...conversation, stream };
}

describe('a response stream that is not read for a while', () => {
  it('drops as its policy says, and goes on', async () => {
    const { stream, app, clock } = await ask('subscription { message(room: "r") { text } }');
    stream.bufferedBytes = 6_000;

    for (let number = 1; number <= 9; number += 1) await app.publish('r', textOf(number));
    await clock.settle();
    expect(stream.text).not.toContain('"text"');
    stream.drain();

    expect(stream.events().map(numberIn)).toEqual([6, 7, 8, 9]);
    expect(stream.ending).toBe('open');
  });

  it('ends when everything was written', async () => {
    const { stream, clock } = await ask('subscription { countdown(from: 3) }', true);
    stream.bufferedBytes = 6_000;
    stream.open();
    stream.drain();
    await clock.settle();

    expect(stream.events().map(([event]) => event)).toEqual(['next', 'next', 'next', 'complete']);
    expect(stream.ending).toBe('ended');
  });

  it('drops before it begins, too', async () => {
    const { stream, app, clock, server } = await ask(
      'subscription { message(room: "r") { text } }',
      true,
    );

    for (let number = 1; number <= 20; number += 1) await app.publish('r', textOf(number));
    await clock.settle();
    stream.open();
    stream.drain();

    const numbers = stream.events().map(numberIn);
    expect(numbers[0]).toBe(1);
    expect(numbers.at(-1)).toBe(20);
    expect(server.counters().droppedResults).toBe(20 - numbers.length);
  });
});

it('an unknown policy is refused', () => {
  const options = { slowConsumer: 'panic' } as unknown as Partial<ServerOptions>; // what a program in JavaScript may say

  expect(() => converse(options)).toThrow('slowConsumer must be one of disconnect, drop-oldest');
});

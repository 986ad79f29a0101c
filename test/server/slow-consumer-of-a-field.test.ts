import { buildSchema } from 'graphql';
import { createMemoryBroker } from 'millrace/broker/memory';
import { createServer, subscriptionField } from 'millrace/server';
import type { SlowConsumerPolicy } from 'millrace/server';
import { VirtualClock } from 'millrace/testing';
import { expect, it } from 'vitest';

import { FrameClient } from '../support/frame-client.ts';

const limits = { outboxHighWaterBytes: 4_000, outboxHardBytes: 16_000 };

/** A client that stopped to read, subscribed to a field with `slowConsumer` of a server that disconnects; it is published to many times. */
async function publishToStalled(slowConsumer?: SlowConsumerPolicy) {
  const clock = new VirtualClock();
  const broker = createMemoryBroker();
  const topic = broker.topic<string>('texts');
  const schema = buildSchema('type Query { ok: Boolean } type Subscription { text: String }');
  const field = subscriptionField({ topic, ...(slowConsumer && { slowConsumer }) });
  Object.assign(schema.getSubscriptionType()?.getFields()['text'] ?? {}, field);
  const server = createServer({ schema, broker, clock, limits });
  const client = new FrameClient(clock);
  client.connect(server);
  client.say({ type: 'connection_init' });
  await client.settled();
  client.subscribe('1', 'subscription { text }');
  await client.settled();
  client.isStalled = true;
  for (let number = 1; number <= 20; number += 1) {
    await topic.publish(`${number} ${'x'.repeat(900)}`);
    await clock.settle();
  }
  return { client, server };
}

it('a field may have a policy for slow readers of its own', async () => {
  const { client, server } = await publishToStalled('latest');

  client.isStalled = false;
  client.drain();

  const heard = JSON.stringify(await client.heard());
  expect(heard.match(/"text":"\d+/g)?.at(-1)).toBe('"text":"20');
  expect(server.counters()).toMatchObject({ droppedResults: 14, slowConsumerDisconnects: 0 });
});

it('a field without one has that of the server', async () => {
  const { client, server } = await publishToStalled();

  expect(await client.settled()).toContainEqual({ kind: 'close', code: 1013 });
  expect(server.counters()).toMatchObject({ droppedResults: 0, slowConsumerDisconnects: 1 });
});

it('a policy that does not exist is refused where the field is made', () => {
  const topic = createMemoryBroker().topic<string>('texts');

  // @ts-expect-error -- no policy
  expect(() => subscriptionField({ topic, slowConsumer: 'wait' })).toThrow(
    'slowConsumer must be one of disconnect, drop-oldest, drop-newest, latest, block',
  );
});

import { buildSchema } from 'graphql';
import { createGateway, createGatewayTopics } from 'millrace/adapters/gateway';
import { Broadcaster } from 'millrace/broker';
import { createReferenceEngine } from 'millrace/server';
import type { ExecutionEngine } from 'millrace/server';
import { expect, it } from 'vitest';

import { GatewayStage, createStageSchema } from '../../support/gateway-stage.ts';
import { MemoryGatewayStore } from '../../support/memory-gateway-store.ts';

const options = () => ({
  store: new MemoryGatewayStore(),
  push: { send: async () => {}, close: async () => {} },
});

it('topics reach nobody before they were given to a gateway, and say so', async () => {
  const topic = createGatewayTopics().topic('said');

  await expect(topic.publish({})).rejects.toThrow('given to no gateway');
});

it('topics belong to one gateway', () => {
  const topics = createGatewayTopics();
  const schema = createStageSchema(topics);
  createGateway({ schema }, { ...options(), topics });

  expect(() => createGateway({ schema }, { ...options(), topics })).toThrow('another gateway');
});

it('topics cannot be read: there is nothing to read from', async () => {
  const source = createGatewayTopics().topic('said').source('x');

  await expect(source.open()).rejects.toMatchObject({ name: 'UsageError' });
});

it('a source of a broadcaster is refused, because its events never leave the process', async () => {
  const broadcaster = new Broadcaster<number>();
  const schema = buildSchema('type Query { ok: Boolean } type Subscription { count: Int }');
  Object.assign(schema.getSubscriptionType()?.getFields()['count'] ?? {}, {
    subscribe: () => broadcaster.source(),
  });
  const stage = new GatewayStage({ server: { schema } });
  await stage.join('a');

  expect(await stage.subscribe('a', '1', 'subscription { count }')).toMatchObject([
    { type: 'error', payload: [{ extensions: { code: 'SOURCE_NEEDS_PROCESS' } }] },
  ]);
});

it('an engine that opens sources unasked is refused', () => {
  const reference = createReferenceEngine();
  const engine: ExecutionEngine = {
    prepare: (...args) => reference.prepare(...args),
    execute: (...args) => reference.execute(...args),
    subscribe: (...args) => reference.subscribe(...args),
  };
  const schema = createStageSchema(createGatewayTopics());

  expect(() => createGateway({ schema, engine }, options())).toThrow('resolveSource');
});

it.each([
  { lifetimeMs: Infinity },
  { lifetimeMs: 0 },
  { pushesAtOnce: 1.5 },
  { frameBytes: -1 },
  { sessionBytes: Number.NaN },
])('%o is refused', (numbers) => {
  const schema = createStageSchema(createGatewayTopics());

  expect(() => createGateway({ schema }, { ...options(), ...numbers })).toThrow(
    /lifetimeMs|gateway/,
  );
});

import { GraphQLInt, GraphQLObjectType, GraphQLSchema } from 'graphql';
import { listen } from 'millrace/adapters/node';
import type { Running } from 'millrace/adapters/node';
import { createMemoryBroker } from 'millrace/broker/memory';
import type { MemoryBroker } from 'millrace/broker/memory';
import { createClient } from 'millrace/client';
import { resumable } from 'millrace/client/resume';
import { createServer, subscriptionField } from 'millrace/server';
import { VirtualClock, manualSignals } from 'millrace/testing';
import { startTcpProxy } from 'millrace/testing/node';
import type { TcpProxy } from 'millrace/testing/node';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';

import { eachCarrier } from '../../support/fault-carriers.ts';
import { until } from '../../support/waiting.ts';

let broker: MemoryBroker;
let running: Running;
let proxy: TcpProxy;

beforeEach(async () => {
  broker = createMemoryBroker();
  const tick = subscriptionField({ topic: broker.topic<number>('ticks') });
  const schema = new GraphQLSchema({
    query: new GraphQLObjectType({ name: 'Query', fields: { a: { type: GraphQLInt } } }),
    subscription: new GraphQLObjectType({
      name: 'Subscription',
      fields: { tick: { type: GraphQLInt, ...tick } },
    }),
  });
  const server = createServer({
    schema,
    broker,
    protocols: [
      'graphql-transport-ws',
      'subscriptions-transport-ws',
      'appsync',
      'sse-single',
      'sse',
      'multipart',
    ],
  });
  running = await listen(server, { port: 0, path: '/graphql' });
  proxy = await startTcpProxy({ port: running.port });
});

afterEach(async () => {
  await proxy.close();
  await running.close();
});

function publish(event: number): Promise<unknown> {
  return broker.publish('ticks', '', event);
}

describe.each(eachCarrier)('over %s', (_name, carrier) => {
  it('a subscription that was cut goes on where it stopped, three times', async () => {
    const clock = new VirtualClock();
    const heard: unknown[] = [];
    const client = createClient({
      url: `http://127.0.0.1:${proxy.port}/graphql`,
      transport: carrier.createTransport(),
      resume: resumable(),
      clock,
      random: () => 0.5,
      signals: manualSignals().signals,
    });
    const operation = client.subscribe<{ readonly tick: number }>({
      query: 'subscription { tick }',
    });
    operation.subscribe(({ data }) => heard.push(data?.tick));
    // the first event is there only once the client has something to come back with
    await until(
      () => operation.status.current === 'live' && broker.readerCount === 1,
      'it is live',
    );
    await publish(0);
    await until(() => heard.length === 1, 'the first event');

    for (const round of [1, 2, 3]) {
      proxy.reset();
      await until(() => operation.status.current === 'reconnecting', 'it is cut');
      await publish(2 * round - 1);
      await clock.advance(5_000);
      await until(() => operation.status.current === 'recovered', 'it is back');
      await publish(2 * round);
      await until(() => heard.length === 1 + 2 * round, 'both events');
    }

    expect(heard).toEqual([0, 1, 2, 3, 4, 5, 6]);
    client.close();
    await until(() => broker.readerCount === 0, 'the server lets go');
  });
});

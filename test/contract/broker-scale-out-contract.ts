import { listen } from 'millrace/adapters/node';
import { createClient } from 'millrace/client';
import { websocket } from 'millrace/client/websocket';
import { createServer } from 'millrace/server';
import { describe, expect, it, onTestFinished } from 'vitest';

import type { Broker } from '../../src/broker/types.ts';
import { createSchema, textQuery } from '../support/sharing-server.ts';
import type { Post } from '../support/sharing-server.ts';

/** Makes a broker for one process of a deployment; all that one deployment makes have the same logs. */
export type CreateNodeBroker = () => Broker;

/**
 * What servers must do whose brokers share one server of `storage`.
 *
 * @param deploy - called for each test, whose logs nobody else has
 */
export function brokerScaleOutContract(
  storage: string,
  deploy: () => CreateNodeBroker | Promise<CreateNodeBroker>,
): void {
  describe(`servers over one ${storage}`, () => {
    it('serve whoever listens, wherever it was published, with one execution per node and event', async () => {
      const createBroker = await deploy();
      const nodes = await Promise.all([startNode(createBroker()), startNode(createBroker())]);
      const subscribers = await Promise.all(
        nodes.flatMap(({ url }) => Array.from({ length: 5 }, () => subscribeTo(url))),
      );
      await expect
        .poll(() => nodes.map(({ broker }) => broker.readerCount), { interval: 5 })
        .toEqual([5, 5]);

      await nodes[0]?.topic.publish({ text: 'from the first' });
      await nodes[1]?.topic.publish({ text: 'from the second' });

      for (const subscriber of subscribers) {
        for (const text of ['from the first', 'from the second']) {
          const { value } = await subscriber.next();
          expect(value).toMatchObject({ data: { message: { text } } });
        }
      }
      const sharing = nodes.map(({ server }) => server.sharing());
      expect(sharing).toMatchObject(
        nodes.map(() => ({ groups: 1, subscribers: 5, executions: 2, personalExecutions: 0 })),
      );
    });
  });
}

/** One process of a deployment: a server with a broker of its own over the storage of all. */
async function startNode(broker: Broker) {
  onTestFinished(() => broker.close());
  const topic = broker.topic<Post>('posts');
  const server = createServer({ broker, schema: createSchema(topic) });
  const running = await listen(server, { port: 0 });
  onTestFinished(() => running.close());
  return { broker, topic, server, url: running.url };
}

async function subscribeTo(url: string) {
  const client = createClient({ url, transport: websocket() });
  onTestFinished(() => client.close());
  const operation = client.subscribe({ query: textQuery });
  await operation.ready;
  return operation[Symbol.asyncIterator]();
}

import { createClient } from 'millrace/client';
import type { Client } from 'millrace/client';
import { http } from 'millrace/client/http';
import { sse } from 'millrace/client/sse';
import { describe, expect, it, onTestFinished } from 'vitest';

import { serveFixture } from '../support/fixture-server.ts';
import type { FixtureServer } from '../support/fixture-server.ts';
import { until } from '../support/waiting.ts';
import { reserveGateway } from './support/hive-gateway.ts';

/** A client, Hive Gateway, and our server behind that. */
async function connectThrough(subscribes: 'callback' | 'sse'): Promise<{
  readonly server: FixtureServer;
  readonly client: Client;
}> {
  const gateway = await reserveGateway();
  const server = await serveFixture({
    protocols: ['sse', 'callback'],
    callback: { allow: [gateway.origin] },
  });
  gateway.serve(server.httpUrl, subscribes);
  const client = createClient({
    url: `${gateway.origin}/graphql`,
    transport: { queries: http(), subscriptions: sse() },
  });
  onTestFinished(() => client.close());
  return { server, client };
}

// the gateway itself answers multipart requests for subscriptions with 406
describe.each(['callback', 'sse'] as const)(
  'through Hive Gateway, which subscribes by %s, a client',
  (path) => {
    it('runs a query', async () => {
      const { client } = await connectThrough(path);

      expect(await client.query({ query: '{ hello }' })).toEqual({ data: { hello: 'world' } });
    });

    it('follows a subscription to its end', async () => {
      const { client } = await connectThrough(path);
      const results: unknown[] = [];
      const query = 'subscription { countdown(from: 3) }';
      for await (const { data } of client.subscribe({ query })) results.push(data);

      expect(results).toEqual([{ countdown: 3 }, { countdown: 2 }, { countdown: 1 }]);
    });

    it('has the errors of an event as values', async () => {
      const { client } = await connectThrough(path);
      const results: unknown[] = [];
      for await (const result of client.subscribe({ query: 'subscription { flaky }' }))
        results.push(result);

      expect(results).toMatchObject([
        { data: { flaky: 1 } },
        { data: { flaky: null }, errors: [{ message: 'flaky' }] },
        { data: { flaky: 3 } },
      ]);
    });

    it('frees the source when it leaves', async () => {
      const { client, server } = await connectThrough(path);
      const results: unknown[] = [];
      const query = 'subscription { message(room: "r") { text } }';
      const subscription = client.subscribe({ query }).subscribe(({ data }) => results.push(data));
      await server.sources(1);
      await server.app.publish('r', 'Hello');
      await until(() => results.length === 1, 'the event');
      subscription.unsubscribe();
      await server.sources(0);

      expect(results).toEqual([{ message: { text: 'Hello' } }]);
    });
  },
);

import { ApolloServer } from '@apollo/server';
import { ApolloServerPluginSubscriptionCallback } from '@apollo/server/plugin/subscriptionCallback';
import { expressMiddleware } from '@as-integrations/express5';
import express from 'express';
import type { AddressInfo } from 'node:net';
import { describe, expect, it, onTestFinished } from 'vitest';

import type { CallbackEndpoint } from '../support/callback-endpoint.ts';
import { listenForCallbacks } from '../support/callback-endpoint.ts';
import { callbackType } from '../support/callback-stage.ts';
import { serveFixture } from '../support/fixture-server.ts';
import type { FixtureServer } from '../support/fixture-server.ts';
import { sendHttp } from '../support/http-client.ts';
import { until } from '../support/waiting.ts';
import { createForeignApp } from './servers/foreign-app.ts';
import { listen } from './servers/listening.ts';
import { reserveGateway } from './support/hive-gateway.ts';

/** Starts Apollo Server with its publisher of callbacks; returns where it is. */
async function serveApollo(): Promise<string> {
  const library = new ApolloServer({
    schema: createForeignApp().schema,
    stopOnTerminationSignals: false,
    plugins: [ApolloServerPluginSubscriptionCallback()],
  });
  await library.start();
  const routes = express().use('/graphql', express.json(), expressMiddleware(library));
  const httpServer = await listen(routes, 0);
  onTestFinished(async () => {
    await library.stop();
    httpServer.close();
  });
  // it listens on TCP
  return `http://127.0.0.1:${(httpServer.address() as AddressInfo).port}/graphql`;
}

async function serveOurs({ router }: CallbackEndpoint): Promise<string> {
  const { httpUrl } = await serveFixture({
    protocols: ['callback'],
    callback: { allow: [router.origin] },
  });
  return httpUrl;
}

/** What a router gets from a publisher: the answer to its request, and the messages without what is the router's own. */
async function trafficOf(
  url: string,
  { router }: CallbackEndpoint,
  query: string,
  last: 'next' | 'complete',
): Promise<object> {
  const subscription = router.register();
  const answer = await sendHttp(url, {
    headers: { accept: callbackType },
    body: { query, extensions: { subscription } },
  });
  const own = () => router.messages(subscription.subscriptionId);
  await until(() => own().some(({ action }) => action === last), last);
  return {
    answer: [answer.status, answer.json],
    messages: own().map(({ id: _id, verifier, ...message }) => {
      expect(verifier).toBe(subscription.verifier);
      return message;
    }),
  };
}

describe('a router gets the same from Apollo Server', () => {
  it.each(['subscription { countdown(from: 3) }', 'subscription { breaks }'])(
    'for %s',
    async (query) => {
      const endpoint = await listenForCallbacks();

      const theirs = await trafficOf(await serveApollo(), endpoint, query, 'complete');
      const ours = await trafficOf(await serveOurs(endpoint), endpoint, query, 'complete');

      expect(withoutWords(ours)).toEqual(withoutWords(theirs));
    },
  );

  it('when it wants no more after the first event', async () => {
    const endpoint = await listenForCallbacks();
    const { router } = endpoint;
    router.misbehaves = ({ message }) => {
      if (message.action === 'next') router.forget(message.id);
      return undefined;
    };
    const query = 'subscription { countdown(from: 3) }';

    const theirs = await trafficOf(await serveApollo(), endpoint, query, 'next');
    const ours = await trafficOf(await serveOurs(endpoint), endpoint, query, 'next');

    expect(ours).toEqual(theirs);
  });
});

/** Which errors there are is for each server to say. */
function withoutWords(traffic: object): unknown {
  return JSON.parse(
    JSON.stringify(traffic, (key, value: unknown) =>
      key === 'errors' && Array.isArray(value) ? value.length : value,
    ),
  );
}

/** A gateway over our server, and what a client of the gateway gets. */
async function serveGateway(): Promise<{
  readonly server: FixtureServer;
  readonly listenTo: (query: string) => Promise<GatewayStream>;
  /** How many the gateway was sent. */
  readonly checks: () => number;
}> {
  let checks = 0;
  const gateway = await reserveGateway();
  const server = await serveFixture({
    protocols: ['callback'],
    callback: {
      allow: [gateway.origin],
      fetch(url, init) {
        if (init.body.includes('"check"')) checks += 1;
        return fetch(url, init);
      },
    },
  });
  gateway.serve(server.httpUrl);
  return {
    server,
    listenTo: (query) => GatewayStream.open(`${gateway.origin}/graphql`, query),
    checks: () => checks,
  };
}

/** An event stream of the gateway. */
class GatewayStream {
  readonly #leaving = new AbortController();
  #text = '';
  hasEnded = false;

  static async open(url: string, query: string): Promise<GatewayStream> {
    const stream = new GatewayStream();
    const response = await fetch(url, {
      method: 'POST',
      headers: { 'content-type': 'application/json', accept: 'text/event-stream' },
      body: JSON.stringify({ query }),
      signal: stream.#leaving.signal,
    });
    void stream.#read(response);
    return stream;
  }

  /** What the gateway has delivered. */
  get results(): readonly unknown[] {
    return [...this.#text.matchAll(/^event: next\ndata: (.*)$/gm)].map(([, data]): unknown =>
      JSON.parse(data ?? ''),
    );
  }

  leave(): void {
    this.#leaving.abort();
  }

  async #read({ body }: Response): Promise<void> {
    try {
      const decoder = new TextDecoder();
      for await (const chunk of body ?? []) this.#text += decoder.decode(chunk, { stream: true });
    } catch {
      // it was left
    }
    this.hasEnded = true;
  }
}

describe('Hive Gateway', () => {
  it('delivers a subscription to its end', async () => {
    const { listenTo } = await serveGateway();

    const stream = await listenTo('subscription { countdown(from: 3) }');
    await until(() => stream.hasEnded, 'the end');

    expect(stream.results).toEqual([3, 2, 1].map((countdown) => ({ data: { countdown } })));
  });

  it('delivers the error of an event, and goes on', async () => {
    const { listenTo } = await serveGateway();

    const stream = await listenTo('subscription { flaky }');
    await until(() => stream.hasEnded, 'the end');

    expect(stream.results).toMatchObject([
      { data: { flaky: 1 } },
      { data: { flaky: null }, errors: [{ message: 'flaky' }] },
      { data: { flaky: 3 } },
    ]);
  });

  it('delivers the failure of a source', async () => {
    const { listenTo } = await serveGateway();

    const stream = await listenTo('subscription { breaks }');
    await until(() => stream.hasEnded, 'the end');

    expect(stream.results).toMatchObject([
      { data: { breaks: 1 } },
      { errors: [{ message: 'Internal server error', extensions: { code: 'SOURCE_FAILED' } }] },
    ]);
  });

  it('keeps a subscription through its heartbeats, and frees the source when its client leaves', async () => {
    const { listenTo, server, checks } = await serveGateway();
    const stream = await listenTo('subscription { message(room: "r") { text } }');
    await server.sources(1);
    // it ends what has no heartbeat for a second
    await until(() => checks() > 3, 'some heartbeats');
    await server.app.publish('r', '1');
    await until(() => stream.results.length === 1, 'the event');
    expect(stream.hasEnded).toBe(false);

    stream.leave();
    await server.sources(0);

    expect(server.gauges()).toMatchObject({ operations: 0, deadlines: 0 });
  });
});

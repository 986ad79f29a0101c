import {
  Client,
  cacheExchange,
  createRequest,
  fetchExchange,
  subscriptionExchange,
} from '@urql/core';
import type {
  AnyVariables,
  Exchange,
  OperationResult,
  OperationResultSource,
  RequestPolicy,
} from '@urql/core';
import { TransportError, createClient } from 'millrace/client';
import type { Client as MillraceClient } from 'millrace/client';
import { incrementalDelivery } from 'millrace/client/incremental';
import { websocket } from 'millrace/client/websocket';
import { createUrqlExchange } from 'millrace/links/urql';
import type { UrqlExchangeOptions } from 'millrace/links/urql';
import { describe, expect, it, onTestFinished } from 'vitest';
import { onEnd, pipe, subscribe } from 'wonka';

import { serveFixture } from '../support/fixture-server.ts';
import type { FixtureServer, FixtureServerOptions } from '../support/fixture-server.ts';
import { serveIncremental } from '../support/incremental-server.ts';
import { documents, holdFirst, serveItemList, toItem } from '../support/item-list.ts';
import type { ItemList } from '../support/item-list.ts';
import { Inbox } from '../support/waiting.ts';

/** A client of urql on a server of this package. */
async function serve(
  options: FixtureServerOptions = {},
  exchangeOptions?: UrqlExchangeOptions,
): Promise<{
  readonly server: FixtureServer;
  readonly urql: Client;
  readonly client: MillraceClient;
}> {
  const server = await serveFixture(options);
  const client = connect(server.httpUrl);
  const exchanges = [createUrqlExchange(client, exchangeOptions), fetchExchange];
  return { server, client, urql: createUrql(exchanges, server.httpUrl) };
}

function connect(url: string, transport = websocket()): MillraceClient {
  const client = createClient({ url, transport, retry: false });
  onTestFinished(() => client.close());
  return client;
}

function createUrql(exchanges: Exchange[], url = 'http://nobody.test/'): Client {
  return new Client({ url, exchanges, preferGetMethod: false });
}

type Outcome =
  | (Required<Pick<OperationResult, 'data' | 'hasNext'>> & { readonly error: unknown })
  | 'complete';

function record(results: OperationResultSource<OperationResult>) {
  const reports = new Inbox<Outcome>('a result');
  const subscription = pipe(
    results,
    onEnd(() => reports.push('complete')),
    subscribe(({ data, error, hasNext }) => reports.push({ data, error, hasNext })),
  );
  onTestFinished(() => subscription.unsubscribe());
  return { reports, stop: () => subscription.unsubscribe() };
}

const inRoom = 'subscription ($room: ID!) { message(room: $room) { text } }';
const said = (text: string) => ({ data: { message: { text } }, hasNext: true });

describe('the exchange', () => {
  it('carries queries, mutations and subscriptions over one connection', async () => {
    const { server, urql } = await serve();
    const room = record(urql.subscription(inRoom, { room: 'a' }));
    await server.sources(1);

    const query = await urql.query('query ($n: Int!) { double(n: $n) }', { n: 21 });
    expect(query).toMatchObject({ data: { double: 42 }, hasNext: false, stale: false });
    const mutation = 'mutation { post(room: "a", text: "posted") }';
    expect(await urql.mutation(mutation, {})).toMatchObject({ data: { post: true } });
    expect(await room.reports.next()).toMatchObject(said('posted'));
    expect(server.gauges().connections).toBe(1);
  });

  it('leaves to the next one what it shall not carry', async () => {
    const protocols: string[] = [];
    const { server, urql } = await serve(
      { onSubscribe: ({ protocol }) => void protocols.push(protocol) },
      { kinds: ['subscription'] },
    );
    record(urql.subscription(inRoom, { room: 'a' }));
    await server.sources(1);

    expect(await urql.query('{ hello }', {})).toMatchObject({ data: { hello: 'world' } });
    expect(protocols).toEqual(['graphql-transport-ws', 'http']);
  });

  it('says everything that the operation says', async () => {
    const asked: unknown[] = [];
    const { urql } = await serve({
      onSubscribe: ({ operation: { operationName, variables, extensions } }) =>
        void asked.push({ operationName, variables, extensions }),
    });
    await urql.query('query Echo($text: String!) { echo(text: $text) }', { text: 'hi' });

    const request = createRequest('{ hello }', {}, { trace: 'on' });
    await urql.executeQuery(request);

    expect(asked).toEqual([
      { operationName: 'Echo', variables: { text: 'hi' } },
      { variables: {}, extensions: { trace: 'on' } },
    ]);
  });

  it('ends with the subscription, and brings no result twice', async () => {
    const { urql } = await serve();
    const { reports } = record(urql.subscription('subscription { countdown(from: 2) }', {}));

    expect(await reports.take(3)).toMatchObject([
      { data: { countdown: 2 } },
      { data: { countdown: 1 } },
      'complete',
    ]);
  });

  it('stops a subscription that nobody follows any more', async () => {
    const { server, urql } = await serve();
    const { stop } = record(urql.subscription(inRoom, { room: 'a' }));
    const other = record(urql.subscription(inRoom, { room: 'b' }));
    await server.sources(2);
    stop();

    await server.sources(1);
    await server.app.publish('b', 'still here');
    expect(await other.reports.next()).toMatchObject(said('still here'));
  });

  it('stops a query that nobody waits for any more', async () => {
    const started = new Inbox<unknown>('an operation');
    const ended = new Inbox<unknown>('the end of an operation');
    const { urql } = await serve({
      onSubscribe: () => started.push('started'),
      onComplete: () => ended.push('ended'),
    });
    const { stop } = record(urql.query('{ never }', {}));
    await started.next();
    stop();

    expect(await ended.next()).toBe('ended');
  });

  it('sends nothing for somebody who leaves at once', async () => {
    const { asked, client, clock } = serveItemList();
    const urql = createUrql([createUrqlExchange(client)]);
    record(urql.subscription(documents.itemAdded, {})).stop();
    record(urql.subscription(documents.itemAdded, {}));
    await clock.settle();

    expect(asked()).toEqual(['ItemAdded']);
  });
});

describe('errors', () => {
  it('of GraphQL are in the result, beside its data', async () => {
    const { urql } = await serve();
    const { data, error } = await urql.query('{ hello fails }', {});

    expect(data).toEqual({ hello: 'world', fails: null });
    expect(error).toMatchObject({ graphQLErrors: [{ message: 'lookup failed', path: ['fails'] }] });
    expect(error?.networkError).toBeUndefined();
  });

  it('of one event are not those of the next', async () => {
    const { urql } = await serve();
    const { reports } = record(urql.subscription('subscription { flaky }', {}));

    expect(await reports.take(4)).toMatchObject([
      { data: { flaky: 1 }, error: undefined },
      { data: { flaky: null }, error: { graphQLErrors: [{ message: 'flaky' }] } },
      { data: { flaky: 3 }, error: undefined },
      'complete',
    ]);
  });

  it('of a subscription that is refused are a result', async () => {
    const { urql } = await serve();
    const { reports } = record(urql.subscription('subscription { refuses }', {}));

    expect(await reports.take(2)).toMatchObject([
      { error: { graphQLErrors: [{ message: 'no such room' }] } },
      'complete',
    ]);
  });

  it('of the transport are errors of the network', async () => {
    const { urql } = await serve({
      onConnect: () => {
        throw new Error('secret');
      },
    });
    const { error } = await urql.query('{ hello }', {});

    expect(error?.networkError).toBeInstanceOf(TransportError);
    const { reports } = record(urql.subscription(inRoom, { room: 'a' }));
    expect(await reports.take(2)).toMatchObject([
      { error: { networkError: { code: 'CONNECTION_REFUSED' } }, hasNext: false },
      'complete',
    ]);
  });

  it('of a client that was closed are what the operation fails with', async () => {
    const { client, urql } = await serve();
    client.close();
    const closed = { error: { networkError: { message: 'The client was closed' } } };

    expect(await urql.query('{ hello }', {})).toMatchObject(closed);
    const { reports } = record(urql.subscription(inRoom, { room: 'a' }));
    expect(await reports.next()).toMatchObject(closed);
  });
});

describe('results that come in parts', () => {
  const slow = '... @defer { slow }';
  const films = 'films @stream(initialCount: 1) { title }';

  it.each([
    ['incrementalSpec=v0.2', slow, websocket()],
    ['deferSpec=20220824', `${slow} ${films}`, websocket()],
    // urql itself puts what is streamed in this format in the wrong place
    ['incrementalSpec=v0.2', `${slow} ${films}`, incrementalDelivery(websocket())],
  ] as const)('are put together: %s, %s', async (incrementalFormat, parts, transport) => {
    const { httpUrl } = await serveIncremental({ incrementalFormat });
    const urql = createUrql([createUrqlExchange(connect(httpUrl, transport))]);
    const { reports } = record(urql.query(`{ person { name ${parts} } }`, {}));
    const all = ['A', 'B', 'C'].map((title) => ({ title }));
    const isStreamed = parts.includes(films);

    expect(await reports.next()).toMatchObject({
      data: { person: { name: 'Luke' } },
      hasNext: true,
    });
    let last: Outcome;
    do last = await reports.next();
    while (last !== 'complete' && last.hasNext);
    expect(last).toMatchObject({
      data: { person: { name: 'Luke', slow: 's', ...(isStreamed && { films: all }) } },
      hasNext: false,
    });
  });
});

function follow(urql: Client, variables: AnyVariables = {}) {
  return record(urql.subscription(documents.itemAdded, variables));
}

/** A list that is shown, and followed by a subscription. */
async function show(
  list: ItemList,
  options: UrqlExchangeOptions = {},
  requestPolicy: RequestPolicy = 'cache-first',
) {
  const exchange = createUrqlExchange(list.client, { clock: list.clock, ...options });
  const urql = createUrql([cacheExchange, exchange]);
  const shown: unknown[] = [];
  const watch = () => {
    const results = urql.query(documents.items, {}, { requestPolicy });
    const subscription = pipe(
      results,
      subscribe(({ data }) => shown.push(data)),
    );
    return () => subscription.unsubscribe();
  };
  const stop = watch();
  follow(urql);
  await list.clock.settle();
  return { urql, watch, stop, last: () => shown.at(-1) };
}

/** How often the list was asked for again. */
function refetches({ asked }: ItemList): number {
  return asked().filter((name) => name === 'Items').length - 1;
}

/** How long gaps are collected. */
const collected = 50;

describe('events that are missing', () => {
  it.each([undefined, 'gap'] as const)(
    'make it ask again for the queries that are in use, if resuming ends with %s',
    async (memory) => {
      const list = serveItemList(memory);
      const { last } = await show(list);
      list.items.push(toItem('missed'));
      await list.comeBack();
      await list.clock.advance(collected);

      expect(last()).toEqual({ items: [toItem('one'), toItem('missed')] });
      expect(refetches(list)).toBe(1);
    },
  );

  it('are not looked for in an answer that was under way before', async () => {
    const list = serveItemList('gap');
    const { client, release } = holdFirst(list);
    const { last } = await show({ ...list, client });
    list.items.push(toItem('missed'));
    list.server.push('ItemAdded', { extensions: { resume: { token: 'later', status: 'gap' } } });
    await list.clock.advance(collected);
    release();
    await list.clock.settle();

    expect(last()).toEqual({ items: [toItem('one'), toItem('missed')] });
    expect(refetches(list)).toBe(1);
  });

  it('are none if the server says so', async () => {
    const list = serveItemList('recovered');
    await show(list);
    await list.comeBack();
    await list.clock.advance(5_000);

    expect(refetches(list)).toBe(0);
  });

  it('lead to one answer for all subscriptions', async () => {
    const list = serveItemList('gap');
    const { urql } = await show(list);
    follow(urql, { n: 2 });
    follow(urql, { n: 3 });
    await list.clock.settle();
    await list.comeBack();
    await list.clock.advance(5_000);

    expect(refetches(list)).toBe(1);
  });

  it('make it ask again for a query that the cache has answered', async () => {
    const list = serveItemList('gap');
    const { last, stop, watch } = await show(list);
    stop();
    watch();
    list.items.push(toItem('missed'));
    await list.comeBack();
    await list.clock.advance(collected);

    expect(last()).toEqual({ items: [toItem('one'), toItem('missed')] });
    expect(refetches(list)).toBe(1);
  });

  it('leave queries alone that nobody watches', async () => {
    const list = serveItemList('gap');
    const { stop } = await show(list);
    stop();
    await list.comeBack();
    await list.clock.advance(5_000);

    expect(refetches(list)).toBe(0);
  });

  it('leave queries alone that are for the cache only', async () => {
    const list = serveItemList('gap');
    await show(list, {}, 'cache-only');
    await list.comeBack();
    await list.clock.advance(5_000);

    expect(list.asked()).not.toContain('Items');
  });

  it('are the business of a function, if there is one', async () => {
    const list = serveItemList('gap');
    const heard: unknown[] = [];
    const { urql } = await show(list, {
      onGap: ({ kind }, client) => heard.push([kind, client]),
    });
    await list.comeBack();
    await list.clock.advance(5_000);

    expect(heard).toEqual([['subscription', urql]]);
    expect(refetches(list)).toBe(0);
  });

  it('are told of, as every state of a subscription is', async () => {
    const list = serveItemList('gap');
    const heard: unknown[] = [];
    const { urql } = await show(list, {
      onState: (state, { kind }, client) => heard.push([state, kind, client]),
    });
    await list.comeBack();

    expect(heard.at(-1)).toEqual(['gap', 'subscription', urql]);
  });

  it("are nobody's business with `ignore`", async () => {
    const list = serveItemList('gap');
    await show(list, { onGap: 'ignore' });
    await list.comeBack();
    await list.clock.advance(5_000);

    expect(refetches(list)).toBe(0);
  });
});

describe('the cache', () => {
  it('asks again for the queries of the types that a subscription names', async () => {
    const list = serveItemList();
    const urql = createUrql([cacheExchange, createUrqlExchange(list.client)]);
    const { reports } = record(urql.query(documents.items, {}));
    record(urql.subscription(documents.itemAdded, {}, { additionalTypenames: ['Item'] }));
    await list.clock.settle();
    list.items.push(toItem('two'));
    await list.announce(toItem('two'));

    expect(reports.rest.at(-1)).toMatchObject({ data: { items: [toItem('one'), toItem('two')] } });
  });
});

describe("urql's own exchange of subscriptions", () => {
  it('takes the client as it is', async () => {
    const server = await serveFixture();
    const client = connect(server.httpUrl);
    const urql = createUrql([
      subscriptionExchange({
        forwardSubscription: ({ query = '', variables }) =>
          client.subscribe({ query, variables: { ...variables } }),
      }),
    ]);
    const { reports, stop } = record(urql.subscription(inRoom, { room: 'a' }));
    await server.sources(1);
    await server.app.publish('a', 'hi');

    expect(await reports.next()).toMatchObject(said('hi'));
    stop();
    await server.sources(0);
  });
});

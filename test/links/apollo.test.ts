import { ApolloClient, InMemoryCache, RefetchEventManager, gql } from '@apollo/client';
import type { ApolloLink, OperationVariables } from '@apollo/client';
import { CombinedGraphQLErrors, LinkError } from '@apollo/client/errors';
import { Defer20220824Handler, GraphQL17Alpha9Handler } from '@apollo/client/incremental';
import { TransportError, createClient } from 'millrace/client';
import { websocket } from 'millrace/client/websocket';
import { createApolloLink } from 'millrace/links/apollo';
import type { ApolloLinkOptions } from 'millrace/links/apollo';
import { describe, expect, it, onTestFinished } from 'vitest';

import { serveFixture } from '../support/fixture-server.ts';
import type { FixtureServer, FixtureServerOptions } from '../support/fixture-server.ts';
import { serveIncremental } from '../support/incremental-server.ts';
import { documents, holdFirst, serveItemList, toItem } from '../support/item-list.ts';
import type { ItemList } from '../support/item-list.ts';
import { Inbox } from '../support/waiting.ts';

type Extras = Partial<Omit<ApolloClient.Options, 'link' | 'cache'>>;

function createApollo(link: ApolloLink, extras: Extras = {}): ApolloClient {
  const apollo = new ApolloClient({ cache: new InMemoryCache(), link, ...extras });
  onTestFinished(() => apollo.stop());
  return apollo;
}

/** Apollo Client on a server of this package. */
async function serve(
  options: FixtureServerOptions = {},
): Promise<{ readonly server: FixtureServer; readonly apollo: ApolloClient }> {
  const server = await serveFixture(options);
  return { server, apollo: connect(server.httpUrl) };
}

function connect(url: string, extras?: Extras): ApolloClient {
  const client = createClient({ url, transport: websocket(), retry: false });
  onTestFinished(() => client.close());
  return createApollo(createApolloLink(client), extras);
}

function record(apollo: ApolloClient, query: string, variables: OperationVariables = {}) {
  const reports = new Inbox<unknown>('a report of a subscription');
  const subscription = apollo.subscribe({ query: gql(query), variables }).subscribe({
    next: ({ data, error }) => reports.push({ data, error }),
    complete: () => reports.push('complete'),
  });
  return { reports, stop: () => subscription.unsubscribe() };
}

const inRoom = 'subscription ($room: ID!) { message(room: $room) { text } }';
const said = (text: string) => ({
  data: { message: { __typename: 'Message', text } },
  error: undefined,
});

describe('the link', () => {
  it('carries queries, mutations and subscriptions over one connection', async () => {
    const { apollo, server } = await serve();
    const room = record(apollo, inRoom, { room: 'a' });
    await server.sources(1);

    const query = gql('query ($n: Int!) { double(n: $n) }');
    expect(await apollo.query({ query, variables: { n: 21 } })).toEqual({ data: { double: 42 } });
    const mutation = gql('mutation { post(room: "a", text: "posted") }');
    expect(await apollo.mutate({ mutation })).toEqual({ data: { post: true } });
    expect(await room.reports.next()).toEqual(said('posted'));
    expect(server.gauges().connections).toBe(1);
  });

  it('says everything that the operation says', async () => {
    const asked: unknown[] = [];
    const { apollo } = await serve({
      onSubscribe: ({ operation }) => {
        const { operationName, variables, extensions } = operation;
        asked.push({ operationName, variables, extensions });
      },
    });
    const query = gql('query Echo($text: String!) { echo(text: $text) }');
    await apollo.query({ query, variables: { text: 'hi' } });
    await new Promise<void>((complete) => {
      const subscription = gql('subscription { countdown(from: 1) }');
      apollo
        .subscribe({ query: subscription, extensions: { trace: 'on' } })
        .subscribe({ complete });
    });

    expect(asked).toEqual([
      { operationName: 'Echo', variables: { text: 'hi' } },
      { variables: {}, extensions: { trace: 'on' } },
    ]);
  });

  it('completes with the subscription', async () => {
    const { apollo } = await serve();
    const { reports } = record(apollo, 'subscription { countdown(from: 2) }');

    expect(await reports.take(3)).toEqual([
      { data: { countdown: 2 }, error: undefined },
      { data: { countdown: 1 }, error: undefined },
      'complete',
    ]);
  });

  it('stops a subscription that is unsubscribed', async () => {
    const { apollo, server } = await serve();
    const { stop } = record(apollo, inRoom, { room: 'a' });
    await server.sources(1);
    stop();

    await server.sources(0);
    expect(server.gauges()).toMatchObject({ connections: 1, operations: 0 });
  });

  it('stops a query that nobody waits for any more', async () => {
    const started = new Inbox<unknown>('an operation');
    const ended = new Inbox<unknown>('the end of an operation');
    const { apollo } = await serve({
      onSubscribe: () => started.push('started'),
      onComplete: () => ended.push('ended'),
    });
    const subscription = apollo.watchQuery({ query: gql('{ never }') }).subscribe({});
    await started.next();
    subscription.unsubscribe();

    expect(await ended.next()).toBe('ended');
  });

  it('stops what the signal of the context cancels', async () => {
    const { apollo, server } = await serve();
    const controller = new AbortController();
    const context = { fetchOptions: { signal: controller.signal } };
    const query = apollo.query({ query: gql('{ never }'), context });
    const failure = new Promise((next) => {
      apollo
        .subscribe({ query: gql(inRoom), variables: { room: 'a' }, context })
        .subscribe({ next });
    });
    await server.sources(1);
    controller.abort(new Error('enough'));

    await expect(query).rejects.toThrow('enough');
    expect(await failure).toMatchObject({ error: { message: 'enough' } });
    await server.sources(0);
    await expect(apollo.query({ query: gql('{ hello }'), context })).rejects.toThrow('enough');
  });
});

describe('errors', () => {
  it('of GraphQL are in the result, beside its data', async () => {
    const { apollo } = await serve();
    const query = gql('{ hello fails }');
    const { data, error } = await apollo.query({ query, errorPolicy: 'all' });

    expect(data).toEqual({ hello: 'world', fails: null });
    expect(CombinedGraphQLErrors.is(error)).toBe(true);
    expect(error?.message).toBe('lookup failed');
  });

  it('of one event do not end a subscription', async () => {
    const { apollo } = await serve();
    const { reports } = record(apollo, 'subscription { flaky }');

    expect(await reports.take(4)).toEqual([
      { data: { flaky: 1 }, error: undefined },
      { data: undefined, error: expect.any(CombinedGraphQLErrors) },
      { data: { flaky: 3 }, error: undefined },
      'complete',
    ]);
  });

  it('of a subscription that is refused are a result, too', async () => {
    const { apollo } = await serve();
    const { reports } = record(apollo, 'subscription { refuses }');

    expect(await reports.take(2)).toEqual([
      { data: undefined, error: expect.objectContaining({ message: 'no such room' }) },
      'complete',
    ]);
  });

  it('of the transport are what Apollo knows as errors of a link', async () => {
    const { apollo } = await serve({
      onConnect: () => {
        throw new Error('secret');
      },
    });
    const failure: unknown = await apollo
      .query({ query: gql('{ hello }') })
      .catch((e: unknown) => e);

    expect(failure).toBeInstanceOf(TransportError);
    expect(LinkError.is(failure)).toBe(true);
    const { reports } = record(apollo, inRoom, { room: 'a' });
    expect(await reports.next()).toEqual({
      data: undefined,
      error: expect.objectContaining({ code: 'CONNECTION_REFUSED' }),
    });
  });

  it('of a client that was closed are what the operation fails with', async () => {
    const { client } = serveItemList();
    const apollo = createApollo(createApolloLink(client));
    client.close();

    await expect(apollo.query({ query: gql('{ hello }') })).rejects.toThrow('closed');
    const { reports } = record(apollo, documents.itemAdded);
    expect(await reports.next()).toMatchObject({ error: { message: 'The client was closed' } });
  });
});

describe('results that come in parts', () => {
  it.each([
    ['incrementalSpec=v0.2', new GraphQL17Alpha9Handler()],
    ['deferSpec=20220824', new Defer20220824Handler()],
  ] as const)('reach the handler of %s as they come', async (incrementalFormat, handler) => {
    const { httpUrl } = await serveIncremental({ incrementalFormat });
    const apollo = connect(httpUrl, {
      // its types leave `exactOptionalPropertyTypes` out of account
      incrementalHandler: handler as Defer20220824Handler,
    });
    const query = gql(
      '{ person { name ... @defer { slow films @stream(initialCount: 1) { title } } } }',
    );
    const seen = new Inbox<unknown>('a result');
    const subscription = apollo.watchQuery({ query }).subscribe(({ data, dataState }) => {
      if (data) seen.push({ data, dataState });
    });
    onTestFinished(() => subscription.unsubscribe());

    const person = { __typename: 'Person', name: 'Luke' };
    expect(await seen.next()).toEqual({ data: { person }, dataState: 'streaming' });
    let last: unknown;
    do last = await seen.next();
    while ((last as { readonly dataState: string }).dataState !== 'complete');
    expect(last).toMatchObject({ data: { person: { ...person, slow: 's' } } });
  });
});

describe('the cache', () => {
  it('has what a subscription brings of things that it knows', async () => {
    const list = serveItemList();
    const apollo = createApollo(createApolloLink(list.client));
    const query = gql(documents.items);
    await apollo.query({ query });
    record(apollo, documents.itemAdded);
    await list.clock.settle();
    await list.announce({ ...toItem('one'), text: 'changed' });

    expect(apollo.readQuery({ query })).toEqual({
      items: [{ ...toItem('one'), text: 'changed' }],
    });
  });
});

function watch(apollo: ApolloClient, options: Partial<ApolloClient.WatchQueryOptions> = {}) {
  return apollo.watchQuery({ query: gql(documents.items), ...options });
}

function follow(apollo: ApolloClient, variables: OperationVariables = {}) {
  return apollo.subscribe({ query: gql(documents.itemAdded), variables }).subscribe({});
}

/** A list that is shown, and followed by a subscription. */
async function show(list: ItemList, options: ApolloLinkOptions = {}, extras?: Extras) {
  const link = createApolloLink(list.client, { clock: list.clock, ...options });
  const apollo = createApollo(link, extras);
  const shown: unknown[] = [];
  watch(apollo).subscribe(({ data }) => shown.push(data));
  follow(apollo);
  await list.clock.settle();
  return { apollo, last: () => shown.at(-1) };
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
    const { apollo } = await show(list);
    follow(apollo, { n: 2 });
    follow(apollo, { n: 3 });
    await list.clock.settle();
    await list.comeBack();
    await list.clock.advance(5_000);

    expect(refetches(list)).toBe(1);
  });

  it('leave queries alone that nobody watches, or that are for the cache only', async () => {
    const list = serveItemList('gap');
    const apollo = createApollo(createApolloLink(list.client, { clock: list.clock }));
    const asked = apollo.query({ query: gql(documents.items) });
    watch(apollo, { fetchPolicy: 'cache-only' }).subscribe({});
    follow(apollo);
    await list.clock.settle();
    await asked;
    await list.comeBack();
    await list.clock.advance(5_000);

    expect(refetches(list)).toBe(0);
  });

  it('are the business of a function, if there is one', async () => {
    const list = serveItemList('gap');
    const heard: unknown[] = [];
    const { apollo } = await show(list, {
      onGap: ({ client, operationName }) => heard.push([client, operationName]),
    });
    await list.comeBack();
    await list.clock.advance(5_000);

    expect(heard).toEqual([[apollo, 'ItemAdded']]);
    expect(refetches(list)).toBe(0);
  });

  it('are told of, as every state of a subscription is', async () => {
    const list = serveItemList('gap');
    const heard: unknown[] = [];
    const { apollo } = await show(list, {
      onState: (state, { client, operationName }) => heard.push([state, operationName, client]),
    });
    await list.comeBack();

    expect(heard.at(-1)).toEqual(['gap', 'ItemAdded', apollo]);
  });

  it("are nobody's business with `ignore`", async () => {
    const list = serveItemList('gap');
    await show(list, { onGap: 'ignore' });
    await list.comeBack();
    await list.clock.advance(5_000);

    expect(refetches(list)).toBe(0);
  });

  it('are an event of the manager of refetches, which queries may decline', async () => {
    const list = serveItemList('gap');
    const payloads: unknown[] = [];
    const refetchEventManager = new RefetchEventManager({ sources: { subscriptionGap: true } });
    const { apollo, last } = await show(list, {}, { refetchEventManager });
    watch(apollo, {
      query: gql('query Declines { declined: items { id } }'),
      refetchOn: { subscriptionGap: false },
    }).subscribe({});
    watch(apollo, {
      query: gql('query Asks { asking: items { id } }'),
      refetchOn: {
        subscriptionGap: ({ payload }) => {
          payloads.push(...payload.map(({ operationName }) => operationName));
          return false;
        },
      },
    }).subscribe({});
    await list.clock.settle();
    list.items.push(toItem('missed'));
    await list.comeBack();
    await list.clock.advance(collected);

    expect(last()).toEqual({ items: [toItem('one'), toItem('missed')] });
    expect(list.asked().slice(-1)).toEqual(['Items']);
    expect(payloads).toEqual(['ItemAdded']);
  });

  it('make it ask again for everything where the manager of refetches has no such event', async () => {
    const list = serveItemList('gap');
    const refetchEventManager = new RefetchEventManager({ sources: {} });
    await show(list, {}, { refetchEventManager });
    await list.comeBack();
    await list.clock.advance(collected);

    expect(refetches(list)).toBe(1);
  });
});

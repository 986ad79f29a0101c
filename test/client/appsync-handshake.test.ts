import type { Authorization } from 'millrace/client/appsync';
import { describe, expect, it } from 'vitest';

import { signedBy } from '../../examples/appsync/signed.ts';
import {
  createAppsyncStage,
  host,
  live,
  query,
  startMessage,
  starting,
  tokenOf,
  url,
} from '../support/appsync-stage.ts';
import { consume } from '../support/watched-client.ts';

describe('where a client connects', () => {
  it('AS-40 is the real-time host of AWS, or a path of its own', async () => {
    const { client, peer, clock } = createAppsyncStage();
    consume(client.subscribe({ query }));
    await clock.settle();

    expect(peer.connections[0]?.attempt.url).toBe('wss://api.example.com/graphql/realtime');
  });

  it.each([
    'ws://api.example.com/graphql',
    () => Promise.resolve(new URL('http://api.example.com/graphql')),
  ])('AS-40 AS-41 follows from whatever stands for the endpoint: %s', async (given) => {
    const { client, peer, clock, asked } = createAppsyncStage({ client: { url: given } });
    consume(client.subscribe({ query }));
    await clock.settle();

    expect(peer.connections[0]?.attempt.url).toBe('ws://api.example.com/graphql/realtime');
    expect(asked).toEqual([{ url: 'http://api.example.com/graphql/connect', host, data: '{}' }]);
  });

  it('may be said, and the host stays that of the GraphQL endpoint', async () => {
    const { client, peer, clock } = createAppsyncStage({
      appsync: { realtimeUrl: () => 'https://sockets.example.com/' },
    });
    consume(client.subscribe({ query }));
    await clock.settle();

    expect(peer.connections[0]?.attempt.url).toBe('wss://sockets.example.com/');
    expect(tokenOf(peer)).toMatchObject({ host });
  });
});

describe('what a client shows', () => {
  it('AS-41 AS-43 AS-45 for a connection: an authorization with the host, asked for anew', async () => {
    const { peer, clock, asked } = await live();
    expect(tokenOf(peer)).toEqual({ host, Authorization: 'token 1' });

    peer.drop();
    await clock.advance(1_000);

    expect(tokenOf(peer)).toEqual({ host, Authorization: 'token 3' });
    expect(asked[0]).toEqual({ url: `${url}/connect`, host, data: '{}' });
  });

  it('AS-42 in the query', async () => {
    const { client, peer, clock } = createAppsyncStage({ appsync: { variant: 'query' } });
    consume(client.subscribe({ query }));
    await clock.settle();

    const { attempt } = peer.connections[0] ?? {};
    const { searchParams } = new URL(attempt?.url ?? '');
    expect(JSON.parse(atob(searchParams.get('header') ?? ''))).toEqual({
      host,
      Authorization: 'token 1',
    });
    expect(searchParams.get('payload')).toBe('e30=');
    expect(attempt?.subprotocols).toEqual(['graphql-ws']);
  });

  it('in headers, besides those of the program', async () => {
    const { client, peer, clock } = createAppsyncStage({
      appsync: { variant: 'headers', headers: () => ({ 'x-trace': 't' }) },
    });
    consume(client.subscribe({ query }));
    await clock.settle();

    const { attempt } = peer.connections[0] ?? {};
    expect(attempt?.headers).toEqual({ host, authorization: 'token 1', 'x-trace': 't' });
    expect(attempt?.url).toBe('wss://api.example.com/graphql/realtime');
  });

  it('AS-44 AS-45 for each subscription: a fresh authorization, over the text that is sent', async () => {
    const { client, start, sent, asked } = await starting();
    const variables = { n: 1 };
    consume(client.subscribe({ query, variables, operationName: 'S' }));

    const second = await sent();

    expect(start).toEqual(startMessage('token 2'));
    expect(second.payload?.['extensions']).toEqual({
      authorization: { host, Authorization: 'token 3' },
    });
    expect(asked.slice(1)).toMatchObject([
      { url, host, data: start.payload?.['data'], request: { query } },
      { url, host, data: second.payload?.['data'], request: { query, variables } },
    ]);
    expect(JSON.parse(String(second.payload?.['data']))).toEqual({
      query,
      variables,
      operationName: 'S',
    });
  });

  it('AS-45 may be signed, over what is sent', async () => {
    const signed: unknown[] = [];
    const authorization = signedBy({
      async sign({ headers, ...request }) {
        signed.push(request);
        return { headers: { ...headers, authorization: `signature ${signed.length}` } };
      },
    });
    const { start } = await starting({ appsync: { authorization } });

    const request = { method: 'POST', protocol: 'https:', hostname: host };
    expect(signed).toEqual([
      { ...request, path: '/graphql/connect', body: '{}' },
      { ...request, path: '/graphql', body: start.payload?.['data'] },
    ]);
    expect(start.payload?.['extensions']).toMatchObject({
      authorization: { host, authorization: 'signature 2', 'content-encoding': 'amz-1.0' },
    });
  });

  it('AS-45 may be one object for everything', async () => {
    const { peer, start } = await starting({ appsync: { authorization: { 'x-api-key': 'k' } } });

    expect(tokenOf(peer)).toEqual({ host, 'x-api-key': 'k' });
    expect(start.payload?.['extensions']).toEqual({
      authorization: { host, 'x-api-key': 'k' },
    });
  });
});

describe('the authorization of a connection', () => {
  it('that cannot be found out ends what waits for it', async () => {
    const cause = new Error('no token');
    const { client, losses, clock } = createAppsyncStage({
      appsync: { authorization: () => Promise.reject(cause) },
    });
    const consumer = consume(client.subscribe({ query }));

    expect(await consumer.failed()).toMatchObject({ code: 'CLIENT_ERROR', cause });
    expect(losses).toMatchObject([{ retryInMs: undefined }]);
    expect(clock.timerCount).toBe(0);
  });

  it('that takes too long is a connection that takes too long', async () => {
    const { client, losses, clock, peer } = createAppsyncStage({
      appsync: { authorization: () => new Promise(() => {}), connectTimeoutMs: 1_000 },
    });
    consume(client.subscribe({ query }));
    await clock.advance(1_000);

    expect(losses).toMatchObject([{ failure: { code: 'CONNECT_TIMEOUT' }, retryInMs: 500 }]);
    expect(peer.connections).toEqual([]);
  });

  it('opens nothing if it comes when nobody wants it any more', async () => {
    const given: ((authorization: Authorization) => void)[] = [];
    const { client, clock, peer } = createAppsyncStage({
      appsync: { authorization: () => new Promise((resolve) => void given.push(resolve)) },
    });
    consume(client.subscribe({ query }));
    await clock.settle();

    client.close();
    for (const give of given) give({});
    await clock.settle();

    expect(given).toHaveLength(1);
    expect(peer.connections).toEqual([]);
    expect(clock.timerCount).toBe(0);
  });
});

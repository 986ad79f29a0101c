import { createClient } from 'millrace/client';
import { appsync } from 'millrace/client/appsync';
import type { AppsyncOptions, Authorization, AuthorizationRequest } from 'millrace/client/appsync';
import { VirtualClock, manualSignals, scriptedPeer } from 'millrace/testing';
import { describe, expect, it, onTestFinished } from 'vitest';

import { appsync as appsyncOfBrowsers } from '../../src/client/appsync.ts';
import { UsageError } from '../../src/errors.ts';
import {
  ackPayload,
  createAppsyncStage,
  host,
  live,
  query,
  result,
  tokenOf,
  url,
} from '../support/appsync-stage.ts';
import { consume } from '../support/watched-client.ts';

describe('a connection', () => {
  it('AS-48 is made again when the announced time passes without traffic', async () => {
    const { handle, peer, clock, losses, say } = await live();
    await clock.advance(299_999);
    await say({ type: 'ka' });
    await clock.advance(299_999);
    expect(handle.status.current).toBe('live');

    await clock.advance(1);

    expect(peer.connection.closing).toMatchObject({ code: 4499 });
    expect(losses).toMatchObject([{ failure: { closeCode: 4499, retryable: true } }]);
    await clock.advance(1_000);
    expect(peer.connections).toHaveLength(2);
  });

  it('AS-48 may be given up earlier than the server wants it', async () => {
    const { peer, clock } = await live({ appsync: { connectionTimeoutMs: 65_000 } });

    await clock.advance(64_999);
    expect(peer.connection.closing).toBeUndefined();
    await clock.advance(1);

    expect(peer.connection.closing).toMatchObject({ code: 4499 });
  });

  it.each([
    [{ message: 'no', errorCode: 401 }, undefined],
    [{ message: 'no', errorType: 'UnauthorizedException' }, undefined],
    [{ message: 'slow down', errorType: 'LimitExceededError', errorCode: 429 }, 500],
  ])('AS-50 is tried again after %j: %s', async (error, retryInMs) => {
    const { client, peer, clock, losses } = createAppsyncStage();
    const consumer = consume(client.subscribe({ query }));
    await peer.accept();
    await clock.settle();
    peer.send({ type: 'connection_error', payload: { errors: [error] } });
    await clock.settle();

    expect(losses).toMatchObject([{ failure: { payload: { errors: [error] } }, retryInMs }]);
    expect(consumer.end === undefined).toBe(retryInMs !== undefined);
    await clock.advance(60_000);
    expect(peer.connections.length > 1).toBe(retryInMs !== undefined);
  });

  it('AS-51 is tried again with pauses that grow, each of them a matter of chance', async () => {
    const chances = [0, 0.5, 0.25, 0.5, 0.5];
    const { client, peer, clock, losses } = createAppsyncStage({
      client: { random: () => chances.shift() ?? 0 },
    });
    consume(client.subscribe({ query }));
    for (let attempt = 0; attempt < 5; attempt += 1) {
      await peer.refuse();
      await clock.settle();
      await clock.advance(losses.at(-1)?.retryInMs ?? 0);
    }

    expect(losses.map(({ retryInMs }) => retryInMs)).toEqual([0, 1_000, 1_000, 4_000, 8_000]);
  });

  it('AS-53 is never asked whether it lives', async () => {
    const { client, peer, clock } = await live();
    await clock.advance(250_000);
    client.reconnect();
    await clock.settle();

    expect(peer.connections[0]?.messages.map(({ type }) => type)).toEqual([
      'connection_init',
      'start',
    ]);
  });

  it('AS-54 goes on after messages of unknown types', async () => {
    const { consumer, say, violations } = await live();

    await say({ type: 'unsubscribe_success', id: '1' }, { type: 'ping' });
    await say({ id: '1', type: 'data', payload: result });

    expect(consumer.rest).toEqual([result]);
    expect(violations).toHaveLength(2);
  });

  it('is closed with 1000 when nobody has needed it for a while', async () => {
    const { consumer, peer, clock } = await live();

    consumer.stop();
    await clock.advance(60_000);

    expect(peer.connection.closing).toMatchObject({ code: 1000 });
    expect(clock.timerCount).toBe(0);
  });

  it.each(['authorizing', 'starting', 'live'])(
    'leaves nothing behind when the client is closed while a subscription is %s',
    async (state) => {
      const authorization = ({ request }: AuthorizationRequest): Promise<Authorization> =>
        state === 'authorizing' && request ? new Promise(() => {}) : Promise.resolve({});
      const { client, peer, clock, say } = createAppsyncStage({ appsync: { authorization } });
      const consumer = consume(client.subscribe({ query }));
      await peer.acknowledge(ackPayload);
      await clock.settle();
      if (state === 'live') await say({ id: '1', type: 'start_ack' });

      client.close();
      await clock.settle();

      expect(consumer.end).toBe('complete');
      expect(clock.timerCount).toBe(0);
      expect(peer.connection.closing).toMatchObject({ code: 1000 });
    },
  );

  it('sends what a program holds for connections of other protocols nowhere', async () => {
    const { peer } = await live({ client: { connectionParams: { token: 'secret' } } });

    expect(peer.connection.frames.join('\n')).not.toContain('secret');
  });
});

describe('what AppSync does not carry over sockets', () => {
  it.each(['query', 'mutate'] as const)(
    '%s is refused, with the way that it can go',
    async (kind) => {
      const { client } = createAppsyncStage();

      const failure: unknown = await client[kind]({ query: '{ a }' }).catch(
        (error: unknown) => error,
      );

      expect(failure).toMatchObject({
        code: 'CLIENT_ERROR',
        retryable: false,
        message: expect.stringContaining('queries: http()'),
      });
      expect(failure).toHaveProperty('cause', expect.any(UsageError));
    },
  );
});

describe('options that cannot be', () => {
  // programs without types
  const without = {} as unknown as AppsyncOptions;
  const headers = { authorization: {}, variant: 'headers' } as unknown as Parameters<
    typeof appsyncOfBrowsers
  >[0];

  it.each([
    ['no authorization', () => appsync(without)],
    ['headers in a browser', () => appsyncOfBrowsers(headers)],
    ['no WebSocket', () => appsyncOfBrowsers({ authorization: {} })],
    [
      'an unknown variant',
      () => appsync({ authorization: {}, variant: 'cookie' as unknown as 'query' }),
    ],
  ])('throw at once: %s', (_what, make) => {
    expect(make).toThrow(UsageError);
  });
});

it('a client of a browser does the same', async () => {
  const clock = new VirtualClock();
  const peer = scriptedPeer({ clock });
  const client = createClient({
    url,
    transport: appsyncOfBrowsers({
      authorization: { 'x-api-key': 'k' },
      WebSocket: peer.WebSocket,
    }),
    clock,
    signals: manualSignals().signals,
  });
  onTestFinished(() => client.close());
  const handle = client.subscribe({ query });
  const consumer = consume(handle);
  await peer.acknowledge(ackPayload);
  await clock.settle();
  const { id } = await peer.expect({ type: 'start' });
  peer.send({ id, type: 'start_ack' }, { id, type: 'data', payload: result });
  await clock.settle();

  expect(await consumer.next()).toEqual(result);
  expect(tokenOf(peer)).toEqual({ host, 'x-api-key': 'k' });
});

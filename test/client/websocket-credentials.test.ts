import { subscriptionsTransportWs, websocket } from 'millrace/client/websocket';
import { describe, expect, it } from 'vitest';

import { serveProtocol } from '../support/protocol-server.ts';
import { consume, watchClient } from '../support/watched-client.ts';
import type { WatchedClientOptions } from '../support/watched-client.ts';

const query = 'subscription { a }';

/** A client that gives another token each time, and one subscription. */
async function withTokens(options: WatchedClientOptions = {}) {
  let tokens = 0;
  const server = await serveProtocol();
  const watched = watchClient(server.url, {
    connectionParams: async () => ({ token: (tokens += 1) }),
    ...options,
  });
  const consumer = consume(watched.client.subscribe({ query }));
  return { server, ...watched, consumer, tokens: () => tokens };
}

describe('connection parameters', () => {
  it('are what the init message carries', async () => {
    const server = await serveProtocol();
    const { client } = watchClient(server.url, { connectionParams: { token: 't0k3n' } });
    consume(client.subscribe({ query }));

    const peer = await server.connection();

    expect(await peer.next()).toEqual({ type: 'connection_init', payload: { token: 't0k3n' } });
  });

  it('are asked for once per connection, not per operation', async () => {
    const { server, client, comeBack, tokens } = await withTokens();
    consume(client.subscribe({ query }));
    const first = await server.connection();
    expect(await first.next()).toEqual({ type: 'connection_init', payload: { token: 1 } });
    first.send({ type: 'connection_ack' });
    await first.take(2);
    first.vanish();
    await comeBack();
    const second = await server.connection();

    expect(await second.next()).toEqual({ type: 'connection_init', payload: { token: 2 } });
    expect(tokens()).toBe(2);
  });

  it.each([
    [
      'throw',
      () => {
        throw new Error('no token');
      },
    ],
    ['reject', () => Promise.reject(new Error('no token'))],
  ])('that %s end each operation with one failure', async (_how, connectionParams) => {
    const { server, client, consumer } = await withTokens({ connectionParams });
    const other = consume(client.subscribe({ query }));
    const result = client.query({ query: '{ a }' }).catch((error: unknown) => error);

    const peer = await server.connection();
    expect(await peer.closed()).toMatchObject({ code: 4005 });
    const failure = await consumer.failed();
    expect(failure).toMatchObject({
      code: 'CLIENT_ERROR',
      retryable: false,
      cause: { message: 'no token' },
    });
    expect(await other.failed()).toBe(failure);
    expect(await result).toBe(failure);
    expect(server.connectionCount).toBe(1);
  });

  it('that reject are asked for again if `shouldRetry` says so', async () => {
    let isDown = true;
    const { server, consumer, comeBack } = await withTokens({
      connectionParams: async () => {
        if (isDown) throw new Error('the token server is down');
        return { token: 't0k3n' };
      },
      retry: { shouldRetry: ({ code }) => code === 'CLIENT_ERROR' },
    });
    await (await server.connection()).closed();
    isDown = false;
    await comeBack();

    expect(await (await server.connection()).next()).toMatchObject({ payload: { token: 't0k3n' } });
    expect(consumer.end).toBeUndefined();
  });

  it('that JSON cannot hold end each operation, too', async () => {
    const { consumer } = await withTokens({ connectionParams: { token: 1n } });

    expect(await consumer.failed()).toMatchObject({ code: 'CLIENT_ERROR', retryable: false });
  });

  it('that are never had do not hang the operations: the connection takes too long', async () => {
    const { server, clock, lost, consumer } = await withTokens({
      connectionParams: () => new Promise(() => {}),
    });
    const peer = await server.connection();

    await clock.advance(10_000);

    expect(await lost()).toMatchObject({ failure: { code: 'CONNECT_TIMEOUT' }, retryInMs: 500 });
    expect(await peer.closed()).toMatchObject({ code: 1000 });
    expect(consumer.end).toBeUndefined();
  });

  it('that come too late are not sent', async () => {
    const askers: ((parameters: object) => void)[] = [];
    const { server, clock, lost } = await withTokens({
      retry: false,
      connectionParams: () =>
        new Promise((resolve) => {
          askers.push(resolve as (parameters: object) => void); // it takes more than that
        }),
    });
    const peer = await server.connection();
    await peer.rest();
    await clock.advance(10_000);
    await lost();

    for (const give of askers) give({ token: 't0k3n' });
    await peer.closed();

    expect(await peer.rest()).toEqual([]);
  });
});

describe('credentials that the server refuses', () => {
  it('with 4403 before the ack: asked for once more, then it is final', async () => {
    const { server, comeBack, lost, consumer, tokens } = await withTokens();
    for (const token of [1, 2]) {
      const peer = await server.connection();
      expect(await peer.next()).toMatchObject({ payload: { token } });
      peer.close(4403, 'Forbidden');
      if (token === 1) await comeBack();
    }

    expect(await lost()).toMatchObject({ failure: { closeCode: 4403 }, retryInMs: undefined });
    expect(await consumer.failed()).toMatchObject({ closeCode: 4403, reason: 'Forbidden' });
    expect(tokens()).toBe(2);
  });

  it('with 4403 before the ack are final at once if they are no function', async () => {
    const { server, consumer } = await withTokens({ connectionParams: { token: 'old' } });
    const peer = await server.connection();
    await peer.next();

    peer.close(4403);

    expect(await consumer.failed()).toMatchObject({ closeCode: 4403, retryable: false });
    expect(server.connectionCount).toBe(1);
  });

  it('with 4403 after the ack are fetched anew, as often as that happens', async () => {
    const { server, comeBack, consumer, clock } = await withTokens();
    for (const token of [1, 2, 3, 4]) {
      const peer = await server.connection();
      expect(await peer.next()).toMatchObject({ payload: { token } });
      peer.send({ type: 'connection_ack' });
      await peer.next();
      await clock.advance(15_000);
      peer.close(4403);
      await comeBack();
    }

    expect(consumer.end).toBeUndefined();
  });

  it('with 4403 after the ack are fetched anew also shortly after another loss', async () => {
    const { server, comeBack, consumer } = await withTokens();
    for (const code of [1012, 4403, 4403]) {
      const peer = await server.ready();
      await peer.next();
      peer.close(code);
      await comeBack();
    }

    expect(await (await server.connection()).next()).toMatchObject({ payload: { token: 4 } });
    expect(consumer.end).toBeUndefined();
  });

  it('with 4403 before the ack are asked for once more also after other losses', async () => {
    const { server, comeBack, consumer } = await withTokens();
    (await server.connection()).vanish();
    await comeBack();
    (await server.connection()).vanish();
    await comeBack();
    const refused = await server.connection();
    await refused.next();
    refused.close(4403);
    await comeBack();

    expect(await (await server.connection()).next()).toMatchObject({ payload: { token: 4 } });
    expect(consumer.end).toBeUndefined();
  });

  it('with 4403 do not count for an operation that comes later', async () => {
    const { server, client, comeBack, lost, consumer } = await withTokens();
    (await server.connection()).close(4403);
    await comeBack();
    (await server.connection()).close(4403);
    await lost();
    await consumer.failed();

    const later = consume(client.subscribe({ query }));
    (await server.connection()).close(4403);

    expect(await comeBack()).toMatchObject({ retryInMs: 500 });
    await server.ready();
    expect(server.connectionCount).toBe(4);
    expect(later.end).toBeUndefined();
  });

  it('with 4403 do not count for another client of the same transport', async () => {
    const transport = websocket();
    const first = await withTokens({ transport });
    (await first.server.connection()).close(4403);
    await first.comeBack();
    (await first.server.connection()).close(4403);
    await first.consumer.failed();

    const second = await withTokens({ transport });
    (await second.server.connection()).close(4403);

    expect(await second.comeBack()).toMatchObject({ retryInMs: 500 });
    expect(await (await second.server.connection()).next()).toMatchObject({
      payload: { token: 2 },
    });
  });

  it.each(['before', 'after'])('with 4401 %s the ack are never tried again', async (when) => {
    const { server, consumer, tokens, clock } = await withTokens();
    const peer = when === 'before' ? await server.connection() : await server.ready();
    await peer.next();

    peer.close(4401);

    expect(await consumer.failed()).toMatchObject({ closeCode: 4401, retryable: false });
    await clock.advance(600_000);
    expect(tokens()).toBe(1);
  });

  it('LW-49 by connection_error: what the server said is in the failure', async () => {
    const server = await serveProtocol('graphql-ws');
    const { client } = watchClient(server.url, {
      socket: { protocol: subscriptionsTransportWs },
      connectionParams: { token: 'old' },
    });
    const consumer = consume(client.subscribe({ query }));
    const peer = await server.connection();
    await peer.next();

    peer.send({ type: 'connection_error', payload: { message: 'Prohibited connection!' } });

    expect(await consumer.failed()).toMatchObject({
      closeCode: 4403,
      retryable: false,
      payload: { message: 'Prohibited connection!' },
    });
    expect(await peer.closed()).toMatchObject({ code: 4403 });
  });
});

import type { RetryOptions } from 'millrace/client';
import { describe, expect, it } from 'vitest';

import { serveProtocol } from '../support/protocol-server.ts';
import { consume, watchClient } from '../support/watched-client.ts';
import type { WatchedClientOptions } from '../support/watched-client.ts';

const query = 'subscription { a }';

/** A client with one subscription that runs. */
async function subscribed(options: WatchedClientOptions = {}) {
  const server = await serveProtocol();
  const watched = watchClient(server.url, options);
  const handle = watched.client.subscribe({ query });
  const consumer = consume(handle);
  const peer = await server.ready();
  expect(await peer.next()).toMatchObject({ type: 'subscribe' });
  return { server, ...watched, handle, consumer, peer };
}

describe('a connection that is lost', () => {
  it.each([1001, 1005, 1006, 1012, 1013, 4408])(
    'TW-77 TW-78 with %i is made again, and the subscription is sent again',
    async (code) => {
      const { server, peer, comeBack, consumer, handle } = await subscribed();

      if (code === 1006) peer.vanish();
      else peer.close(code === 1005 ? undefined : code);
      const { failure } = await comeBack();
      const second = await server.ready();

      expect(failure).toMatchObject({ closeCode: code, retryable: true });
      expect(await second.next()).toEqual({ id: '1', type: 'subscribe', payload: { query } });
      second.send({ id: '1', type: 'next', payload: { data: { a: 1 } } });
      expect(await consumer.next()).toEqual({ data: { a: 1 } });
      expect(handle.status.current).toBe('live');
    },
  );

  it.each([4400, 4401, 4406, 4409, 4429, 4500, 1002, 1003, 1007, 1008, 1009, 1011])(
    'TW-75 TW-76 with %i ends the operations, at once and for good',
    async (code) => {
      const { server, peer, consumer, clock, losses } = await subscribed();

      peer.close(code, 'because');

      expect(await consumer.failed()).toMatchObject({
        code: 'CONNECTION_REFUSED',
        closeCode: code,
        reason: 'because',
        retryable: false,
      });
      expect(losses).toMatchObject([{ retryInMs: undefined }]);
      await clock.advance(600_000);
      expect(server.connectionCount).toBe(1);
    },
  );

  it('TW-75 with 1000 before the ack is made again, and nobody hangs', async () => {
    const server = await serveProtocol();
    const { client, comeBack } = watchClient(server.url);
    const subscription = consume(client.subscribe({ query }));
    const result = client.query({ query: '{ a }' }).catch((error: unknown) => error);
    const peer = await server.connection();
    await peer.next();

    peer.close(1000);
    await comeBack();

    expect(await result).toMatchObject({ name: 'TransportError', closeCode: 1000 });
    expect(await (await server.ready()).next()).toMatchObject({ type: 'subscribe' });
    expect(subscription.end).toBeUndefined();
  });

  it('is made again once, however many operations were on it, and each is sent again once', async () => {
    const { server, client, peer, comeBack, clock } = await subscribed();
    for (let count = 1; count < 50; count += 1) consume(client.subscribe({ query }));
    await peer.take(49);

    peer.vanish();
    await comeBack();
    const second = await server.ready();

    expect(await second.take(50)).toHaveLength(50);
    expect(await second.rest()).toEqual([]);
    await clock.advance(20_000);
    expect(server.connectionCount).toBe(2);
  });

  it('takes only what runs with it: what ended is not sent again', async () => {
    const { server, client, peer, comeBack } = await subscribed();
    const completed = consume(client.subscribe({ query: 'subscription { completed }' }));
    const cancelled = consume(client.subscribe({ query: 'subscription { cancelled }' }));
    await peer.take(2);
    peer.send({ id: '2', type: 'complete' });
    await completed.ended();
    cancelled.stop();

    peer.vanish();
    await comeBack();
    const second = await server.ready();

    expect(await second.next()).toMatchObject({ payload: { query } });
    expect(await second.rest()).toEqual([]);
  });

  it('TW-78 never sends a mutation again, by whatever method it was sent', async () => {
    const { server, client, peer, comeBack } = await subscribed();
    const mutation = '# a comment\n mutation { a }';
    const mutate = client.mutate({ query: mutation }).catch((error: unknown) => error);
    const subscribe = consume(client.subscribe({ query: mutation }));
    await peer.take(2);

    peer.vanish();
    await comeBack();

    expect(await mutate).toMatchObject({ name: 'TransportError', retryable: true });
    expect(await subscribe.failed()).toMatchObject({ name: 'TransportError' });
    const second = await server.ready();
    expect(await second.next()).toMatchObject({ payload: { query } });
    expect(await second.rest()).toEqual([]);
  });

  it('sends again what says that it may be', async () => {
    const { server, client, peer, comeBack } = await subscribed({});
    const result = client.query({ query: '{ a }', retry: true });
    const never = consume(client.subscribe({ query, retry: false }));
    await peer.take(2);

    peer.vanish();
    await comeBack();
    const second = await server.ready();

    expect(await second.take(2)).toMatchObject([
      { payload: { query } },
      { payload: { query: '{ a }' } },
    ]);
    expect(await never.failed()).toMatchObject({ retryable: true });
    second.send({ id: '2', type: 'next', payload: { data: { a: 1 } } });
    expect(await result).toEqual({ data: { a: 1 } });
  });

  it('keeps what begins during the pause for the next attempt, and makes none for it', async () => {
    const { server, client, peer, lost, clock } = await subscribed();
    peer.vanish();
    const { retryInMs = 0 } = await lost();

    const late = consume(client.subscribe({ query: 'subscription { late }' }));
    await clock.settle();
    expect(server.connectionCount).toBe(1);
    await clock.advance(retryInMs);

    expect(await (await server.ready()).take(2)).toMatchObject([
      { payload: { query } },
      { payload: { query: 'subscription { late }' } },
    ]);
    expect(late.end).toBeUndefined();
  });

  it('is not made again for nobody: who leaves during the pause ends it', async () => {
    const { server, peer, lost, clock, consumer } = await subscribed();
    peer.vanish();
    await lost();

    consumer.stop();

    expect(clock.timerCount).toBe(0);
    await clock.advance(600_000);
    expect(server.connectionCount).toBe(1);
  });

  it('is made again at once when the network is back', async () => {
    const { server, peer, lost, wake, clock } = await subscribed();
    peer.vanish();
    await lost();

    wake();

    await server.ready();
    await clock.advance(20_000);
    expect(server.connectionCount).toBe(2);
  });

  it('that may be dead is asked when the network is back, and is given up if it does not answer', async () => {
    const { peer, lost, wake, clock, consumer } = await subscribed();

    wake();
    expect(await peer.next()).toEqual({ type: 'ping' });
    wake();
    expect(await peer.rest()).toEqual([]);
    await clock.advance(30_000);

    expect((await lost()).failure).toMatchObject({ closeCode: 4499, retryable: true });
    expect(consumer.end).toBeUndefined();
  });

  it('is noticed where the server is silent, though TCP knows nothing: pinged after 30 s, lost 30 s later', async () => {
    const { peer, lost, clock } = await subscribed();

    await clock.advance(29_999);
    expect(await peer.rest()).toEqual([]);
    await clock.advance(1);
    expect(await peer.next()).toEqual({ type: 'ping' });
    await clock.advance(30_000);

    expect((await lost()).failure).toMatchObject({ closeCode: 4499, retryable: true });
  });

  it('does not stay silent for want of an answer to the ping', async () => {
    const { peer, clock, losses } = await subscribed();

    for (let round = 0; round < 5; round += 1) {
      await clock.advance(30_000);
      expect(await peer.next()).toEqual({ type: 'ping' });
      peer.send({ type: 'pong' });
      await peer.rest();
    }

    expect(losses).toEqual([]);
  });
});

/** The pauses of a client whose server ends each connection in this way; `random` is what it draws. */
async function pauses(
  count: number,
  options: { readonly random?: number; readonly retry?: RetryOptions; readonly reason?: string },
) {
  const server = await serveProtocol();
  const { client, comeBack } = watchClient(server.url, {
    random: () => options.random ?? 1,
    ...(options.retry && { retry: options.retry }),
  });
  const consumer = consume(client.subscribe({ query }));
  const found: (number | undefined)[] = [];
  for (let attempt = 0; attempt < count; attempt += 1) {
    const peer = await server.ready();
    await peer.next();
    peer.close(1012, options.reason);
    found.push((await comeBack()).retryInMs);
  }
  return { found, consumer, server };
}

describe('the pauses between attempts', () => {
  it('double from 1 s to 60 s, although the server acknowledges each time', async () => {
    const { found } = await pauses(8, {});

    expect(found).toEqual([1_000, 2_000, 4_000, 8_000, 16_000, 32_000, 60_000, 60_000]);
  });

  it('are anything from nothing to that', async () => {
    expect((await pauses(3, { random: 0 })).found).toEqual([0, 0, 0]);
    expect((await pauses(3, { random: 0.25 })).found).toEqual([250, 500, 1_000]);
  });

  it('follow the options', async () => {
    const { found } = await pauses(4, { retry: { minDelayMs: 100, maxDelayMs: 300 } });

    expect(found).toEqual([100, 200, 300, 300]);
  });

  it('are what the server asks for in its close reason, with the jitter of a first attempt', async () => {
    const { found } = await pauses(3, { reason: 'deploy; retry-after: 2', random: 0.5 });

    expect(found).toEqual([2_500, 2_500, 2_500]);
  });

  it('may be longer than 60 s if the server asks for it', async () => {
    const { found } = await pauses(1, { reason: 'retry-after: 300', random: 0 });

    expect(found).toEqual([300_000]);
  });

  it('come to an end after as many attempts as are allowed', async () => {
    const { found, consumer, server } = await pauses(3, { retry: { attempts: 2 } });

    expect(found).toEqual([1_000, 2_000, undefined]);
    expect(await consumer.failed()).toMatchObject({ closeCode: 1012, retryable: true });
    expect(server.connectionCount).toBe(3);
  });

  it('begin anew after a connection that lived for 10 s', async () => {
    const server = await serveProtocol();
    const { client, comeBack, clock } = watchClient(server.url, { random: () => 1 });
    consume(client.subscribe({ query }));
    const found: (number | undefined)[] = [];
    for (const uptimeMs of [0, 0, 9_999, 10_000, 0]) {
      const peer = await server.ready();
      await peer.next();
      await clock.advance(uptimeMs);
      peer.close(1001);
      found.push((await comeBack()).retryInMs);
    }

    expect(found).toEqual([1_000, 2_000, 4_000, 1_000, 2_000]);
  });

  it('are short, and count for nothing, where a server that restarts closes a connection that worked', async () => {
    const server = await serveProtocol();
    const { client, comeBack, clock } = watchClient(server.url, { random: () => 1 });
    consume(client.subscribe({ query }));
    const found: (number | undefined)[] = [];
    for (const uptimeMs of [0, 499, 500, 9_999, 0]) {
      const peer = await server.ready();
      await peer.next();
      await clock.advance(uptimeMs);
      peer.close(1012);
      found.push((await comeBack()).retryInMs);
    }

    expect(found).toEqual([1_000, 2_000, 250, 250, 4_000]);
  });

  it('grow also where there is nobody to connect to', async () => {
    const server = await serveProtocol();
    const { client, comeBack } = watchClient(server.url.replace(/:\d+/, ':1'), { random: () => 1 });
    consume(client.subscribe({ query }));

    const found = [await comeBack(), await comeBack(), await comeBack()];

    expect(found.map(({ retryInMs }) => retryInMs)).toEqual([1_000, 2_000, 4_000]);
  });

  it('are not waited for where `retry` is false', async () => {
    const { peer, consumer, server, clock } = await subscribed({ retry: false });

    peer.close(1012);

    expect(await consumer.failed()).toMatchObject({ closeCode: 1012, retryable: true });
    await clock.advance(600_000);
    expect(server.connectionCount).toBe(1);
  });
});

describe('`shouldRetry`', () => {
  it('wins over what a code means, in both directions', async () => {
    const brave = await subscribed({ retry: { shouldRetry: () => true } });
    const timid = await subscribed({ retry: { shouldRetry: () => false } });

    brave.peer.close(4401);
    timid.peer.close(1012);

    expect((await brave.lost()).retryInMs).toBe(500);
    expect(await timid.consumer.failed()).toMatchObject({ closeCode: 1012 });
  });

  it('is asked about each failure, with the number of the attempt', async () => {
    const asked: unknown[] = [];
    const { server, peer, comeBack } = await subscribed({
      retry: {
        shouldRetry: ({ closeCode }, attempt) => {
          asked.push([closeCode, attempt]);
          return true;
        },
      },
    });

    peer.close(1012);
    await comeBack();
    (await server.ready()).close(4500);
    await comeBack();

    expect(asked).toEqual([
      [1012, 0],
      [4500, 1],
    ]);
  });

  it('that throws is reported, and nobody hangs', async () => {
    const failure = new Error('no policy');
    const { peer, consumer, internalErrors } = await subscribed({
      retry: {
        shouldRetry: () => {
          throw failure;
        },
      },
    });

    peer.close(1012);

    expect(await consumer.failed()).toMatchObject({ closeCode: 1012 });
    expect(internalErrors).toEqual([failure]);
  });
});

describe('`onDisconnected`', () => {
  it('may close the client', async () => {
    const server = await serveProtocol();
    const watched = watchClient(server.url, { onDisconnected: () => watched.client.close() });
    const consumer = consume(watched.client.subscribe({ query }));
    const peer = await server.ready();
    await peer.next();

    peer.vanish();

    expect(await consumer.ended()).toBe('complete');
    expect(watched.clock.timerCount).toBe(0);
    expect(server.connectionCount).toBe(1);
  });

  it('may start an operation', async () => {
    const server = await serveProtocol();
    const late: ReturnType<typeof consume>[] = [];
    const watched = watchClient(server.url, {
      retry: false,
      onDisconnected: () => {
        if (late.length === 0) late.push(consume(watched.client.subscribe({ query })));
      },
    });
    const consumer = consume(watched.client.subscribe({ query }));
    const peer = await server.ready();
    await peer.next();

    peer.vanish();

    expect(await consumer.failed()).toMatchObject({ closeCode: 1006 });
    expect(await (await server.ready()).next()).toMatchObject({ type: 'subscribe' });
    expect(late[0]?.end).toBeUndefined();
  });
});

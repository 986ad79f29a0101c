import { UsageError } from '../../src/errors.ts';
import type { OperationState } from 'millrace/client';
import { subscriptionsTransportWs } from 'millrace/client/websocket';
import { from, firstValueFrom, take, toArray } from 'rxjs';
import { describe, expect, it } from 'vitest';

import { serveProtocol } from '../support/protocol-server.ts';
import type { ProtocolPeer } from '../support/protocol-server.ts';
import { until } from '../support/waiting.ts';
import { consume, watchClient } from '../support/watched-client.ts';
import type { WatchedClientOptions } from '../support/watched-client.ts';

const query = 'subscription { a }';
const next = (id: string, a: unknown) => ({ id, type: 'next', payload: { data: { a } } });
const complete = (id: string) => ({ id, type: 'complete' });

async function serve(options: WatchedClientOptions = {}) {
  const server = await serveProtocol();
  return { server, ...watchClient(server.url, options) };
}

/** A client with a connection that is acknowledged, and nothing on it. */
async function connected(options: WatchedClientOptions = {}) {
  const served = await serve(options);
  const first = served.client.query({ query: '{ first }' });
  const peer = await served.server.ready();
  await peer.next();
  peer.send(next('1', 1), complete('1'));
  await first;
  return { ...served, peer };
}

/** As {@link connected}, with one subscription that runs under the id 2. */
async function subscribed(options: WatchedClientOptions = {}) {
  const served = await connected(options);
  const consumer = consume(served.client.subscribe({ query }));
  await served.peer.next();
  return { ...served, consumer };
}

describe('the end of an operation', () => {
  it('TW-67 break out of an iteration sends one complete', async () => {
    const { client, peer } = await connected();
    const handle = client.subscribe({ query });
    const results: unknown[] = [];
    const loop = (async () => {
      for await (const { data } of handle) {
        results.push(data);
        if (results.length === 2) break;
      }
    })();
    await peer.next();

    peer.send(next('2', 1), next('2', 2), next('2', 3));
    await loop;

    expect(await peer.rest()).toEqual([complete('2')]);
    expect(results).toEqual([{ a: 1 }, { a: 2 }]);
    expect(handle.status.current).toBe('ended');
  });

  it('LW-47 break out of an iteration sends one stop', async () => {
    const server = await serveProtocol('graphql-ws');
    const { client } = watchClient(server.url, { socket: { protocol: subscriptionsTransportWs } });
    const loop = (async () => {
      for await (const { data } of client.subscribe({ query })) return data;
      return 'nothing';
    })();
    const peer = await server.ready();
    await peer.next();

    peer.send({ id: '1', type: 'data', payload: { data: { a: 1 } } });

    expect(await loop).toEqual({ a: 1 });
    expect(await peer.rest()).toEqual([{ id: '1', type: 'stop' }]);
  });

  it.each(['return', 'throw'] as const)(
    '%s() of an iterator sends one complete, though a next() is pending',
    async (method) => {
      const { client, peer } = await connected();
      const iterator = client.subscribe({ query })[Symbol.asyncIterator]();
      const pending = iterator.next();
      await peer.next();

      const reason = new Error('enough');
      const ended = iterator[method]?.(reason).catch((error: unknown) => error);

      expect(await pending).toEqual({ done: true, value: undefined });
      expect(await ended).toEqual(method === 'throw' ? reason : { done: true, value: undefined });
      expect(await peer.rest()).toEqual([complete('2')]);
    },
  );

  it('every way to end it that follows says nothing more', async () => {
    const { client, peer } = await connected();
    const controller = new AbortController();
    const handle = client.subscribe({ query, signal: controller.signal });
    const iterator = handle[Symbol.asyncIterator]();
    const pending = iterator.next();
    await peer.next();

    handle.return();
    handle.return();
    await iterator.return?.();
    controller.abort();
    await handle[Symbol.asyncDispose]();

    expect(await pending).toEqual({ done: true, value: undefined });
    expect(await peer.rest()).toEqual([complete('2')]);
  });

  it('TW-69 after the server completed nothing is sent', async () => {
    const { consumer, peer } = await subscribed();

    peer.send(complete('2'));
    expect(await consumer.ended()).toBe('complete');
    consumer.stop();

    expect(await peer.rest()).toEqual([]);
  });

  it('TW-73 errors of the server are the last result, not a failure', async () => {
    const { consumer, peer } = await subscribed();

    peer.send({ id: '2', type: 'error', payload: [{ message: 'no such room' }] });

    expect(await consumer.next()).toEqual({ errors: [{ message: 'no such room' }] });
    expect(await consumer.ended()).toBe('complete');
    expect(await peer.rest()).toEqual([]);
  });

  it('TW-68 before the ack it is never told to the server', async () => {
    const { server, client } = await serve();
    const consumer = consume(client.subscribe({ query }));
    const peer = await server.connection();
    await peer.next();

    consumer.stop();
    peer.send({ type: 'connection_ack' });

    expect(await peer.rest()).toEqual([]);
    expect(consumer.end).toBeUndefined();
  });

  it('the other operations go on', async () => {
    const { client, peer, consumer } = await subscribed();
    const other = consume(client.subscribe({ query }));
    await peer.next();

    consumer.stop();
    peer.send(next('3', 1));

    expect(await other.next()).toEqual({ data: { a: 1 } });
  });
});

describe('what a server should not say', () => {
  it.each([
    ['an id that never was', JSON.stringify(next('99', 1))],
    ['bad JSON', '{'],
    ['no object', '[]'],
    ['no type', '{"id":"2"}'],
    ['an unknown type', '{"type":"ka"}'],
    ['a result without id', '{"type":"next","payload":{"data":{}}}'],
    ['a result without payload', '{"type":"next","id":"2"}'],
  ])('TW-70 TW-71 %s is reported, and disturbs nobody', async (_what, frame) => {
    const { peer, consumer, violations, losses } = await subscribed();

    peer.write(frame);
    peer.send(next('2', 1));

    expect(await consumer.next()).toEqual({ data: { a: 1 } });
    expect(violations).toHaveLength(1);
    expect(losses).toEqual([]);
    expect(peer.isOpen).toBe(true);
  });

  it.each([
    ['bad JSON', '{'],
    ['no type', '{"id":"2"}'],
    ['an unknown type', '{"type":"ka"}'],
    ['a result without payload', '{"type":"next","id":"2"}'],
  ])('TW-71 %s ends the connection with 4004 where that is wanted', async (_what, frame) => {
    const { peer, consumer, server } = await subscribed({ socket: { invalidMessages: 'close' } });

    peer.write(frame);

    expect(await peer.closed()).toMatchObject({ code: 4004 });
    expect(await consumer.failed()).toMatchObject({ closeCode: 4004, retryable: false });
    expect(server.connectionCount).toBe(1);
  });

  it('TW-70 an id that never was disturbs nobody where bad messages end the connection', async () => {
    const { peer, consumer, violations } = await subscribed({
      socket: { invalidMessages: 'close' },
    });

    peer.send(next('99', 1), complete('98'), next('2', 1));

    expect(await consumer.next()).toEqual({ data: { a: 1 } });
    expect(violations).toHaveLength(2);
  });

  it('TW-64 a ping before the ack is answered, and does not count as the ack', async () => {
    const { server, client, acks } = await serve();
    const consumer = consume(client.subscribe({ query }));
    const peer = await server.connection();
    await peer.next();

    peer.send({ type: 'ping' });

    expect(await peer.next()).toEqual({ type: 'pong' });
    expect(await peer.rest()).toEqual([]);
    expect(acks).toEqual([]);
    peer.send({ type: 'connection_ack', payload: { region: 'eu' } });
    expect(await peer.next()).toMatchObject({ id: '1', type: 'subscribe' });
    expect(acks).toEqual([{ region: 'eu' }]);
    expect(consumer.end).toBeUndefined();
  });

  it('LW-49 a connection_error after the ack keeps the connection, and is told with its end', async () => {
    const server = await serveProtocol('graphql-ws');
    const { client, lost } = watchClient(server.url, {
      socket: { protocol: subscriptionsTransportWs },
    });
    const consumer = consume(client.subscribe({ query }));
    const peer = await server.ready();
    await peer.next();

    peer.send({ type: 'connection_error', payload: { message: 'what?' } });
    peer.send({ id: '1', type: 'data', payload: { data: { a: 1 } } });
    expect(await consumer.next()).toEqual({ data: { a: 1 } });
    peer.close(1011);

    expect((await lost()).failure).toMatchObject({
      payload: { message: 'what?' },
      closeCode: 1011,
    });
  });

  it('a hook that throws is reported, and disturbs nobody', async () => {
    const failure = new Error('the logger is down');
    const { peer, consumer, internalErrors } = await subscribed({
      onProtocolViolation: () => {
        throw failure;
      },
      onConnected: () => {
        throw failure;
      },
    });

    peer.write('{');
    peer.send(next('2', 1));

    expect(await consumer.next()).toEqual({ data: { a: 1 } });
    expect(internalErrors).toEqual([failure, failure]);
  });
});

describe('a consumer', () => {
  it('is the only one of its handle', async () => {
    const { client } = await serve();
    const handle = client.subscribe({ query });
    handle.subscribe({});

    expect(() => handle.subscribe({})).toThrow(UsageError);
    expect(() => handle[Symbol.asyncIterator]()).toThrow(UsageError);
  });

  it('starts nothing before it asks for something', async () => {
    const { server, client, clock } = await serve();
    const handle = client.subscribe({ query });
    const iterator = handle[Symbol.asyncIterator]();
    await clock.settle();

    expect(handle.status.current).toBe('idle');
    expect(server.connectionCount).toBe(0);
    await iterator.return?.();
    await clock.settle();
    expect(server.connectionCount).toBe(0);
  });

  it('that throws is reported and gets what follows', async () => {
    const { client, peer, internalErrors } = await connected();
    const failure = new Error('the list is gone');
    const seen: unknown[] = [];
    client.subscribe({ query }).subscribe({
      next: ({ data }) => {
        seen.push(data);
        throw failure;
      },
      complete: () => {
        seen.push('complete');
        throw failure;
      },
    });
    await peer.next();

    peer.send(next('2', 1), next('2', 2), complete('2'));
    await until(() => seen.length === 3, 'the end');

    expect(seen).toEqual([{ a: 1 }, { a: 2 }, 'complete']);
    expect(internalErrors).toEqual([failure, failure, failure]);
    expect(peer.isOpen).toBe(true);
  });

  it('may start another operation while it is told that its own failed', async () => {
    const { client, peer, server } = await connected();
    const again: ReturnType<typeof consume>[] = [];
    client.subscribe({ query, retry: false }).subscribe({
      error: () => again.push(consume(client.subscribe({ query }))),
    });
    await peer.next();

    peer.vanish();
    const second = await server.ready();

    expect(await second.next()).toMatchObject({ type: 'subscribe' });
    expect(again).toHaveLength(1);
  });

  it.each(['while it gets a result', 'while it gets errors'])(
    'may close the client %s',
    async (when) => {
      const { client, peer } = await connected();
      const seen: unknown[] = [];
      client.subscribe({ query }).subscribe({
        next: (result) => {
          seen.push(result);
          client.close();
        },
        complete: () => seen.push('complete'),
      });
      await peer.next();

      if (when === 'while it gets a result') peer.send(next('2', 1), next('2', 2));
      else peer.send({ id: '2', type: 'error', payload: [{ message: 'no' }] });
      await peer.closed();

      expect(seen).toHaveLength(2);
      expect(seen[1]).toBe('complete');
    },
  );

  it('reads what waited in order, then the end', async () => {
    const { client, peer } = await connected();
    const iterator = client.subscribe({ query })[Symbol.asyncIterator]();
    const first = iterator.next();
    await peer.next();
    peer.send(next('2', 1), next('2', 2), next('2', 3), complete('2'));
    await peer.rest();

    expect(await first).toMatchObject({ value: { data: { a: 1 } } });
    expect(await iterator.next()).toMatchObject({ value: { data: { a: 2 } } });
    expect(await iterator.next()).toMatchObject({ value: { data: { a: 3 } } });
    expect(await iterator.next()).toEqual({ done: true, value: undefined });
    expect(await iterator.next()).toEqual({ done: true, value: undefined });
  });

  it('gets a failure once, behind what waited', async () => {
    const { client, peer } = await connected({ retry: false });
    const iterator = client.subscribe({ query })[Symbol.asyncIterator]();
    const first = iterator.next();
    await peer.next();
    peer.send(next('2', 1), next('2', 2));
    await peer.rest();
    peer.close(4499);
    await peer.closed();
    await first;

    expect(await iterator.next()).toMatchObject({ value: { data: { a: 2 } } });
    await expect(iterator.next()).rejects.toMatchObject({
      name: 'TransportError',
      closeCode: 4499,
    });
    expect(await iterator.next()).toEqual({ done: true, value: undefined });
  });
});

/** Ten results while nobody reads but the first. */
async function flood(buffer: { capacity?: number; whenFull?: 'error' | 'drop-oldest' | 'latest' }) {
  const { client, peer } = await connected();
  const iterator = client.subscribe({ query, buffer })[Symbol.asyncIterator]();
  const first = iterator.next();
  await peer.next();
  for (let a = 0; a < 10; a += 1) peer.send(next('2', a));
  const sent = await peer.rest();
  expect(await first).toMatchObject({ value: { data: { a: 0 } } });
  return { peer, iterator, sent };
}

describe('a consumer that is slower than the server', () => {
  it('gets an error after what fitted into its buffer, and the server is told to stop', async () => {
    const { iterator, sent } = await flood({ capacity: 3 });

    const read: unknown[] = [];
    for (let count = 0; count < 3; count += 1) read.push((await iterator.next()).value?.data);
    expect(read).toEqual([{ a: 1 }, { a: 2 }, { a: 3 }]);
    await expect(iterator.next()).rejects.toMatchObject({
      name: 'TransportError',
      code: 'BUFFER_OVERFLOW',
    });
    expect(await iterator.next()).toEqual({ done: true, value: undefined });
    expect(sent).toEqual([complete('2')]);
  });

  it('gets the newest that fit with `drop-oldest`', async () => {
    const { iterator, sent, peer } = await flood({ capacity: 3, whenFull: 'drop-oldest' });

    peer.send(complete('2'));
    await peer.rest();

    const read: unknown[] = [];
    for await (const { data } of iterator) read.push(data);
    expect(read).toEqual([{ a: 7 }, { a: 8 }, { a: 9 }]);
    expect(sent).toEqual([]);
  });

  it('gets the newest with `latest`', async () => {
    const { iterator, peer } = await flood({ whenFull: 'latest' });

    peer.send(complete('2'));
    await peer.rest();

    const read: unknown[] = [];
    for await (const { data } of iterator) read.push(data);
    expect(read).toEqual([{ a: 9 }]);
  });

  it('has room for 1,024 results unless it says otherwise', async () => {
    const { client, peer } = await connected();
    const iterator = client.subscribe({ query })[Symbol.asyncIterator]();
    const first = iterator.next();
    await peer.next();
    for (let a = 0; a < 1_025; a += 1) peer.send(next('2', a));
    peer.send(complete('2'));
    await peer.rest();
    await first;

    let read = 0;
    for await (const _ of iterator) read += 1;
    expect(read).toBe(1_024);
  });

  it('needs no buffer if it observes', async () => {
    const { client, peer } = await connected();
    const consumer = consume(client.subscribe({ query, buffer: { capacity: 1 } }));
    await peer.next();
    for (let a = 0; a < 100; a += 1) peer.send(next('2', a));
    peer.send(complete('2'));

    expect(await consumer.ended()).toBe('complete');
    expect(consumer.rest).toHaveLength(100);
  });
});

describe('an AbortSignal', () => {
  it('that is aborted before the start starts nothing', async () => {
    const { server, client, clock } = await serve();
    const signal = AbortSignal.abort();
    const iterator = client.subscribe({ query, signal })[Symbol.asyncIterator]();

    expect(await iterator.next()).toEqual({ done: true, value: undefined });
    await clock.settle();
    expect(server.connectionCount).toBe(0);
  });

  it('ends a stream without an error, and the server is told', async () => {
    const { client, peer } = await connected();
    const controller = new AbortController();
    const iterator = client.subscribe({ query, signal: controller.signal })[Symbol.asyncIterator]();
    const pending = iterator.next();
    await peer.next();

    controller.abort();

    expect(await pending).toEqual({ done: true, value: undefined });
    expect(await peer.rest()).toEqual([complete('2')]);
  });

  it.each(['query', 'mutate'] as const)('rejects a %s with its reason', async (method) => {
    const { client, peer } = await connected();
    const controller = new AbortController();
    const reason = new Error('the page was left');
    const result = client[method]({ query: '{ a }', signal: controller.signal }).catch(
      (error: unknown) => error,
    );
    await peer.next();

    controller.abort(reason);

    expect(await result).toBe(reason);
    expect(await peer.rest()).toEqual([complete('2')]);
  });

  it('that is aborted already rejects a query with its reason, and nothing is sent', async () => {
    const { client, peer } = await connected();
    const reason = new Error('too late');

    await expect(client.query({ query: '{ a }', signal: AbortSignal.abort(reason) })).rejects.toBe(
      reason,
    );
    expect(await peer.rest()).toEqual([]);
  });

  it('is forgotten when the operation is over', async () => {
    const { client, peer } = await connected();
    const { signal, listeners } = countingSignal();
    const consumer = consume(client.subscribe({ query, signal }));
    await peer.next();
    expect(listeners()).toBe(1);

    peer.send(complete('2'));
    await consumer.ended();

    expect(listeners()).toBe(0);
  });
});

/** A signal that knows how many listen. */
function countingSignal() {
  const { signal } = new AbortController();
  let count = 0;
  const add = signal.addEventListener.bind(signal);
  const remove = signal.removeEventListener.bind(signal);
  signal.addEventListener = (...given: Parameters<typeof add>) => {
    count += 1;
    add(...given);
  };
  signal.removeEventListener = (...given: Parameters<typeof remove>) => {
    count -= 1;
    remove(...given);
  };
  return { signal, listeners: () => count };
}

describe('a query', () => {
  it('has a result, also one with nothing but errors', async () => {
    const { client, peer } = await connected();
    const result = client.query({ query: '{ a }', variables: { n: 1 }, operationName: 'A' });

    expect(await peer.next()).toEqual({
      id: '2',
      type: 'subscribe',
      payload: { query: '{ a }', variables: { n: 1 }, operationName: 'A' },
    });
    peer.send({ id: '2', type: 'error', payload: [{ message: 'syntax' }] });

    expect(await result).toEqual({ errors: [{ message: 'syntax' }] });
    expect(await peer.rest()).toEqual([]);
  });

  it('that ends without a result rejects', async () => {
    const { client, peer } = await connected();
    const result = client.query({ query: '{ a }' }).catch((error: unknown) => error);
    await peer.next();

    peer.send(complete('2'));

    expect(await result).toMatchObject({ name: 'TransportError', code: 'BAD_RESPONSE' });
  });

  it('whose connection is lost rejects, and is not sent again', async () => {
    const { client, peer, server, clock } = await connected();
    const result = client.query({ query: '{ a }' }).catch((error: unknown) => error);
    await peer.next();

    peer.vanish();

    expect(await result).toMatchObject({
      name: 'TransportError',
      closeCode: 1006,
      retryable: true,
    });
    await clock.advance(60_000);
    expect(server.connectionCount).toBe(1);
  });

  it.each(['query', 'subscribe'] as const)(
    'with variables that JSON cannot hold fails: %s',
    async (method) => {
      const { client, peer } = await connected();
      const options = { query, variables: { n: 1n } };

      const failure =
        method === 'query'
          ? await client.query(options).catch((error: unknown) => error)
          : await consume(client.subscribe(options)).failed();

      expect(failure).toBeInstanceOf(Error);
      expect(await peer.rest()).toEqual([]);
      expect(peer.isOpen).toBe(true);
    },
  );

  it('that fails like this stays ended', async () => {
    const { client } = await connected();
    const handle = client.subscribe({ query, variables: { n: 1n } });
    const consumer = consume(handle);

    await consumer.failed();

    expect(handle.status.current).toBe('ended');
  });
});

describe('`ready` and `status`', () => {
  it('reading `ready` starts the operation, and it resolves once it was sent', async () => {
    const { server, client } = await serve();
    const handle = client.subscribe({ query });
    const { ready } = handle;
    let isReady = false;
    const noticed = ready.finally(() => {
      isReady = true;
    });
    const peer = await server.connection();
    await peer.next();
    await peer.rest();
    expect(isReady).toBe(false);

    peer.send({ type: 'connection_ack' });

    expect(await noticed).toEqual({ confirmed: false });
    expect(await peer.next()).toMatchObject({ type: 'subscribe' });
  });

  it('what comes before the consumer is kept for it', async () => {
    const { client, peer } = await connected();
    const handle = client.subscribe({ query });
    await handle.ready;
    await peer.next();
    peer.send(next('2', 1), next('2', 2));
    await peer.rest();

    const consumer = consume(handle);

    expect(consumer.rest).toEqual([{ data: { a: 1 } }, { data: { a: 2 } }]);
  });

  it('`ready` rejects if the operation ends before, and disturbs nobody who does not look', async () => {
    const { server, client } = await serve();
    const handle = client.subscribe({ query });
    const { ready } = handle;
    await server.connection();

    handle.return();

    await expect(ready).rejects.toMatchObject({ name: 'TransportError' });
  });

  it('`ready` waits where the first attempt failed', async () => {
    const { server, client, lost, clock } = await serve();
    const handle = client.subscribe({ query });
    consume(handle);
    (await server.connection()).vanish();
    const { retryInMs = 0 } = await lost();
    let isReady = false;

    const ready = handle.ready.finally(() => {
      isReady = true;
    });
    await clock.settle();
    expect(isReady).toBe(false);
    await clock.advance(retryInMs);
    await server.ready();

    await ready;
    expect(isReady).toBe(true);
  });

  it('`status` begins with what is, and says what becomes of it', async () => {
    const { server, client, comeBack } = await serve();
    const handle = client.subscribe({ query });
    const states: OperationState[] = [];
    const watching = (async () => {
      for await (const state of handle.status) states.push(state);
    })();
    const consumer = consume(handle);
    const first = await server.ready();
    await first.next();
    first.vanish();
    await comeBack();
    const second = await server.ready();
    await second.next();
    second.send(complete('1'));
    await consumer.ended();
    await watching;

    expect(states).toEqual(['idle', 'connecting', 'live', 'reconnecting', 'live', 'ended']);
    for await (const state of handle.status) expect(state).toBe('ended');
  });

  it('whoever leaves `status` is forgotten, and the operation goes on', async () => {
    const { client, peer } = await connected();
    const handle = client.subscribe({ query });
    const consumer = consume(handle);
    await peer.next();

    for await (const state of handle.status) if (state === 'live') break;
    peer.send(next('2', 1));

    expect(await consumer.next()).toEqual({ data: { a: 1 } });
  });
});

/** Answers the subscriptions that come next, each with its id. */
async function answer(peer: ProtocolPeer, ids: readonly string[]) {
  for (const id of ids) {
    expect(await peer.next()).toMatchObject({ id, type: 'subscribe' });
    peer.send(next(id, id));
  }
}

describe('`Symbol.observable`', () => {
  it('is what RxJS takes: each subscription is an operation', async () => {
    const { client, peer } = await connected();
    const observable = from(client.subscribe({ query }));

    const first = firstValueFrom(observable.pipe(take(1)));
    const second = firstValueFrom(observable.pipe(take(1)));
    await answer(peer, ['2', '3']);

    expect(await first).toEqual({ data: { a: '2' } });
    expect(await second).toEqual({ data: { a: '3' } });
    expect(await peer.rest()).toEqual([complete('2'), complete('3')]);
  });

  it('completes and fails as the operation does', async () => {
    const { client, peer } = await connected({ retry: false });
    const observable = from(client.subscribe({ query }));
    const all = firstValueFrom(observable.pipe(toArray()));
    const failure = new Promise((resolve) => observable.subscribe({ error: resolve }));
    await answer(peer, ['2', '3']);

    peer.send(complete('2'));
    expect(await all).toEqual([{ data: { a: '2' } }]);
    peer.vanish();

    expect(await failure).toMatchObject({ name: 'TransportError', closeCode: 1006 });
  });
});

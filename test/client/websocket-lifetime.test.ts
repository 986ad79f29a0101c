import { describe, expect, it } from 'vitest';

import { UsageError } from '../../src/errors.ts';
import { serveProtocol } from '../support/protocol-server.ts';
import type { ProtocolPeer } from '../support/protocol-server.ts';
import { consume, watchClient } from '../support/watched-client.ts';
import type { WatchedClientOptions } from '../support/watched-client.ts';

const query = 'subscription { a }';
const result = (id: string) => ({ id, type: 'next', payload: { data: { a: 1 } } });
const complete = (id: string) => ({ id, type: 'complete' });

/** A client that never asks whether the server lives: here that would only be in the way. */
async function serve(options: WatchedClientOptions = {}) {
  const server = await serveProtocol();
  return { server, ...watchClient(server.url, { socket: { pingAfterMs: Infinity }, ...options }) };
}

/** A client with one subscription that runs. */
async function subscribed(options: WatchedClientOptions = {}) {
  const served = await serve(options);
  const consumer = consume(served.client.subscribe({ query }));
  const peer = await served.server.ready();
  await peer.next();
  return { ...served, consumer, peer };
}

describe('a connection that nobody needs', () => {
  it('TW-74 is closed with 1000 after 60 s', async () => {
    const { peer, consumer, clock, losses } = await subscribed();
    consumer.stop();
    await peer.next();

    await clock.advance(59_999);
    await peer.rest();
    expect(peer.isOpen).toBe(true);
    await clock.advance(1);

    expect(await peer.closed()).toEqual({ code: 1000, reason: 'Normal Closure' });
    expect(clock.timerCount).toBe(0);
    expect(losses).toEqual([]);
  });

  it('is closed after as long as the options say, at once for 0', async () => {
    const brief = await subscribed({ idleTimeoutMs: 0 });
    const long = await subscribed({ idleTimeoutMs: Infinity });

    brief.consumer.stop();
    long.consumer.stop();
    await long.clock.advance(86_400_000);

    expect(await brief.peer.closed()).toMatchObject({ code: 1000 });
    expect(await long.peer.next()).toEqual(complete('1'));
    expect(long.peer.isOpen).toBe(true);
  });

  it('serves an operation that comes in time, and is then needed again', async () => {
    const { server, client, peer, consumer, clock } = await subscribed();
    consumer.stop();
    await peer.next();
    await clock.advance(59_999);

    const late = consume(client.subscribe({ query }));
    await clock.advance(25_000);

    expect(await peer.next()).toMatchObject({ id: '2', type: 'subscribe' });
    peer.send(result('2'));
    expect(await late.next()).toEqual({ data: { a: 1 } });
    expect(server.connectionCount).toBe(1);
  });

  it('loses no operation that starts at the moment of its end', async () => {
    const { server, client, peer, consumer, clock } = await subscribed();
    consumer.stop();
    const late: ReturnType<typeof consume>[] = [];
    // due at the same instant: behind the end, and before it
    clock.schedule(() => late.push(consume(client.subscribe({ query }))), 60_000);

    await clock.advance(60_000);
    late.push(consume(client.subscribe({ query })));
    await peer.closed();
    const second = await server.ready();

    expect(await second.take(2)).toMatchObject([{ type: 'subscribe' }, { type: 'subscribe' }]);
    second.send(result('1'), result('2'));
    for (const each of late) expect(await each.next()).toEqual({ data: { a: 1 } });
  });

  it('that was lost meanwhile is not made again', async () => {
    const { server, peer, consumer, clock, lost } = await subscribed();
    consumer.stop();
    await peer.next();

    peer.vanish();

    expect(await lost()).toMatchObject({ failure: { closeCode: 1006 }, retryInMs: undefined });
    expect(clock.timerCount).toBe(0);
    await clock.advance(600_000);
    expect(server.connectionCount).toBe(1);
  });
});

describe('connect()', () => {
  it('resolves with a connection of its own, and what the server said', async () => {
    const { server, client } = await serve({ connectionParams: { token: 'of the client' } });
    const connecting = client.connect({ connectionParams: { token: 'its own' } });
    const peer = await server.connection();
    expect(await peer.next()).toMatchObject({ payload: { token: 'its own' } });
    peer.send({ type: 'connection_ack', payload: { region: 'eu' } });

    const connection = await connecting;

    expect(connection.ackPayload).toEqual({ region: 'eu' });
    consume(client.subscribe({ query }));
    expect(await (await server.connection()).next()).toMatchObject({
      payload: { token: 'of the client' },
    });
  });

  it('carries several operations, and is kept without any', async () => {
    const { server, client, clock } = await serve();
    const connecting = client.connect();
    const peer = await server.ready();
    const connection = await connecting;

    const consumers = [1, 2, 3].map(() => consume(connection.subscribe({ query })));
    expect(await peer.take(3)).toMatchObject([{ id: '1' }, { id: '2' }, { id: '3' }]);
    for (const consumer of consumers) consumer.stop();
    await peer.take(3);
    await clock.advance(86_400_000);

    expect(peer.isOpen).toBe(true);
    expect(await peer.rest()).toEqual([]);
    const later = connection.query({ query: '{ a }' });
    await peer.next();
    peer.send(result('4'), complete('4'));
    expect(await later).toEqual({ data: { a: 1 } });
    expect(server.connectionCount).toBe(1);
  });

  it('is made again when it is lost, also without operations', async () => {
    const { server, client, comeBack } = await serve();
    const connecting = client.connect();
    const first = await server.ready();
    await connecting;

    first.vanish();
    await comeBack();

    expect(await (await server.connection()).next()).toEqual({ type: 'connection_init' });
  });

  it('rejects if the first attempt fails, and tries no other', async () => {
    const { server, client, clock } = await serve();
    const connecting = client.connect().catch((error: unknown) => error);
    (await server.connection()).close(1012);

    expect(await connecting).toMatchObject({ name: 'TransportError', closeCode: 1012 });
    await clock.advance(600_000);
    expect(server.connectionCount).toBe(1);
    expect(clock.timerCount).toBe(0);
  });

  it('rejects with the reason of its signal, and closes what it began', async () => {
    const { server, client, clock } = await serve();
    const controller = new AbortController();
    const reason = new Error('the page was left');
    const connecting = client
      .connect({ signal: controller.signal })
      .catch((error: unknown) => error);
    const peer = await server.connection();
    await peer.next();

    controller.abort(reason);

    expect(await connecting).toBe(reason);
    expect(await peer.closed()).toMatchObject({ code: 1000 });
    expect(clock.timerCount).toBe(0);
    await expect(client.connect({ signal: controller.signal })).rejects.toBe(reason);
    expect(server.connectionCount).toBe(1);
  });

  it('keeps the connection when its signal is aborted later', async () => {
    const { server, client } = await serve();
    const controller = new AbortController();
    const connecting = client.connect({ signal: controller.signal });
    const peer = await server.ready();
    await connecting;

    controller.abort();
    await peer.rest();

    expect(peer.isOpen).toBe(true);
  });

  it('is closed alone: its operations end, those of the client go on', async () => {
    const { server, client, consumer, peer } = await subscribed();
    const connecting = client.connect();
    const own = await server.ready();
    const connection = await connecting;
    const inside = consume(connection.subscribe({ query }));
    await own.next();

    connection.close();
    connection.close();

    expect(await own.closed()).toMatchObject({ code: 1000 });
    expect(inside.end).toBe('complete');
    expect(() => consume(connection.subscribe({ query }))).toThrow(UsageError);
    peer.send(result('1'));
    expect(await consumer.next()).toEqual({ data: { a: 1 } });
  });

  it('is disposed of like that, too', async () => {
    const { server, client } = await serve();
    const connecting = client.connect();
    const peer = await server.ready();
    const connection = await connecting;

    await connection[Symbol.asyncDispose]();

    expect(await peer.closed()).toMatchObject({ code: 1000 });
  });

  it('is closed with the client', async () => {
    const { server, client, clock, watching } = await serve();
    const connecting = client.connect();
    const peer = await server.ready();
    const connection = await connecting;
    const inside = consume(connection.subscribe({ query }));
    await peer.next();

    client.close();

    expect(await peer.closed()).toMatchObject({ code: 1000 });
    expect(inside.end).toBe('complete');
    expect(clock.timerCount).toBe(0);
    expect(watching()).toBe(0);
  });
});

describe('reconnect()', () => {
  it('connects anew, with fresh parameters, and the subscriptions come back', async () => {
    let tokens = 0;
    const { server, client, consumer, peer, losses } = await subscribed({
      connectionParams: () => ({ token: (tokens += 1) }),
    });

    client.reconnect();

    expect(await peer.closed()).toMatchObject({ code: 1000 });
    const second = await server.connection();
    expect(await second.next()).toMatchObject({ payload: { token: 2 } });
    second.send({ type: 'connection_ack' });
    expect(await second.next()).toEqual({ id: '1', type: 'subscribe', payload: { query } });
    second.send(result('1'));
    expect(await consumer.next()).toEqual({ data: { a: 1 } });
    expect(losses).toEqual([]);
    expect(await second.rest()).toEqual([]);
    expect(server.openCount).toBe(1);
  });

  it('waits for a mutation, which is not sent again', async () => {
    const { server, client, consumer, peer } = await subscribed();
    const mutation = client.mutate({ query: 'mutation { a }' });
    await peer.next();

    client.reconnect();
    await peer.rest();
    expect(peer.isOpen).toBe(true);
    peer.send(result('2'), complete('2'));

    expect(await mutation).toEqual({ data: { a: 1 } });
    expect(await peer.closed()).toMatchObject({ code: 1000 });
    const second = await server.ready();
    expect(await second.next()).toMatchObject({ payload: { query } });
    expect(await second.rest()).toEqual([]);
    expect(consumer.end).toBeUndefined();
  });

  it('while only a mutation runs: what comes after it gets another connection', async () => {
    const { server, client } = await serve();
    const mutation = client.mutate({ query: 'mutation { a }' });
    const first = await server.ready();
    await first.next();

    client.reconnect();
    first.send(result('1'), complete('1'));
    await mutation;
    consume(client.subscribe({ query }));

    expect(await first.closed()).toMatchObject({ code: 1000 });
    expect(await (await server.ready()).next()).toMatchObject({ type: 'subscribe' });
  });

  it('of a connection that nobody needs closes it', async () => {
    const { server, client, consumer, peer, clock, watching } = await subscribed();
    consumer.stop();
    await peer.next();

    client.reconnect();

    expect(await peer.closed()).toMatchObject({ code: 1000 });
    expect(clock.timerCount).toBe(0);
    expect(watching()).toBe(0);
    consume(client.subscribe({ query }));
    expect(await (await server.ready()).next()).toMatchObject({ type: 'subscribe' });
  });

  it('before the ack begins anew', async () => {
    const { server, client } = await serve();
    consume(client.subscribe({ query }));
    const first = await server.connection();
    await first.next();

    client.reconnect();

    expect(await first.closed()).toMatchObject({ code: 1000 });
    expect(await (await server.ready()).next()).toMatchObject({ id: '1', type: 'subscribe' });
  });

  it('does nothing without a connection', async () => {
    const { server, client, clock } = await serve();

    client.reconnect();
    await clock.settle();

    expect(server.connectionCount).toBe(0);
    expect(clock.timerCount).toBe(0);
  });

  it('leaves a pause as it is', async () => {
    const { server, client, peer, lost, clock } = await subscribed();
    peer.vanish();
    const { retryInMs = 0 } = await lost();

    client.reconnect();
    await clock.advance(retryInMs - 1);
    expect(server.connectionCount).toBe(1);
    await clock.advance(1);

    expect(await (await server.ready()).next()).toMatchObject({ type: 'subscribe' });
  });

  it('reaches connections that are held, too', async () => {
    const { server, client } = await serve();
    const connecting = client.connect();
    const first = await server.ready();
    const connection = await connecting;
    const inside = consume(connection.subscribe({ query }));
    await first.next();

    client.reconnect();

    expect(await first.closed()).toMatchObject({ code: 1000 });
    const second = await server.ready();
    expect(await second.next()).toMatchObject({ type: 'subscribe' });
    expect(inside.end).toBeUndefined();
  });
});

describe('close() of a client', () => {
  it('ends each operation as if the server had completed it, tells the server, and leaves nothing', async () => {
    const { client, consumer, peer, clock, watching, losses } = await subscribed();
    const iterator = client.subscribe({ query })[Symbol.asyncIterator]();
    const pending = iterator.next();
    const asked = client.query({ query: '{ a }' }).catch((error: unknown) => error);
    await peer.take(2);

    client.close();

    expect(consumer.end).toBe('complete');
    expect(await pending).toEqual({ done: true, value: undefined });
    expect(await asked).toMatchObject({ name: 'TransportError' });
    expect(await peer.closed()).toMatchObject({ code: 1000 });
    expect(clock.timerCount).toBe(0);
    expect(watching()).toBe(0);
    expect(losses).toEqual([]);
  });

  it('twice is harmless, and nothing can be started after it', async () => {
    const { client, server, peer } = await subscribed();

    client.close();
    client.close();
    await client[Symbol.asyncDispose]();

    expect(() => consume(client.subscribe({ query }))).toThrow(UsageError);
    await expect(client.query({ query: '{ a }' })).rejects.toThrow(UsageError);
    await expect(client.connect()).rejects.toThrow(UsageError);
    await expect(client.subscribe({ query })[Symbol.asyncIterator]().next()).rejects.toThrow(
      UsageError,
    );
    client.reconnect();
    await peer.closed();
    expect(server.connectionCount).toBe(1);
  });

  it('during a pause leaves no timer', async () => {
    const { client, server, peer, lost, clock, consumer, watching } = await subscribed();
    peer.vanish();
    await lost();

    client.close();

    expect(consumer.end).toBe('complete');
    expect(clock.timerCount).toBe(0);
    expect(watching()).toBe(0);
    await clock.advance(600_000);
    expect(server.connectionCount).toBe(1);
  });

  it('before the socket is open leaves none', async () => {
    const { client, clock, consumer } = await opening();

    client.close();
    await clock.settle();

    expect(consumer.end).toBe('complete');
    expect(clock.timerCount).toBe(0);
  });

  it('before the ack sends no subscribe', async () => {
    const { client, server } = await serve();
    const consumer = consume(client.subscribe({ query }));
    const peer = await server.connection();
    await peer.next();

    client.close();
    answer(peer);

    expect(await peer.closed()).toMatchObject({ code: 1000 });
    expect(await peer.rest()).toEqual([]);
    expect(consumer.end).toBe('complete');
  });

  it('while the url is being found out opens no socket', async () => {
    const askers: ((url: string) => void)[] = [];
    const { server, client, clock } = await serve({
      url: () => new Promise<string>((resolve) => void askers.push(resolve)),
    });
    const consumer = consume(client.subscribe({ query }));
    await clock.settle();

    client.close();
    for (const give of askers) give(server.url);
    await clock.settle();

    expect(consumer.end).toBe('complete');
    expect(server.connectionCount).toBe(0);
    expect(clock.timerCount).toBe(0);
  });
});

/** A client whose socket is not open yet. */
async function opening() {
  const served = await serve();
  const consumer = consume(served.client.subscribe({ query }));
  return { ...served, consumer };
}

/** Acknowledges the connection, unless it is closed already. */
function answer(peer: ProtocolPeer): void {
  if (peer.isOpen) peer.send({ type: 'connection_ack' });
}

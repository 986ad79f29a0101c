import { createClient } from 'millrace/client';
import type { Client, ClientOptions } from 'millrace/client';
import { websocket } from 'millrace/client/websocket';
import { VirtualClock, manualSignals, scriptedPeer } from 'millrace/testing';
import type { ScriptedPeer } from 'millrace/testing';
import { describe, expect, it } from 'vitest';

const query = 'subscription { tick }';

function meet(options: Partial<ClientOptions> = {}): {
  readonly peer: ScriptedPeer;
  readonly clock: VirtualClock;
  readonly client: Client;
} {
  const clock = new VirtualClock();
  const peer = scriptedPeer({ clock, patienceMs: 50 });
  const client = createClient({
    url: 'ws://peer.test/graphql',
    transport: websocket({ WebSocket: peer.WebSocket }),
    clock,
    random: () => 0.5,
    signals: manualSignals().signals,
    ...options,
  });
  return { peer, clock, client };
}

describe('a scripted peer', () => {
  it('plays the server of a subscription, several events to an answer', async () => {
    const { peer, client } = meet();
    const results = client.subscribe({ query })[Symbol.asyncIterator]();
    const first = results.next();

    await peer.accept();
    await peer.expect({ type: 'connection_init' });
    peer.send({ type: 'connection_ack' });
    const { id } = await peer.expect({ type: 'subscribe', payload: { query } });
    peer.send(
      { id, type: 'next', payload: { data: { tick: 1 } } },
      { id, type: 'next', payload: { data: { tick: 2 } } },
      { id, type: 'complete' },
    );

    expect(await first).toEqual({ done: false, value: { data: { tick: 1 } } });
    expect(await results.next()).toEqual({ done: false, value: { data: { tick: 2 } } });
    expect(await results.next()).toMatchObject({ done: true });
  });

  it('says what it expected and what came instead', async () => {
    const { peer, client } = meet();
    client.subscribe({ query }).subscribe({});
    await peer.accept();

    await expect(peer.expect({ type: 'ping' })).rejects.toThrow(
      'Expected {"type":"ping"}, but {"type":"connection_init"} came.',
    );
  });

  it('does not wait for ever for a message, or for a connection', async () => {
    const { peer, client } = meet();
    client.subscribe({ query }).subscribe({});
    await peer.acknowledge();
    await peer.expect({ type: 'subscribe' });

    await expect(peer.expect({ type: 'complete' })).rejects.toThrow('but nothing came');
    await expect(peer.accept()).rejects.toThrow('did not connect');
    await expect(peer.connection.closed()).rejects.toThrow('still open');
  });

  it('judges parts of a message by functions', async () => {
    const { peer, client } = meet();
    client.subscribe({ query, variables: { rooms: ['a', 'b'] } }).subscribe({});
    await peer.acknowledge();

    const message = await peer.expect({
      id: (id: unknown) => id === '1',
      payload: { variables: { rooms: ['a', (room: unknown) => room === 'b'] } },
    });

    expect(message).toMatchObject({ type: 'subscribe' });
  });

  it('has the messages of each connection, and those that nobody expected', async () => {
    const { peer, clock, client } = meet();
    client.subscribe({ query }).subscribe({});
    await peer.acknowledge();
    await peer.expect({ type: 'subscribe' });
    peer.drop();
    await clock.advance(1_000);
    await peer.acknowledge();
    await clock.settle();

    expect(peer.connections.map(({ messages }) => messages.map(({ type }) => type))).toEqual([
      ['connection_init', 'subscribe'],
      ['connection_init', 'subscribe'],
    ]);
    expect(peer.connections.map(({ unexpected }) => unexpected.length)).toEqual([0, 1]);
  });

  it('closes with a code and a reason', async () => {
    const { peer, clock, client } = meet();
    const failures: unknown[] = [];
    client.subscribe({ query }).subscribe({ error: (failure) => failures.push(failure) });
    await peer.acknowledge();

    peer.close(4401, 'Unauthorized');
    await clock.settle();

    expect(failures).toMatchObject([{ closeCode: 4401, reason: 'Unauthorized' }]);
  });

  it('refuses an attempt as a server that is not there', async () => {
    const failures: unknown[] = [];
    const { peer, clock, client } = meet({
      onDisconnected: (failure) => failures.push(failure),
    });
    client.subscribe({ query }).subscribe({});

    await peer.refuse(new Error('ECONNREFUSED'));
    await clock.advance(1_000);
    await peer.acknowledge();

    expect(failures).toMatchObject([{ closeCode: 1006 }]);
    expect(await peer.expect({ type: 'subscribe' })).toMatchObject({ payload: { query } });
  });

  it('fails without a close event', async () => {
    const { peer, clock } = meet();
    const socketEvents: string[] = [];
    const socket = new peer.WebSocket('ws://peer.test/', 'graphql-transport-ws');
    Object.assign(socket, {
      onerror: () => socketEvents.push('error'),
      onclose: () => socketEvents.push('close'),
    });
    await peer.accept();

    peer.fail(new Error('gone'));
    await clock.settle();

    expect(socketEvents).toEqual(['error']);
  });

  it('learns how the client closed', async () => {
    const { peer, clock, client } = meet({ idleTimeoutMs: 100 });
    const subscription = client.subscribe({ query }).subscribe({});
    const connection = await peer.acknowledge();
    await connection.expect({ type: 'subscribe' });

    subscription.unsubscribe();
    await connection.expect({ type: 'complete' });
    await clock.advance(100);

    expect(await connection.closed()).toEqual({ code: 1000, reason: 'Normal Closure' });
  });

  it('needs an accepted connection to say something', () => {
    const { peer } = meet();

    expect(() => peer.send({ type: 'ping' })).toThrow('No connection was accepted yet.');
  });
});

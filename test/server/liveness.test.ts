import { describe, expect, it } from 'vitest';

import { converse, listenTo, messagesOf, subscribe } from '../support/conversation.ts';

describe('a silent peer', () => {
  it('is pinged after 12 s, closed with 4408 after 12 s more, and destroyed a second later', async () => {
    const { ready, clock, server, app } = converse();
    const client = await ready({ answersClose: false });
    listenTo(client, '1', 'a');

    await clock.advance(12_050);
    expect(await client.next()).toEqual({ kind: 'ping' });
    await clock.advance(12_050);
    expect(await client.next()).toEqual({ kind: 'close', code: 4408, reason: 'Ping timeout' });
    expect(app.openSources()).toBe(0);
    await clock.advance(1_050);

    expect(await client.next()).toEqual({ kind: 'destroyed' });
    expect(server.gauges().connections).toBe(0);
  });

  it('that answers the ping lives', async () => {
    const { ready, clock } = converse();
    const client = await ready();

    for (let rounds = 0; rounds < 5; rounds += 1) {
      await clock.advance(12_050);
      expect(await client.next()).toEqual({ kind: 'ping' });
      client.pong();
    }
    await clock.advance(10_000);

    expect(await client.rest()).toEqual([]);
  });

  it('is pinged after 12 s also where an option says `undefined`', async () => {
    // programs compiled without `exactOptionalPropertyTypes` may pass that on
    const keepAlive = { pingAfterMs: undefined } as object;
    const { ready, clock } = converse({ keepAlive });
    const client = await ready();

    await clock.advance(12_050);

    expect(await client.next()).toEqual({ kind: 'ping' });
  });

  it('is asked by a message where the runtime sends no pings, and lives by its answer', async () => {
    const { ready, clock } = converse();
    const client = await ready({ pings: false });

    await clock.advance(12_050);
    expect(await client.next()).toEqual({ kind: 'message', message: { type: 'ping' } });
    client.send('{"type":"pong"}');
    await clock.advance(12_050);
    expect(await client.next()).toEqual({ kind: 'message', message: { type: 'ping' } });
    await clock.advance(12_050);

    expect(await client.next()).toMatchObject({ kind: 'close', code: 4408 });
  });

  it('that nothing can ask is left alone: its protocol has no message and the runtime no pings', async () => {
    const { connect, clock } = converse({ keepAlive: { keepAliveMs: Infinity } });
    const client = connect({ protocol: 'subscriptions-transport-ws', pings: false });
    client.send('{"type":"connection_init"}');
    expect(await client.next()).toMatchObject({ message: { type: 'connection_ack' } });
    await client.rest();

    await clock.advance(120_000);

    expect(await messagesOf(client)).not.toContainEqual(expect.objectContaining({ code: 4408 }));
  });

  it('that never answers a close is destroyed after 5 s', async () => {
    const { connect, clock } = converse();
    const client = connect({ answersClose: false });

    client.send('nonsense');
    expect(await client.next()).toMatchObject({ kind: 'close', code: 4400 });
    await clock.advance(4_900);
    expect(await client.rest()).toEqual([]);
    await clock.advance(200);

    expect(await client.next()).toEqual({ kind: 'destroyed' });
  });
});

describe('the periods of the liveness checks', () => {
  it.each([0, -1, Number.NaN])('cannot be %d', (pingAfterMs) => {
    expect(() => converse({ keepAlive: { pingAfterMs } })).toThrow(
      'keepAlive.pingAfterMs must be a positive number or Infinity',
    );
  });
});

describe('a peer that does not read', () => {
  it('is closed with 1013 when more than the high water waits, and its neighbour misses nothing', async () => {
    const { ready, app, clock, server } = converse();
    const stalled = await ready({ answersClose: false });
    const neighbour = await ready();
    listenTo(stalled, '1', 'a');
    listenTo(neighbour, '1', 'a');
    await clock.settle();

    stalled.bufferedBytes = 262_145;
    await app.publish('a', 'x');

    expect(await stalled.next()).toEqual({ kind: 'close', code: 1013, reason: 'Reads too slowly' });
    expect(await messagesOf(neighbour)).toHaveLength(1);
    expect(app.openSources()).toBe(1);
    await clock.advance(1_050);
    expect(await stalled.next()).toEqual({ kind: 'destroyed' });
    expect(server.gauges().connections).toBe(1);
  });

  it('never has more than the hard limit waiting, unless one message is larger', async () => {
    const { ready } = converse({ limits: { outboxHardBytes: 1_000 } });
    const empty = await ready();
    const crowded = await ready();
    const text = 'x'.repeat(2_000);
    crowded.bufferedBytes = 1;

    for (const client of [empty, crowded]) subscribe(client, '1', `{ echo(text: "${text}") }`);

    expect(await empty.next()).toMatchObject({ message: { payload: { data: { echo: text } } } });
    expect(await crowded.next()).toMatchObject({ kind: 'close', code: 1013 });
  });

  it('makes a source of its own wait, and goes on when it reads again', async () => {
    const { ready, clock } = converse();
    const client = await ready();
    client.bufferedBytes = 131_073;

    subscribe(client, '1', 'subscription { flood(bytes: 10) }');
    await clock.advance(9_000);
    expect(await messagesOf(client)).toHaveLength(1);
    client.drain();
    await clock.settle();

    expect((await messagesOf(client)).length).toBeGreaterThan(10);
    client.vanish();
  });

  it('is closed with 1013 when a waiting source has waited 10 s', async () => {
    const { ready, clock, app } = converse();
    const client = await ready();
    client.bufferedBytes = 131_073;

    subscribe(client, '1', 'subscription { flood(bytes: 10) }');
    await clock.advance(10_100);

    expect((await client.rest()).at(-1)).toMatchObject({ kind: 'close', code: 1013 });
    expect(app.openSources()).toBe(0);
  });

  it('leaves other connections their turn while a source floods', async () => {
    const { ready } = converse();
    const flooded = await ready();
    const neighbour = await ready();

    subscribe(flooded, '1', 'subscription { flood(bytes: 10) }');
    await flooded.rest();
    subscribe(neighbour, '1', '{ hello }');

    expect(await messagesOf(neighbour)).toHaveLength(2);
    flooded.vanish();
    await neighbour.rest();
  });
});

describe('closing the server', () => {
  it('TW-56 closes every connection with 1001 and resolves when the last is gone', async () => {
    const { ready, server, app } = converse();
    const clients = [await ready(), await ready({ protocol: 'subscriptions-transport-ws' })];
    for (const client of clients) await client.rest();

    const closed = server.close();

    expect(await clients[0]?.next()).toEqual({ kind: 'close', code: 1001, reason: 'Going away' });
    await closed;
    expect(server.gauges()).toEqual({ connections: 0, operations: 0, deadlines: 0, readers: 0 });
    expect(app.openSources()).toBe(0);
    await expect(server.close()).resolves.toBeUndefined();
  });

  it('ends a peer that does not answer the close', async () => {
    const { ready, server, clock } = converse();
    await ready({ answersClose: false });

    const closed = server.close();
    await clock.advance(5_050);

    await expect(closed).resolves.toBeUndefined();
  });

  it('refuses upgrades from then on', async () => {
    const { server } = converse();

    await server.close();

    expect(server.decideUpgrade({ method: 'GET', url: '/graphql', headers: {} })).toMatchObject({
      kind: 'refuse',
      status: 503,
    });
  });
});

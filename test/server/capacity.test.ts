import { EventEmitter, once } from 'node:events';

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import { Capacity } from '../../src/server/capacity.ts';
import { Visits, step } from '../support/visits.ts';
import { converse, messagesOf, subscribe } from '../support/conversation.ts';
import type { MemoryClient } from '../support/memory-client.ts';

const upgrade = {
  method: 'GET',
  url: '/graphql',
  headers: { 'sec-websocket-protocol': 'graphql-transport-ws' },
};

/** A socket that counts how often it was shed. */
function socket(): { sheds: number; shed(): void } {
  return {
    sheds: 0,
    shed() {
      this.sheds += 1;
    },
  };
}

describe('the capacity of a server', () => {
  it.each([
    { assumed: 5_000, connections: 5_000, unacknowledgedConnections: 1_000 },
    { assumed: 25_000, connections: 25_000, unacknowledgedConnections: 2_500 },
    { assumed: 243, connections: 243, unacknowledgedConnections: 1_000 },
  ])(
    'of a process that holds $assumed connections leaves $unacknowledgedConnections for those who wait',
    ({ assumed, ...expected }) => {
      const capacity = new Capacity();
      capacity.assume(assumed);

      const { connections, unacknowledgedConnections } = capacity;

      expect({ connections, unacknowledgedConnections }).toEqual(expected);
    },
  );

  it('is 10,000 if nobody knows better', () => {
    expect(new Capacity().connections).toBe(10_000);
  });

  it('is what the options say, whatever the process holds', () => {
    const capacity = new Capacity({ connections: 7, unacknowledgedConnections: 3 });

    capacity.assume(100);

    expect(capacity).toMatchObject({ connections: 7, unacknowledgedConnections: 3 });
  });

  it('has no place for a stream when sockets took all of them, and one as soon as one left', () => {
    const capacity = new Capacity({ connections: 1 });
    const place = capacity.enterSocket(socket());

    expect(capacity.enter()).toBeUndefined();
    place.leave();
    place.leave();

    expect(capacity.enter()).toBeDefined();
    expect(capacity.enter()).toBeUndefined();
  });

  it('sheds the oldest socket that was not acknowledged, and no other', () => {
    const capacity = new Capacity({ unacknowledgedConnections: 2 });
    const [vouchedFor, oldest, older, newest] = [socket(), socket(), socket(), socket()];
    capacity.enterSocket(vouchedFor).acknowledge();

    for (const each of [oldest, older, newest]) capacity.enterSocket(each);

    expect([vouchedFor, oldest, older, newest].map(({ sheds }) => sheds)).toEqual([0, 1, 0, 0]);
    expect(capacity).toMatchObject({ taken: 4, unacknowledged: 2 });
  });

  it('never sheds the socket that has just come', () => {
    const capacity = new Capacity({ unacknowledgedConnections: 0.5 });
    const only = socket();

    capacity.enterSocket(only);

    expect(only.sheds).toBe(0);
  });

  it('counts what a model counts, whoever comes, goes, and is told twice', () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 120 }), (steps) => {
        const visits = new Visits({ connections: 12, unacknowledgedConnections: 4 });

        for (const each of steps) {
          visits.take(each);
          expect(visits.observed()).toEqual(visits.expected());
        }
        visits.leaveAll();

        expect(visits.observed()).toMatchObject({ taken: 0, unacknowledged: 0 });
      }),
    );
  });
});

describe('a server that is full', () => {
  it('refuses an upgrade with 503 and says when to come back', () => {
    const { server, connect } = converse({ limits: { connections: 1 } });
    connect();

    expect(server.decideUpgrade(upgrade)).toEqual({
      kind: 'refuse',
      status: 503,
      message: 'The server is full',
      headers: { 'retry-after': '5' },
    });
  });

  it('accepts the next as soon as one has gone, however it went', async () => {
    const { server, connect, clock } = converse({ limits: { connections: 1 } });
    const ways: readonly ((client: MemoryClient) => void)[] = [
      (client) => client.close(1000),
      (client) => client.vanish(),
      (client) => client.send('no JSON'),
    ];
    for (const leave of ways) {
      const client = connect();
      expect(server.decideUpgrade(upgrade).kind).toBe('refuse');

      leave(client);
      await clock.settle();

      expect(server.decideUpgrade(upgrade).kind).toBe('accept');
    }
  });

  it('serves those who are in', async () => {
    const { ready } = converse({ limits: { connections: 1 } });
    const client = await ready();

    subscribe(client, '1', '{ hello }');

    expect(await messagesOf(client)).toHaveLength(2);
  });

  it('knows what its adapter found out, and says so in its limits', () => {
    const { server, connect } = converse();
    server.assumeCapacity(2);
    connect();

    expect(server.decideUpgrade(upgrade).kind).toBe('accept');
    connect();

    expect(server.decideUpgrade(upgrade).kind).toBe('refuse');
    expect(server.limits).toMatchObject({ connections: 2, unacknowledgedConnections: 1_000 });
  });
});

const tryAgain = { kind: 'close', code: 1013, reason: 'Try again later' };

describe('sockets that nobody vouched for', () => {
  it('leave, the oldest first, when more come than may wait', async () => {
    const { connect } = converse({ limits: { unacknowledgedConnections: 2 } });
    const [oldest, older, newest] = [connect(), connect(), connect()];

    expect(await oldest.next()).toEqual(tryAgain);
    expect([await older.rest(), await newest.rest()]).toEqual([[], []]);
  });

  it('never make an acknowledged one leave', async () => {
    const { connect, ready } = converse({ limits: { unacknowledgedConnections: 1 } });
    const acknowledged = await ready();

    for (let sockets = 0; sockets < 10; sockets += 1) connect();

    expect(await acknowledged.rest()).toEqual([]);
  });

  it('count until the connect hook has accepted', async () => {
    const gate = new EventEmitter();
    const { connect, clock } = converse({
      limits: { unacknowledgedConnections: 1 },
      onConnect: () => once(gate, 'open').then(() => true),
    });
    const asking = connect();
    asking.send('{"type":"connection_init"}');
    await clock.settle();

    connect();

    expect(await asking.next()).toEqual(tryAgain);
    gate.emit('open');
    expect(await asking.rest()).toEqual([]);
  });

  it('are destroyed a second later if they do not answer the close', async () => {
    const { connect, clock, server } = converse({ limits: { unacknowledgedConnections: 1 } });
    const silent = connect({ answersClose: false });
    connect();
    expect(await silent.next()).toEqual(tryAgain);

    await clock.advance(1_000);

    expect(await silent.next()).toEqual({ kind: 'destroyed' });
    expect(server.gauges().connections).toBe(1);
  });

  it('keep their place in the process until they are gone', async () => {
    const { connect, server, clock } = converse({
      limits: { connections: 2, unacknowledgedConnections: 1 },
    });
    connect({ answersClose: false });
    connect();

    expect(server.decideUpgrade(upgrade).kind).toBe('refuse');
    await clock.advance(1_000);

    expect(server.decideUpgrade(upgrade).kind).toBe('accept');
  });
});

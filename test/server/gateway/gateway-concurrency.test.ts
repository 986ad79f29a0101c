import { EventEmitter, once } from 'node:events';

import { beforeEach, describe, expect, it } from 'vitest';

import { GatewayStage, upgrade } from '../../support/gateway-stage.ts';

const room = 'subscription { said(room: "x") { text } }';
const complete = (id: string): unknown => ({ id, type: 'complete' });
const subscribe = (id: string, query: string): unknown => ({
  id,
  type: 'subscribe',
  payload: { query },
});

let stage: GatewayStage;

beforeEach(() => {
  stage = new GatewayStage();
});

/** Holds one call of a method of the store up until it is told to go on. */
function hold(
  method: string,
  which = 1,
): { readonly reached: Promise<unknown>; readonly goOn: () => void } {
  const gate = new EventEmitter();
  const released = once(gate, 'released');
  let calls = 0;
  stage.store.before = async (called) => {
    if (called === method) calls += 1;
    if (called !== method || calls !== which) return;
    gate.emit('reached');
    await released;
  };
  return { reached: once(gate, 'reached'), goOn: () => void gate.emit('released') };
}

describe('two calls for one connection at once', () => {
  it('accept only one of two operations with the same id, and close', async () => {
    await stage.join('a');

    await Promise.all([
      stage.message('a', subscribe('1', room)),
      stage.message('a', subscribe('1', room)),
    ]);

    expect(stage.closeOf('a')).toEqual({ code: 4409, reason: 'Subscriber for 1 already exists' });
    expect(stage.store.connections.size).toBe(0);
    expect(stage.store.subscriptionCount).toBe(0);
  });

  it('lose none of many operations that start side by side', async () => {
    await stage.join('a');
    const ids = Array.from({ length: 50 }, (_, i) => String(i));

    await Promise.all(ids.map((id) => stage.message('a', subscribe(id, room))));

    expect(stage.store.subscriptionCount).toBe(50);
    const delivery = await stage.fresh.publish('said', { room: 'x', text: 'hi' }, { key: 'x' });
    expect(delivery).toEqual({ delivered: 50, gone: 0, failed: 0 });
  });

  it('refuse a second init message', async () => {
    await stage.open('a');
    const init = { type: 'connection_init' };

    await Promise.all([stage.message('a', init), stage.message('a', init)]);

    expect(stage.closeOf('a')?.code).toBe(4429);
    expect(stage.store.connections.size).toBe(0);
  });

  it('leave nothing of a subscription that is stopped while it is being registered', async () => {
    await stage.join('a');
    const held = hold('addSubscription');
    const subscribing = stage.message('a', subscribe('1', room));
    await held.reached;

    await stage.message('a', complete('1'));
    held.goOn();
    await subscribing;

    expect(stage.store.subscriptionCount).toBe(0);
    expect(await stage.fresh.publish('said', {}, { key: 'x' })).toMatchObject({ delivered: 0 });
  });

  it('leave nothing of a subscription whose connection goes while it is being registered', async () => {
    await stage.join('a');
    const held = hold('addSubscription');
    const subscribing = stage.message('a', subscribe('1', room));
    await held.reached;

    await stage.fresh.disconnect('a');
    held.goOn();
    await subscribing;

    expect(stage.store.subscriptionCount).toBe(0);
    expect(stage.store.connections.size).toBe(0);
  });

  it.each([
    ['is forgotten', () => stage.fresh.disconnect('a')],
    ['expires', async () => void (stage.now += 60_000)],
  ])(
    'leave nothing of a subscription whose connection %s while that is written anew',
    async (_, lose) => {
      const completed: unknown[] = [];
      stage = new GatewayStage({
        server: {
          onConnect: () => ({ expiresAt: stage.now + 60_000 }),
          onComplete: () => void completed.push('complete'),
        },
      });
      await stage.join('a');
      // the first write takes the id, the second says where it listens
      const held = hold('writeConnection', 2);
      const subscribing = stage.message('a', subscribe('1', room));
      await held.reached;

      await stage.message('a', subscribe('2', '{ hello }'));
      await lose();
      held.goOn();
      await subscribing;

      expect([stage.store.subscriptionCount, stage.store.connections.size]).toEqual([0, 0]);
      expect(completed).toEqual(['complete', 'complete']);
    },
  );

  it('start nothing that was stopped by a message which overtook the start', async () => {
    await stage.join('a');

    await stage.message('a', complete('1'));
    const answered = await stage.message('a', subscribe('1', room));

    expect(answered).toEqual([complete('1')]);
    expect(stage.store.subscriptionCount).toBe(0);
  });

  it('start an id again whose stop crossed the end of the operation before', async () => {
    await stage.join('a');
    await stage.message('a', subscribe('1', '{ hello }'));

    await stage.message('a', complete('1'));
    await stage.message('a', subscribe('1', room));

    expect(stage.store.subscriptionCount).toBe(1);
  });

  it('take an id whose stop found nothing for a new operation after a while', async () => {
    await stage.join('a');
    await stage.message('a', complete('1'));
    stage.now += 10_001;

    await stage.message('a', subscribe('1', room));

    expect(stage.store.subscriptionCount).toBe(1);
  });

  it('give a subscription nothing that was published for its predecessor of the same id', async () => {
    await stage.join('a');
    await stage.message('a', subscribe('1', room));
    const held = hold('readConnection');
    const publishing = stage.fresh.publish('said', { room: 'x', text: 'old' }, { key: 'x' });
    await held.reached;
    stage.store.before = undefined;
    await stage.message('a', complete('1'));
    await stage.message('a', subscribe('1', 'subscription { said(room: "y") { text } }'));

    held.goOn();

    expect(await publishing).toEqual({ delivered: 0, gone: 0, failed: 0 });
    expect(stage.taken('a')).toEqual([]);
  });

  it('push nothing of a query that was stopped in another call', async () => {
    await stage.join('a');
    // the first write takes the id, the second is the end
    const held = hold('writeConnection', 2);
    const asking = stage.message('a', subscribe('1', '{ hello }'));
    await held.reached;

    await stage.message('a', complete('1'));
    held.goOn();

    expect(await asking).toEqual([]);
    expect(await stage.message('a', subscribe('1', '{ hello }'))).toHaveLength(2);
  });
});

describe('the older protocol behind a gateway', () => {
  const legacy = { ...upgrade, headers: { 'sec-websocket-protocol': 'graphql-ws' } };
  const start = { id: '1', type: 'start', payload: { query: room } };

  beforeEach(async () => {
    stage = new GatewayStage({ server: { protocols: ['subscriptions-transport-ws'] } });
    await stage.open('a', legacy);
  });

  it('starts what was sent right behind the init message, even if it is read first', async () => {
    expect(await stage.message('a', start)).toEqual([]);
    expect(await stage.message('a', { type: 'connection_init' })).toEqual([
      { type: 'connection_ack' },
    ]);

    await stage.fresh.publish('said', { room: 'x', text: 'hi' }, { key: 'x' });

    expect(stage.taken('a')).toEqual([
      { id: '1', type: 'data', payload: { data: { said: { text: 'hi' } } } },
    ]);
  });

  it('does not start what was stopped before it was accepted', async () => {
    await stage.message('a', start);
    await stage.message('a', { id: '1', type: 'stop' });
    await stage.message('a', { type: 'connection_init' });

    expect(stage.store.subscriptionCount).toBe(0);
  });

  it('replaces an operation whose id is used again', async () => {
    await stage.message('a', { type: 'connection_init' });
    await stage.message('a', start);
    await stage.message('a', {
      id: '1',
      type: 'start',
      payload: { query: 'subscription { said(room: "y") { text } }' },
    });

    expect(stage.store.subscriptionCount).toBe(1);
    expect(await stage.fresh.publish('said', {}, { key: 'x' })).toMatchObject({ delivered: 0 });
  });

  it('keeps ids that are numbers', async () => {
    await stage.message('a', { type: 'connection_init' });

    expect(
      await stage.message('a', { id: 7, type: 'start', payload: { query: '{ hello }' } }),
    ).toEqual([
      { id: 7, type: 'data', payload: { data: { hello: 'Hello you' } } },
      { id: 7, type: 'complete', payload: null },
    ]);
  });

  it('closes when too much waits for the init message', async () => {
    for (let i = 0; i < 101; i++) await stage.message('a', { ...start, id: String(i) });

    expect(stage.closeOf('a')?.code).toBe(1013);
    expect(stage.store.connections.size).toBe(0);
  });
});

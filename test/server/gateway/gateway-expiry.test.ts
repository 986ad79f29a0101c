import { createGateway, createGatewayTopics } from 'millrace/adapters/gateway';
import { beforeEach, describe, expect, it } from 'vitest';

import { GatewayStage, createStageSchema, upgrade } from '../../support/gateway-stage.ts';
import type { StageOptions } from '../../support/gateway-stage.ts';

const expired = { code: 4403, reason: 'Credentials expired' };
const room = 'subscription { said(room: "x") { text } }';
const ofOthers = 'subscription { saidByOthers(room: "x") { text } }';
const hi = { room: 'x', text: 'hi', by: 'ada' };

let stage: GatewayStage;
let heard: unknown[];

/** A gateway whose clients are known for a minute, unless they say for how long. */
function stageFor(options: StageOptions = {}): GatewayStage {
  return new GatewayStage({
    ...options,
    server: {
      onConnect: ({ connectionParams: { user, forMs = 60_000 } }) => ({
        user,
        expiresAt: stage.now + Number(forMs),
      }),
      onComplete: () => void heard.push('complete'),
      onDisconnect: ({ code, reason }) => void heard.push({ code, reason }),
      ...options.server,
    },
  });
}

const publish = () => stage.fresh.publish('said', hi, { key: 'x' });

beforeEach(() => {
  heard = [];
  stage = stageFor();
});

describe('credentials that expire behind a gateway', () => {
  it('end the connection at the next event: nothing of it is pushed, and nothing is left', async () => {
    await stage.join('a', { user: 'ada' });
    await stage.subscribe('a', '1', room);
    stage.now += 60_000;

    expect(await publish()).toEqual({ delivered: 0, gone: 1, failed: 0 });

    expect([stage.taken('a'), stage.closeOf('a')]).toEqual([[], expired]);
    expect(heard).toEqual(['complete', expired]);
    expect([stage.store.connections.size, stage.store.subscriptionCount]).toEqual([0, 0]);
  });

  it('let everything pass until then', async () => {
    await stage.join('a');
    await stage.subscribe('a', '1', room);
    stage.now += 59_999;

    expect(await publish()).toEqual({ delivered: 1, gone: 0, failed: 0 });

    expect(stage.taken('a')).toHaveLength(1);
    expect(stage.closeOf('a')).toBeUndefined();
  });

  it('end one connection with all of its subscriptions, once, and no other', async () => {
    await stage.join('a', { user: 'ada' });
    await stage.join('b', { user: 'bob', forMs: 120_000 });
    for (const id of ['1', '2', '3']) await stage.subscribe('a', id, room);
    await stage.subscribe('b', '1', room);
    stage.now += 60_000;

    expect(await publish()).toMatchObject({ delivered: 1, failed: 0 });

    expect([stage.closeOf('a'), stage.closeOf('b')]).toEqual([expired, undefined]);
    expect(heard).toEqual(['complete', 'complete', 'complete', expired]);
    expect([stage.store.connections.size, stage.store.subscriptionCount]).toEqual([1, 1]);
  });

  it('end no more connections at once than there are pushes', async () => {
    let [atOnce, most] = [0, 0];
    const close = async (): Promise<void> => {
      atOnce += 1;
      most = Math.max(most, atOnce);
      await new Promise(setImmediate);
      atOnce -= 1;
    };
    stage = stageFor({ gateway: { pushesAtOnce: 1, push: { send: async () => {}, close } } });
    for (const id of ['a', 'b', 'c']) {
      await stage.join(id);
      await stage.subscribe(id, '1', room);
    }
    stage.now += 60_000;

    expect(await publish()).toEqual({ delivered: 0, gone: 3, failed: 0 });

    expect(most).toBe(1);
  });

  it('execute nothing for whoever they were of, and ask no filter', async () => {
    const asked: unknown[] = [];
    stage.filterAll = (_, user) => Boolean(asked.push(user));
    await stage.join('a', { user: 'ada' });
    await stage.subscribe('a', '1', room);
    await stage.subscribe('a', '2', 'subscription { saidToMe(room: "x") { reader } }');
    stage.now += 60_000;

    await publish();

    expect([asked, stage.executed]).toEqual([[], []]);
  });

  it('end it as well at an event that a filter would have dropped', async () => {
    await stage.join('a', { user: 'ada' });
    await stage.subscribe('a', '1', ofOthers);
    stage.now += 60_000;

    await publish();

    expect(stage.closeOf('a')).toEqual(expired);
  });

  it('that expire while an event is executed keep its result back', async () => {
    stage = stageFor({
      server: {
        context: ({ session, operation }) => {
          if (operation.query === room && heard.includes('subscribed')) stage.now += 60_000;
          return { session };
        },
      },
    });
    await stage.join('a');
    await stage.subscribe('a', '1', room);
    heard.push('subscribed');

    expect(await publish()).toEqual({ delivered: 0, gone: 1, failed: 0 });

    expect([stage.taken('a'), stage.closeOf('a')]).toEqual([[], expired]);
  });

  it('end it at the next message, which is not read', async () => {
    await stage.join('a');
    stage.now += 60_000;

    expect(await stage.subscribe('a', '1', 'mutation { say(room: "x", text: "hi") }')).toEqual([]);

    expect(stage.closeOf('a')).toEqual(expired);
    expect(heard).toEqual([expired]);
    expect(stage.store.connections.size).toBe(0);
  });

  it.each(['{ hello }', 'subscription { history(room: "x") { text } }', room])(
    'that expire while an operation begins keep back what comes of it: %s',
    async (query) => {
      stage = stageFor({
        server: {
          onSubscribe: () => {
            stage.now += 60_000;
          },
        },
      });
      await stage.join('a');

      expect(await stage.subscribe('a', '1', query)).toEqual([]);

      expect(stage.closeOf('a')).toEqual(expired);
      expect([stage.store.connections.size, stage.store.subscriptionCount]).toEqual([0, 0]);
    },
  );

  it('end a connection of subscriptions-transport-ws with the reason in a message', async () => {
    stage = stageFor({ server: { protocols: ['subscriptions-transport-ws'] } });
    await stage.open('a', { ...upgrade, headers: { 'sec-websocket-protocol': 'graphql-ws' } });
    await stage.message('a', { type: 'connection_init' });
    await stage.message('a', { id: '1', type: 'start', payload: { query: room } });
    stage.now += 60_000;

    await publish();

    expect(stage.taken('a')).toEqual([
      {
        type: 'connection_error',
        payload: {
          message: 'Credentials expired',
          extensions: { code: 'CREDENTIALS_EXPIRED' },
        },
      },
    ]);
    expect(stage.closeOf('a')).toEqual(expired);
  });

  it('are compared with one clock: that of the gateway, or else that of the server options', async () => {
    const { store } = stage;
    const push = { send: async () => {}, close: async () => void heard.push('closed') };
    let now = stage.now;
    const fresh = () =>
      createGateway(
        {
          schema: createStageSchema(createGatewayTopics()),
          onConnect: () => ({ expiresAt: now + 60_000 }),
          now: () => now,
        },
        { store, push },
      );
    await fresh().connect({ connectionId: 'a', request: upgrade });
    await fresh().message({ connectionId: 'a', data: '{"type":"connection_init"}' });
    expect(heard).toEqual([]);
    now += 60_000;
    await fresh().message({ connectionId: 'a', data: '{"type":"ping"}' });

    expect(heard).toEqual(['closed']);
  });
});

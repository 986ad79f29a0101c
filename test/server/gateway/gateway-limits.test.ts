import { createMemoryBroker } from 'millrace/broker/memory';
import { createGateway, createGatewayTopics } from 'millrace/adapters/gateway';
import { refuse } from 'millrace/server';
import type { OperationEvent } from 'millrace/server';
import { beforeEach, describe, expect, it } from 'vitest';

import { GatewayStage, createStageSchema, upgrade } from '../../support/gateway-stage.ts';

const room = 'subscription { said(room: "x") { text } }';
const init = { type: 'connection_init' };
const codeOf = (frames: readonly unknown[]): unknown => {
  const [frame] = frames as readonly {
    readonly payload: readonly { readonly extensions: { readonly code: string } }[];
  }[];
  return frame?.payload[0]?.extensions.code;
};

let stage: GatewayStage;

beforeEach(() => {
  stage = new GatewayStage();
});

describe('a gateway', () => {
  it('closes a connection whose init message comes too late, at the next message', async () => {
    await stage.open('a');
    stage.now += 5_000;

    await stage.message('a', init);

    expect(stage.closeOf('a')).toEqual({
      code: 4408,
      reason: 'Connection initialisation timeout',
    });
    expect(stage.store.connections.size).toBe(0);
  });

  it('closes a connection that subscribes before it was acknowledged', async () => {
    await stage.open('a');

    await stage.subscribe('a', '1', room);

    expect(stage.closeOf('a')).toEqual({ code: 4401, reason: 'Unauthorized' });
  });

  it('closes a connection whose message cannot be read', async () => {
    await stage.join('a');

    await stage.message('a', 'no JSON');

    expect(stage.closeOf('a')).toEqual({ code: 4400, reason: 'Invalid message received' });
  });

  it('closes a connection whose message is too big', async () => {
    await stage.join('a');

    await stage.message('a', 'x'.repeat(65_537));

    expect(stage.closeOf('a')?.code).toBe(1009);
  });

  it('closes a connection that it knows nothing of, so that its client comes back', async () => {
    await stage.message('a', init);

    expect(stage.closeOf('a')).toEqual({ code: 4499, reason: 'Terminated' });
  });

  it('closes a connection towards the end of its lifetime, at a message', async () => {
    await stage.join('a');
    stage.now += 0.9 * 86_400_000;

    await stage.message('a', { type: 'ping' });

    expect(stage.closeOf('a')?.code).toBe(4499);
    expect(stage.store.connections.size).toBe(0);
  });

  it('closes a connection towards the end of its lifetime, after an event', async () => {
    await stage.join('a');
    await stage.subscribe('a', '1', room);
    stage.now += 0.9 * 86_400_000;

    await stage.fresh.publish('said', { room: 'x', text: 'hi' }, { key: 'x' });

    expect(stage.taken('a')).toHaveLength(1);
    expect(stage.closeOf('a')?.code).toBe(4499);
    expect(stage.store.subscriptionCount).toBe(0);
  });

  it('answers a ping, without what renews credentials', async () => {
    await stage.join('a');

    expect(await stage.message('a', { type: 'ping', payload: { auth: 1, n: 2 } })).toEqual([
      { type: 'pong', payload: { n: 2 } },
    ]);
  });

  it('counts operations, their ids and their rate over all calls', async () => {
    stage = new GatewayStage({
      server: {
        limits: { operationsPerConnection: 2, operationIdBytes: 8, subscribeBurst: 3 },
      },
    });
    await stage.join('a');
    await stage.subscribe('a', '1', room);

    expect(codeOf(await stage.subscribe('a', 'x'.repeat(9), room))).toBe('OPERATION_ID_TOO_LONG');
    await stage.subscribe('a', '2', room);
    expect(codeOf(await stage.subscribe('a', '3', room))).toBe('TOO_MANY_OPERATIONS');
    await stage.message('a', { id: '2', type: 'complete' });
    await stage.subscribe('a', '4', '{ hello }');
    expect(codeOf(await stage.subscribe('a', '5', '{ hello }'))).toBe('RATE_LIMITED');
    stage.now += 1_000;
    expect(await stage.subscribe('a', '6', '{ hello }')).toHaveLength(2);
  });

  it('closes a connection that sends nothing but control messages', async () => {
    stage = new GatewayStage({ server: { limits: { controlMessageBurst: 2 } } });
    await stage.join('a');

    for (let i = 0; i < 3; i++) await stage.message('a', { type: 'ping' });

    expect(stage.closeOf('a')).toEqual({ code: 4400, reason: 'Too many control messages' });
  });

  it('puts an error in the place of a result that is too big to be pushed', async () => {
    stage = new GatewayStage({ gateway: { frameBytes: 500 } });
    await stage.join('a');
    await stage.subscribe('a', '1', room);

    expect(await stage.subscribe('a', '2', '{ large(characters: 500) }')).toMatchObject([
      { id: '2', payload: { errors: [{ extensions: { code: 'RESULT_TOO_BIG' } }] } },
      { id: '2', type: 'complete' },
    ]);
    await stage.fresh.publish('said', { room: 'x', text: 'x'.repeat(500) }, { key: 'x' });
    expect(stage.taken('a')).toMatchObject([
      { id: '1', payload: { errors: [{ extensions: { code: 'RESULT_TOO_BIG' } }] } },
    ]);
  });

  it('masks what a resolver threw', async () => {
    await stage.join('a');

    expect(await stage.subscribe('a', '1', '{ broken }')).toMatchObject([
      { payload: { errors: [{ message: 'Internal server error' }] } },
      { type: 'complete' },
    ]);
    expect(stage.reported).toMatchObject([{ message: 'a secret' }]);
  });

  it('refuses an operation that is invalid', async () => {
    await stage.join('a');

    expect(codeOf(await stage.subscribe('a', '1', '{ nothing }'))).toBe(
      'GRAPHQL_VALIDATION_FAILED',
    );
    expect(await stage.subscribe('a', '1', '{ hello }')).toHaveLength(2);
  });

  it.each([
    ['count what a `principal` holds', { principal: () => 'somebody' }],
    ['listen to `revocations`', { broker: createMemoryBroker(), revocations: {} }],
  ])('cannot %s, and says so', (what, more) => {
    const topics = createGatewayTopics();
    const options = { schema: createStageSchema(topics), ...more };
    const { store } = stage;
    const push = { send: async () => {}, close: async () => {} };

    expect(() => createGateway(options, { store, push, topics })).toThrow(what);
  });
});

describe('the connect hook of a gateway', () => {
  it('refuses in the words of the protocol', async () => {
    stage = new GatewayStage({ server: { onConnect: () => refuse({ reason: 'Who are you?' }) } });
    await stage.join('a');

    expect(stage.closeOf('a')).toEqual({ code: 4403, reason: 'Who are you?' });
    expect(stage.store.connections.size).toBe(0);
  });

  it.each([
    { what: 'is not plain JSON', session: { since: new Date(0) }, complaint: 'not plain JSON' },
    { what: 'is too large', session: { text: 'x'.repeat(20_000) }, complaint: 'sessionBytes' },
  ])('fails with a session that $what', async ({ session, complaint }) => {
    stage = new GatewayStage({ server: { onConnect: () => session } });
    await stage.join('a');

    expect(stage.closeOf('a')?.code).toBe(4500);
    expect(String(stage.reported[0])).toContain(complaint);
  });

  it('sees all headers of the upgrade, and what comes after it those that are to be kept', async () => {
    const seen: unknown[] = [];
    stage = new GatewayStage({
      server: {
        onConnect: ({ request }) => void seen.push(request.headers['cookie']),
        context: ({ request, session }) => {
          seen.push(request.headers);
          return { session };
        },
      },
      gateway: { keepHeaders: ['Host'] },
    });
    const { headers } = upgrade;
    await stage.open('a', { ...upgrade, headers: { ...headers, cookie: 'secret' } });
    await stage.message('a', init);
    await stage.subscribe('a', '1', '{ hello }');

    expect(seen).toEqual(['secret', { host: 'example.com' }]);
    expect(JSON.stringify([...stage.store.connections])).not.toContain('secret');
  });

  it('refuses credentials that have expired, and lets others stay', async () => {
    let expiresAt = stage.now;
    stage = new GatewayStage({ server: { onConnect: () => ({ expiresAt }) } });
    await stage.join('a');
    expiresAt = stage.now + 60_000;
    await stage.join('b');

    expect(stage.closeOf('a')).toEqual({ code: 4403, reason: 'Credentials expired' });
    expect(stage.closeOf('b')).toBeUndefined();
  });

  it('is asked once: credentials in a ping renew nothing there, and are not echoed', async () => {
    let asked = 0;
    stage = new GatewayStage({ server: { onConnect: () => ({ asked: (asked += 1) }) } });
    await stage.join('a');

    const ping = { type: 'ping', payload: { auth: { token: 't' }, at: 7 } };
    expect(await stage.message('a', JSON.stringify(ping))).toEqual([
      { type: 'pong', payload: { at: 7 } },
    ]);
    expect(asked).toBe(1);
  });

  it('sends the payload of the acknowledgement', async () => {
    stage = new GatewayStage({ server: { onConnect: () => ({ ackPayload: { hello: 1 } }) } });
    await stage.open('a');

    expect(await stage.message('a', init)).toEqual([
      { type: 'connection_ack', payload: { hello: 1 } },
    ]);
  });
});

describe('the hooks around a gateway', () => {
  it('hear once of the end of each subscription and of the connection, and are waited for', async () => {
    const heard: string[] = [];
    const later = async (what: string): Promise<void> => {
      await Promise.resolve();
      heard.push(what);
    };
    stage = new GatewayStage({
      server: {
        onComplete: ({ operation }: OperationEvent<object>) => later(operation.query),
        onDisconnect: ({ code }) => later(`gone ${code}`),
      },
    });
    await stage.join('a');
    await stage.subscribe('a', '1', '{ hello }');
    await stage.subscribe('a', '2', room);
    expect(heard).toEqual(['{ hello }']);

    await Promise.all([stage.fresh.disconnect('a'), stage.fresh.disconnect('a', { code: 1001 })]);

    expect(heard).toHaveLength(3);
    expect(heard[1]).toBe(room);
    expect(heard[2]).toMatch(/^gone/);
  });
});

describe('a push that fails', () => {
  const gone = Object.assign(new Error('it is gone'), { code: 'GONE' });

  it('removes a connection that is gone', async () => {
    await stage.join('a');
    await stage.join('b');
    await stage.subscribe('a', '1', room);
    await stage.subscribe('b', '1', room);
    stage.onSend = async (connectionId) => {
      if (connectionId === 'a') throw gone;
    };

    expect(await stage.fresh.publish('said', { room: 'x', text: 'hi' }, { key: 'x' })).toEqual({
      delivered: 1,
      gone: 1,
      failed: 0,
    });
    expect([...stage.store.connections.keys()]).toEqual(['b']);
    expect(stage.store.subscriptionCount).toBe(1);
    expect(stage.reported).toEqual([]);
  });

  it('closes a connection that could not be told, so that its client notices', async () => {
    await stage.join('a');
    await stage.subscribe('a', '1', room);
    stage.onSend = async () => {
      throw new Error('too many requests');
    };

    expect(await stage.fresh.publish('said', { room: 'x', text: 'hi' }, { key: 'x' })).toEqual({
      delivered: 0,
      gone: 0,
      failed: 1,
    });
    expect(stage.closeOf('a')?.code).toBe(4499);
    expect(stage.store.connections.size).toBe(0);
    expect(stage.reported).toMatchObject([{ message: 'too many requests' }]);
  });
});

describe('a store that fails', () => {
  it('makes the call reject, and the connection close', async () => {
    await stage.join('a');
    stage.store.before = () => {
      throw new Error('away');
    };

    await expect(stage.subscribe('a', '1', room)).rejects.toMatchObject({
      code: 'STORE_UNAVAILABLE',
      cause: { message: 'away' },
    });
    expect(stage.closeOf('a')?.code).toBe(4499);
  });

  it('makes a publication reject', async () => {
    stage.store.before = () => {
      throw new Error('away');
    };

    await expect(stage.fresh.publish('said', {}, { key: 'x' })).rejects.toMatchObject({
      code: 'STORE_UNAVAILABLE',
    });
  });

  it('refuses an operation that it could not keep', async () => {
    await stage.join('a');
    stage.store.before = (method) => {
      if (method === 'addSubscription') throw new Error('away');
    };

    expect(codeOf(await stage.subscribe('a', '1', room))).toBe('STORE_UNAVAILABLE');
  });
});

import type { ServerOptions } from 'millrace/server';
import { describe, expect, it } from 'vitest';

import { toEffectiveLimits } from '../../src/server/limits.ts';
import type { Limits } from '../../src/server/limits.ts';
import { Principals } from '../../src/server/principals.ts';
import type { Counting, CountedConnection } from '../../src/server/principals.ts';
import type { Conversation } from '../support/conversation.ts';
import { converse, listenTo, messagesOf, subscribe } from '../support/conversation.ts';
import type { MemoryClient, MemoryClientOptions } from '../support/memory-client.ts';

/** Everybody is who they say they are, if they say it. */
const byName = {
  onConnect: ({ connectionParams }) => ({ name: connectionParams['name'] }),
  principal: (session) => (session as { readonly name?: string }).name, // what `onConnect` returned
} satisfies Partial<ServerOptions>;

function principalsWith(limits: Limits, reported: unknown[] = []): Principals {
  return new Principals({
    ...byName,
    limits: toEffectiveLimits(limits),
    report: (error) => reported.push(error),
  });
}

const ada = { name: 'ada' };

/** The connection of `counting`, which has to be one. */
function connectionOf(counting: { readonly kind: string }): CountedConnection {
  expect(counting.kind).toBe('counted');
  return (counting as Extract<Counting<CountedConnection>, { readonly kind: 'counted' }>).counted; // as the line above has checked
}

describe('what principals hold', () => {
  it('is nothing for whoever is nobody in particular', () => {
    const principals = principalsWith({ connectionsPerPrincipal: 1, operationsPerPrincipal: 1 });

    for (let times = 0; times < 3; times += 1) {
      expect(principals.enter({}).kind).toBe('counted');
      expect(principals.startOperation({}).kind).toBe('counted');
    }

    expect(principals.size).toBe(0);
  });

  it('is refused above connectionsPerPrincipal, with the limit and its value', () => {
    const principals = principalsWith({ connectionsPerPrincipal: 1 });
    principals.enter(ada);

    expect(principals.enter(ada)).toEqual({
      kind: 'refused',
      error: {
        message: 'limits.connectionsPerPrincipal of 1 exceeded',
        extensions: {
          code: 'TOO_MANY_CONNECTIONS',
          limit: 'connectionsPerPrincipal',
          maximum: 1,
        },
      },
    });
  });

  it('is refused above operationsPerPrincipal, whether a connection or a request brings it', () => {
    const principals = principalsWith({ operationsPerPrincipal: 2 });
    const connection = connectionOf(principals.enter(ada));
    connection.startOperation();
    principals.startOperation(ada);
    const refused = {
      kind: 'refused',
      error: {
        message: 'limits.operationsPerPrincipal of 2 exceeded',
        extensions: { code: 'TOO_MANY_OPERATIONS', limit: 'operationsPerPrincipal', maximum: 2 },
      },
    };

    expect(connection.startOperation()).toEqual(refused);
    expect(principals.startOperation(ada)).toEqual(refused);
  });

  it('is given back once, however often it leaves', () => {
    const principals = principalsWith({});
    const connection = connectionOf(principals.enter(ada));
    const other = connectionOf(principals.enter(ada));

    connection.leave();
    connection.leave();

    expect(principals.count('ada')).toEqual({ connections: 1, operations: 0 });
    other.leave();
    expect(principals.size).toBe(0);
  });

  it('includes no operation of a connection that left', () => {
    const principals = principalsWith({});
    const connection = connectionOf(principals.enter(ada));
    const operation = connection.startOperation();
    connection.startOperation();

    connection.leave();
    if (operation.kind === 'counted') operation.counted.leave();

    expect(principals.size).toBe(0);
    expect(connection.startOperation().kind).toBe('counted');
    expect(principals.size).toBe(0);
  });

  it('is kept by name, whatever the name', () => {
    const principals = principalsWith({ connectionsPerPrincipal: 1 });

    for (const name of ['__proto__', 'constructor', 'toString', '']) {
      expect(principals.enter({ name }).kind).toBe('counted');
      expect(principals.enter({ name }).kind).toBe('refused');
    }
  });

  it.each([
    ['a number', 7],
    ['a promise', Promise.resolve('ada')],
    ['null', null],
  ])(
    'cannot be told if the name is %s: nobody gets in, and the reporter hears of it',
    (_, name) => {
      const reported: unknown[] = [];
      const principals = principalsWith({}, reported);

      expect(principals.enter({ name })).toEqual({ kind: 'failed' });
      expect(principals.startOperation({ name })).toEqual({ kind: 'failed' });
      expect(reported).toEqual([expect.any(TypeError), expect.any(TypeError)]);
    },
  );
});

/** A socket of `name` after its init. */
async function connectAs(
  { connect, clock }: Conversation,
  name: string,
  options?: MemoryClientOptions,
): Promise<MemoryClient> {
  const client = connect(options);
  client.send(JSON.stringify({ type: 'connection_init', payload: { name } }));
  await clock.settle();
  return client;
}

const acknowledged = { kind: 'message', message: { type: 'connection_ack' } };

describe('a socket above connectionsPerPrincipal', () => {
  it('is closed with 4429 and the name of the limit, and that of another principal is not', async () => {
    const conversation = converse({ ...byName, limits: { connectionsPerPrincipal: 1 } });
    const first = await connectAs(conversation, 'ada');

    const second = await connectAs(conversation, 'ada');
    const stranger = await connectAs(conversation, 'bob');

    expect(await second.next()).toEqual({
      kind: 'close',
      code: 4429,
      reason: 'limits.connectionsPerPrincipal of 1 exceeded',
    });
    expect(await first.rest()).toEqual([acknowledged]);
    expect(await stranger.rest()).toEqual([acknowledged]);
  });

  it('is told why and closed with 1011 in the older protocol', async () => {
    const conversation = converse({ ...byName, limits: { connectionsPerPrincipal: 1 } });
    await connectAs(conversation, 'ada');

    const second = await connectAs(conversation, 'ada', { protocol: 'subscriptions-transport-ws' });

    expect(await messagesOf(second)).toEqual([
      {
        type: 'connection_error',
        payload: { message: 'limits.connectionsPerPrincipal of 1 exceeded' },
      },
      { kind: 'close', code: 1011, reason: '' },
    ]);
  });

  it('is told to the disconnect hook, since the connect hook had accepted it', async () => {
    const codes: number[] = [];
    const conversation = converse({
      ...byName,
      limits: { connectionsPerPrincipal: 1 },
      onDisconnect: ({ code }) => codes.push(code),
    });
    await connectAs(conversation, 'ada');

    await connectAs(conversation, 'ada');

    expect(codes).toEqual([4429]);
  });

  it('gets in as soon as another has gone', async () => {
    const conversation = converse({ ...byName, limits: { connectionsPerPrincipal: 1 } });
    const first = await connectAs(conversation, 'ada');
    first.vanish();
    await conversation.clock.settle();

    const second = await connectAs(conversation, 'ada');

    expect(await second.rest()).toEqual([acknowledged]);
  });

  it('does not count if it went while the connect hook was asked', async () => {
    let gate: (() => void) | undefined;
    const conversation = converse({
      ...byName,
      limits: { connectionsPerPrincipal: 1 },
      onConnect: async ({ connectionParams }) => {
        if (connectionParams['waits'] !== undefined) {
          await new Promise<void>((resolve) => {
            gate = resolve;
          });
        }
        return ada;
      },
    });
    const waiting = conversation.connect();
    waiting.send('{"type":"connection_init","payload":{"waits":true}}');
    await conversation.clock.settle();
    waiting.vanish();
    await conversation.clock.settle();
    gate?.();

    const second = await connectAs(conversation, 'ada');

    expect(await second.rest()).toEqual([acknowledged]);
  });

  it('is not counted without the `principal` option', async () => {
    const { connect, clock } = converse({ limits: { connectionsPerPrincipal: 1 } });
    const clients = [connect(), connect()];
    for (const client of clients) client.send('{"type":"connection_init"}');
    await clock.settle();

    for (const client of clients) expect(await client.rest()).toEqual([acknowledged]);
  });
});

describe('a `principal` option that throws', () => {
  it.each([
    {
      protocol: 'graphql-transport-ws' as const,
      expected: [{ kind: 'close', code: 4500, reason: 'Internal server error' }],
    },
    {
      protocol: 'subscriptions-transport-ws' as const,
      expected: [
        { type: 'connection_error', payload: { message: 'Internal server error' } },
        { kind: 'close', code: 1011, reason: '' },
      ],
    },
  ])('ends the attempt in $protocol like a connect hook that throws', async (row) => {
    const conversation = converse({
      principal: () => {
        throw new Error('password is hunter2');
      },
    });

    const client = await connectAs(conversation, 'ada', { protocol: row.protocol });

    expect(await messagesOf(client)).toMatchObject(row.expected);
    expect(conversation.hidden).toEqual(['principal: password is hunter2']);
  });
});

const refusal = (id: string) => ({
  id,
  type: 'error',
  payload: [
    {
      message: 'limits.operationsPerPrincipal of 2 exceeded',
      extensions: { code: 'TOO_MANY_OPERATIONS', limit: 'operationsPerPrincipal', maximum: 2 },
    },
  ],
});

describe('operations above operationsPerPrincipal', () => {
  const limits = { operationsPerPrincipal: 2 };

  it('are refused one by one, on whatever connection', async () => {
    const conversation = converse({ ...byName, limits });
    const [one, other] = [
      await connectAs(conversation, 'ada'),
      await connectAs(conversation, 'ada'),
    ];
    listenTo(one, '1', 'a');
    listenTo(other, '1', 'a');

    listenTo(one, '2', 'a');
    listenTo(other, '2', 'a');

    expect((await messagesOf(one)).slice(1)).toEqual([refusal('2')]);
    expect((await messagesOf(other)).slice(1)).toEqual([refusal('2')]);
    expect(conversation.app.openSources()).toBe(2);
  });

  it('are nothing to other principals', async () => {
    const conversation = converse({ ...byName, limits });
    const greedy = await connectAs(conversation, 'ada');
    for (const id of ['1', '2', '3']) listenTo(greedy, id, 'a');

    const modest = await connectAs(conversation, 'bob');
    listenTo(modest, '1', 'a');

    expect(await modest.rest()).toEqual([acknowledged]);
    expect(conversation.app.openSources()).toBe(3);
  });

  it.each([
    ['completes', (client: MemoryClient) => subscribe(client, 'x', '{ hello }')],
    ['fails', (client: MemoryClient) => subscribe(client, 'x', 'subscription { breaks }')],
    ['is refused', (client: MemoryClient) => subscribe(client, 'x', 'subscription { refuses }')],
    ['cannot be parsed', (client: MemoryClient) => subscribe(client, 'x', '{')],
    [
      'is stopped by its client',
      (client: MemoryClient) => {
        listenTo(client, 'x', 'a');
        client.send('{"id":"x","type":"complete"}');
      },
    ],
    [
      'is stopped while it starts',
      (client: MemoryClient) => {
        subscribe(client, 'x', 'subscription { never }');
        client.send('{"id":"x","type":"complete"}');
      },
    ],
  ])('are no longer so when one %s', async (_, run) => {
    const conversation = converse({ ...byName, limits: { operationsPerPrincipal: 1 } });
    const client = await connectAs(conversation, 'ada');
    for (let times = 0; times < 3; times += 1) {
      run(client);
      await conversation.clock.settle();
    }

    listenTo(client, 'last', 'a');
    await conversation.clock.settle();

    expect(conversation.app.openSources()).toBe(1);
    expect(JSON.stringify(await client.rest())).not.toContain('TOO_MANY_OPERATIONS');
  });

  it('are no longer so when the connection that had them is gone', async () => {
    const conversation = converse({ ...byName, limits });
    const gone = await connectAs(conversation, 'ada');
    listenTo(gone, '1', 'a');
    subscribe(gone, '2', 'subscription { never }');
    await conversation.clock.settle();
    gone.vanish();
    await conversation.clock.settle();

    const client = await connectAs(conversation, 'ada');
    for (const id of ['1', '2']) listenTo(client, id, 'a');

    expect(await client.rest()).toEqual([acknowledged]);
    expect(conversation.app.openSources()).toBe(2);
  });

  it('are 100 by default', async () => {
    const conversation = converse({
      ...byName,
      limits: { subscribeBurst: Infinity, operationsPerConnection: Infinity },
    });
    const client = await connectAs(conversation, 'ada');

    for (let id = 0; id < 150; id += 1) listenTo(client, String(id), 'a');

    expect(await messagesOf(client)).toHaveLength(1 + 50);
    expect(conversation.app.openSources()).toBe(100);
  });
});

import { createServer } from 'millrace/server';
import { describe, expect, it } from 'vitest';

import { converse, listenTo, messagesOf, subscribe } from '../support/conversation.ts';
import { createFixtureApp } from '../support/fixture-app.ts';

const refusedWith = (id: string, code: string, limit: string, maximum: number) => ({
  id,
  type: 'error',
  payload: [
    { message: `limits.${limit} of ${maximum} exceeded`, extensions: { code, limit, maximum } },
  ],
});

describe('limits of a connection', () => {
  it('refuse the operation above operationsPerConnection, and only that', async () => {
    const { ready, app } = converse({ limits: { operationsPerConnection: 2 } });
    const client = await ready();

    for (const id of ['1', '2', '3']) listenTo(client, id, 'a');

    expect(await messagesOf(client)).toEqual([
      refusedWith('3', 'TOO_MANY_OPERATIONS', 'operationsPerConnection', 2),
    ]);
    expect(app.openSources()).toBe(2);
  });

  it('give the room back when an operation ends', async () => {
    const { ready } = converse({ limits: { operationsPerConnection: 1 } });
    const client = await ready();
    listenTo(client, '1', 'a');
    client.send('{"id":"1","type":"complete"}');

    subscribe(client, '2', '{ hello }');

    expect(await messagesOf(client)).toHaveLength(2);
  });

  it('hold 100 operations of 5,000 that are asked for, by default', async () => {
    const { ready, app } = converse({
      limits: { subscribeBurst: Infinity, subscribesPerSecond: Infinity },
    });
    const client = await ready();

    for (let id = 0; id < 5_000; id += 1) listenTo(client, String(id), 'a');

    expect(await messagesOf(client)).toHaveLength(4_900);
    expect(app.openSources()).toBe(100);
  });

  it('refuse an id above operationIdBytes, and ids above the budget', async () => {
    const { ready } = converse({ limits: { operationIdBytes: 10, operationIdBudgetBytes: 16 } });
    const client = await ready();

    listenTo(client, '12345678901', 'a');
    listenTo(client, '1234567890', 'a');
    listenTo(client, '1234567', 'a');

    expect(await messagesOf(client)).toEqual([
      refusedWith('12345678901', 'OPERATION_ID_TOO_LONG', 'operationIdBytes', 10),
      refusedWith('1234567', 'OPERATION_ID_TOO_LONG', 'operationIdBudgetBytes', 16),
    ]);
  });

  it('count the bytes of an id, not its characters', async () => {
    const { ready } = converse({ limits: { operationIdBytes: 10 } });
    const client = await ready();

    listenTo(client, '✓✓✓✓', 'a');

    expect(await messagesOf(client)).toEqual([
      refusedWith('✓✓✓✓', 'OPERATION_ID_TOO_LONG', 'operationIdBytes', 10),
    ]);
  });

  it('refuse operations above the subscribe rate until time has passed', async () => {
    const { ready, clock } = converse({ limits: { subscribesPerSecond: 1, subscribeBurst: 2 } });
    const client = await ready();

    for (const id of ['1', '2', '3']) listenTo(client, id, 'a');
    expect(await messagesOf(client)).toEqual([
      refusedWith('3', 'RATE_LIMITED', 'subscribesPerSecond', 1),
    ]);
    await client.next();
    await clock.advance(1_000);
    listenTo(client, '4', 'a');

    expect(await messagesOf(client)).toEqual([]);
  });

  it('close a peer that floods with pings', async () => {
    const { ready } = converse({ limits: { controlMessageBurst: 3 } });
    const client = await ready();

    for (let pings = 0; pings < 4; pings += 1) client.send('{"type":"ping"}');

    expect((await client.rest()).at(-1)).toMatchObject({ kind: 'close', code: 4400 });
  });
});

describe('limits of a document', () => {
  it.each([
    ['tokens', '{ hello hello: hello }', { tokens: 5 }],
    ['depth', '{ __schema { types { fields { name } } } }', { depth: 3 }],
    ['aliases', '{ a: hello b: hello }', { aliases: 1 }],
    [
      'directives',
      'query ($y: Boolean = true) { hello @include(if: $y) @skip(if: $y) }',
      { directives: 1 },
    ],
  ])('refuse too many or much %s and leave the connection alone', async (limit, query, limits) => {
    const { ready } = converse({ limits });
    const client = await ready();

    subscribe(client, '1', query);
    subscribe(client, '2', '{ hello }');

    expect(await messagesOf(client)).toEqual([
      {
        id: '1',
        type: 'error',
        payload: [
          expect.objectContaining({
            extensions: expect.objectContaining({ code: 'DOCUMENT_LIMIT_EXCEEDED', limit }),
          }),
        ],
      },
      { id: '2', type: 'next', payload: { data: { hello: 'world' } } },
      { id: '2', type: 'complete' },
    ]);
  });

  it('allow one root field in a subscription', async () => {
    const { ready } = converse();
    const client = await ready();

    subscribe(client, '1', 'subscription { countdown(from: 1) flaky }');

    expect(await messagesOf(client)).toMatchObject([{ id: '1', type: 'error' }]);
  });
});

describe('options of limits', () => {
  it.each([0, -1, Number.NaN, '5' as unknown as number])('throw for %s', (messageBytes) => {
    const { schema } = createFixtureApp();

    expect(() => createServer({ schema, limits: { messageBytes } })).toThrow(
      'limits.messageBytes must be a positive number or Infinity',
    );
  });
});

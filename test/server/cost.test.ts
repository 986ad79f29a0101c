import { createServer } from 'millrace/server';
import { describe, expect, it, vi } from 'vitest';

import { converse, messagesOf, subscribe } from '../support/conversation.ts';
import { createFixtureApp } from '../support/fixture-app.ts';
import { post, subscribingTransports, transports } from '../support/transports.ts';

const hello = { query: '{ hello }' };
const world = { data: { hello: 'world' } };

describe.each(Object.entries(transports))('the cost of an operation %s', (_name, ask) => {
  it('may reach limits.cost', async () => {
    const conversation = converse({ cost: () => 10, limits: { cost: 10 } });

    expect(await ask(conversation, hello)).toEqual(world);
  });

  it.each([10.5, 1e9, Infinity])('may not exceed it: %s', async (cost) => {
    const context = vi.fn();
    const conversation = converse({ cost: async () => cost, limits: { cost: 10 }, context });

    expect(await ask(conversation, hello)).toEqual({ code: 'OPERATION_TOO_EXPENSIVE' });
    expect(context).not.toHaveBeenCalled();
  });

  it('is judged by the selected operation, its variables, and who asks', async () => {
    const cost = vi.fn(() => 1);
    const conversation = converse({ cost });
    const request = {
      query: 'query A { hello } query B($n: Int!) { double(n: $n) }',
      operationName: 'B',
      variables: { n: 2 },
    };

    await ask(conversation, request);

    expect(cost).toHaveBeenCalledExactlyOnceWith(
      expect.objectContaining({
        session: {},
        operation: request,
        prepared: expect.objectContaining({
          kind: 'query',
          operation: expect.objectContaining({
            name: expect.objectContaining({ value: 'B' }) as unknown,
          }) as unknown,
        }) as unknown,
      }),
    );
  });

  it('is asked for a document that is valid, and no other', async () => {
    const cost = vi.fn(() => 1);
    const conversation = converse({ cost });

    await ask(conversation, { query: '{ nope }' });

    expect(cost).not.toHaveBeenCalled();
  });

  it.each([
    ['is no number', () => Number.NaN],
    [
      'cannot be told',
      () => {
        throw new Error('price list is lost');
      },
    ],
    ['is rejected', () => Promise.reject(new Error('price list is lost'))],
  ])('that %s keeps it from being executed', async (_title, cost) => {
    const conversation = converse({ cost });

    expect(await ask(conversation, hello)).toEqual({ code: 'INTERNAL_SERVER_ERROR' });
    expect(conversation.hidden).toEqual([
      expect.stringMatching(/^cost: (price list is lost|the `cost` option must return a number)$/),
    ]);
  });
});

describe.each(Object.entries(subscribingTransports))('a subscription %s', (_name, ask) => {
  it('that costs too much opens no source', async () => {
    const conversation = converse({
      cost: ({ prepared }) => (prepared.kind === 'subscription' ? 2 : 1),
      limits: { cost: 1 },
    });

    expect(await ask(conversation, { query: 'subscription { countdown(from: 3) }' })).toEqual({
      code: 'OPERATION_TOO_EXPENSIVE',
    });
    expect(conversation.app.openSources()).toBe(0);
  });
});

describe('an operation that is too expensive', () => {
  it('is told the limit and its cost, and its connection goes on', async () => {
    const { ready } = converse({
      cost: ({ operation }) => operation.query.length,
      limits: { cost: 10 },
    });
    const client = await ready();

    subscribe(client, '1', '{ hello double(n: 1) }');
    subscribe(client, '2', '{ hello }');

    expect(await messagesOf(client)).toEqual([
      {
        id: '1',
        type: 'error',
        payload: [
          {
            message: 'limits.cost of 10 exceeded',
            extensions: {
              code: 'OPERATION_TOO_EXPENSIVE',
              limit: 'cost',
              maximum: 10,
              cost: 22,
            },
          },
        ],
      },
      { id: '2', type: 'next', payload: world },
      { id: '2', type: 'complete' },
    ]);
  });

  it('gets status 400: to try again does not help', async () => {
    const { server } = converse({ cost: () => 2, limits: { cost: 1 } });

    expect(await server.handleRequest(post(hello))).toMatchObject({ status: 400 });
  });
});

describe('createServer', () => {
  it('refuses limits.cost without a way to tell the cost', () => {
    const { schema } = createFixtureApp();

    expect(() => createServer({ schema, limits: { cost: 10 } })).toThrow(
      /without the `cost` option/,
    );
  });
});

import { randomBytes } from 'node:crypto';
import { constants, deflateRawSync } from 'node:zlib';

import type { CompressionOptions, RawDeflate, ServerOptions } from 'millrace/server';
import { createServer } from 'millrace/server';
import { describe, expect, it } from 'vitest';

import type { WebSocketProtocol } from '../../src/vocabulary.ts';
import { converse } from '../support/conversation.ts';
import type { Conversation } from '../support/conversation.ts';
import { createFixtureApp } from '../support/fixture-app.ts';
import { FrameClient, writesIn } from '../support/frame-client.ts';

const messages = 'subscription ($room: ID!) { message(room: $room) { text } }';
const long = 'a text that says the same again '.repeat(64);

const next = (id: string | number, text: string, type = 'next'): object => ({
  id,
  type,
  payload: { data: { message: { text } } },
});

interface ListenerOptions {
  readonly protocol?: WebSocketProtocol;
  readonly windowBits?: number;
}

interface Stage extends Conversation {
  /** A socket that agreed to compression, subscribed to the room. */
  readonly listener: (
    room: string,
    id: string | number,
    options?: ListenerOptions,
  ) => Promise<FrameClient>;
  /** Bytes of each text that was deflated, and the window for it. */
  readonly deflations: { readonly bytes: number; readonly windowBits: number }[];
}

function stage(
  compression: CompressionOptions | boolean = true,
  options: Partial<ServerOptions> = {},
): Stage {
  const conversation = converse({ ...options, compression });
  const deflations: { readonly bytes: number; readonly windowBits: number }[] = [];
  const deflate: RawDeflate = (bytes, settings) => {
    deflations.push({ bytes: bytes.length, windowBits: settings.windowBits });
    return deflateRawSync(bytes, { ...settings, finishFlush: constants.Z_SYNC_FLUSH });
  };
  return {
    ...conversation,
    deflations,
    async listener(room, id, { protocol = 'graphql-transport-ws', windowBits = 15 } = {}) {
      const client = new FrameClient(conversation.clock);
      client.connect(conversation.server, protocol, { windowBits, deflate });
      client.say({ type: 'connection_init' });
      await client.settled();
      const type = protocol === 'graphql-transport-ws' ? 'subscribe' : 'start';
      client.say({ id, type, payload: { query: messages, variables: { room } } });
      await client.settled();
      return client;
    },
  };
}

describe('a server that compresses', () => {
  it('deflates an event once for a group, whatever the ids', async () => {
    const { listener, app, deflations, server } = stage();
    const ids = ['1', '2', 'another id', 'drei ✓', '1'];
    const clients = await Promise.all(ids.map((id) => listener('r', id)));

    await app.publish('r', long);
    await app.publish('r', `${long}!`);

    for (const [index, id] of ids.entries())
      expect(await clients[index]?.heard()).toEqual([next(id, long), next(id, `${long}!`)]);
    expect(deflations).toHaveLength(2);
    expect(server.counters()).toMatchObject({
      compressedResults: 2,
      bytesBeforeCompression: deflations.reduce((sum, { bytes }) => sum + bytes, 0),
    });
    expect(server.counters().bytesAfterCompression).toBeLessThan(400);
  });

  it('deflates once per group', async () => {
    const { listener, app, deflations } = stage();
    const rooms = ['a', 'b', 'c'];
    for (const room of rooms) await Promise.all(['1', '2'].map((id) => listener(room, id)));

    for (const room of rooms) await app.publish(room, long);

    expect(deflations).toHaveLength(rooms.length);
  });

  it('deflates once per protocol, each in its words', async () => {
    const { listener, app, deflations } = stage();
    const [modern, older, number] = [
      await listener('r', '1'),
      await listener('r', '1', { protocol: 'subscriptions-transport-ws' }),
      await listener('r', 7, { protocol: 'subscriptions-transport-ws' }),
    ];

    await app.publish('r', long);

    expect(await modern.heard()).toEqual([next('1', long)]);
    expect((await older.heard()).at(-1)).toEqual(next('1', long, 'data'));
    expect((await number.heard()).at(-1)).toEqual(next(7, long, 'data'));
    expect(deflations).toHaveLength(3);
  });

  it('keeps to the window of each client', async () => {
    const { listener, app, deflations } = stage();
    const far = `${randomBytes(600).toString('hex')} `;
    const [large, small] = [await listener('r', '1'), await listener('r', '2', { windowBits: 9 })];

    await app.publish('r', far + far);

    expect(await large.heard()).toEqual([next('1', far + far)]);
    expect(await small.heard()).toEqual([next('2', far + far)]);
    expect(deflations.map(({ windowBits }) => windowBits).toSorted((a, b) => a - b)).toEqual([
      9, 12,
    ]);
  });

  it('writes all that a turn has in one write, compressed or not', async () => {
    const { listener, app } = stage();
    const clients = [await listener('r', '1'), await listener('r', 'another id')];
    const texts = ['short', long, 'short again', `${long}?`];

    for (const text of texts) void app.publish('r', text);

    for (const [client, id] of [
      [clients[0], '1'],
      [clients[1], 'another id'],
    ] as const) {
      const actions = (await client?.settled()) ?? [];
      expect(writesIn(actions)).toHaveLength(1);
      client?.actions.push(...actions);
      expect(await client?.heard()).toEqual(texts.map((text) => next(id, text)));
    }
  });

  it('gives the same bytes to all who have the same id', async () => {
    const { listener, app } = stage();
    const clients = await Promise.all(['1', '1', '1'].map((id) => listener('r', id)));

    await app.publish('r', long);

    const written = await Promise.all(
      clients.map(async (client) => Buffer.concat(writesIn(await client.settled()))),
    );
    expect(new Set(written.map((bytes) => bytes.toString('hex'))).size).toBe(1);
  });

  it('deflates the answer of an operation that shares nothing', async () => {
    const { listener, deflations } = stage();
    const client = await listener('r', '1');

    client.subscribe('q', 'query ($text: String!) { echo(text: $text) }', { text: long });

    expect(await client.heard()).toEqual([
      { id: 'q', type: 'next', payload: { data: { echo: long } } },
      { id: 'q', type: 'complete' },
    ]);
    expect(deflations).toHaveLength(1);
  });

  it.each([
    ['below the threshold', { thresholdBytes: 5_000 }, long],
    ['above the maximum', { maximumBytes: 1_000 }, long],
    ['that would not become shorter', { thresholdBytes: 1 }, 'x1y2z3'],
  ])('leaves results as they are %s', async (_name, options, text) => {
    const { listener, app, server } = stage(options);
    const client = await listener('r', '1');

    await app.publish('r', text);

    const actions = await client.settled();
    expect(writesIn(actions)[0]?.[0]).toBe(0x81);
    client.actions.push(...actions);
    expect(await client.heard()).toEqual([next('1', text)]);
    expect(server.counters()).toMatchObject({ compressedResults: 0, bytesAfterCompression: 0 });
  });

  it('shares what is long, however short it becomes', async () => {
    const { listener, app } = stage();
    const clients = [await listener('r', '1'), await listener('r', 'another id')];
    const huge = randomBytes(40_000).toString('base64');

    for (const text of [long.repeat(20), huge]) await app.publish('r', text);

    for (const [index, id] of ['1', 'another id'].entries())
      expect(await clients[index]?.heard()).toEqual([next(id, long.repeat(20)), next(id, huge)]);
  });

  it('leaves the results of an operation as they are whose id fills more than a block', async () => {
    const { listener, app, deflations } = stage(true, {
      limits: { operationIdBytes: Infinity, operationIdBudgetBytes: Infinity },
    });
    const ids = ['i'.repeat(65_528), 'i'.repeat(65_529)];
    const clients = await Promise.all(ids.map((id) => listener('r', id)));

    await app.publish('r', long);

    for (const [index, id] of ids.entries())
      expect(await clients[index]?.heard()).toEqual([next(id, long)]);
    expect(deflations).toHaveLength(1);
  });

  it('is never asked to where the option is not set', async () => {
    const { listener, app, deflations } = stage(false);
    const client = await listener('r', '1');

    await app.publish('r', long);

    expect(await client.heard()).toEqual([next('1', long)]);
    expect(deflations).toHaveLength(0);
  });
});

describe('the option `compression`', () => {
  it.each([
    { level: 0 },
    { level: 10 },
    { level: 1.5 },
    { thresholdBytes: -1 },
    { maximumBytes: 0 },
  ])('refuses %o', (compression) => {
    const { schema } = createFixtureApp();

    expect(() => createServer({ schema, compression })).toThrow(/compression\.\w+ must be/);
  });

  it('decides about an upgrade', () => {
    const { schema } = createFixtureApp();
    const headers = {
      'sec-websocket-protocol': 'graphql-transport-ws',
      'sec-websocket-extensions': 'permessage-deflate',
    };
    const upgrade = { method: 'GET', url: '/graphql', headers };

    expect(createServer({ schema, compression: true }).decideUpgrade(upgrade)).toMatchObject({
      compression: { windowBits: 15 },
    });
    expect(createServer({ schema }).decideUpgrade(upgrade)).not.toHaveProperty('compression');
  });
});

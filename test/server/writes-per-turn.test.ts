import type { ServerOptions } from 'millrace/server';
import { describe, expect, it } from 'vitest';

import { converse } from '../support/conversation.ts';
import type { Conversation } from '../support/conversation.ts';
import { FrameClient, writesIn } from '../support/frame-client.ts';

const messages = 'subscription ($room: ID!) { message(room: $room) { text } }';

interface Stage extends Conversation {
  /** A socket that was acknowledged, subscribed to the room under each of the ids. */
  readonly listener: (room: string, ...ids: readonly string[]) => Promise<FrameClient>;
}

function stage(options: Partial<ServerOptions> = {}): Stage {
  const conversation = converse(options);
  return {
    ...conversation,
    async listener(room, ...ids) {
      const client = new FrameClient(conversation.clock);
      client.connect(conversation.server);
      client.say({ type: 'connection_init' });
      await client.settled();
      for (const id of ids) client.subscribe(id, messages, { room });
      await client.settled();
      return client;
    },
  };
}

const next = (id: string, text: string): object => ({
  id,
  type: 'next',
  payload: { data: { message: { text } } },
});

describe('a socket that takes frames', () => {
  it('gets all events of a turn in one write, in order', async () => {
    const { listener, app } = stage();
    const clients = [await listener('r', '1'), await listener('r', 'another id')];

    for (const text of ['a', 'b', 'c']) void app.publish('r', text);

    for (const [client, id] of [
      [clients[0], '1'],
      [clients[1], 'another id'],
    ] as const) {
      const actions = (await client?.settled()) ?? [];
      expect(actions).toHaveLength(1);
      client?.actions.push(...actions);
      expect(await client?.heard()).toEqual(['a', 'b', 'c'].map((text) => next(id, text)));
    }
  });

  it('gets the events of all its operations in one write', async () => {
    const { listener, app } = stage();
    const client = await listener('r', '1', '2', 'drei ✓');

    void app.publish('r', 'a');
    void app.publish('r', 'é');

    const actions = await client.settled();
    expect(actions).toHaveLength(1);
    client.actions.push(...actions);
    const heard = await client.heard();
    for (const id of ['1', '2', 'drei ✓']) {
      expect(heard.filter((message) => (message as { readonly id: string }).id === id)).toEqual([
        next(id, 'a'),
        next(id, 'é'),
      ]);
    }
  });

  it('gets a result and its end in one write', async () => {
    const { listener } = stage();
    const client = await listener('r');

    client.subscribe('q', '{ hello }');

    const actions = await client.settled();
    expect(actions).toHaveLength(1);
    client.actions.push(...actions);
    expect(await client.heard()).toEqual([
      { id: 'q', type: 'next', payload: { data: { hello: 'world' } } },
      { id: 'q', type: 'complete' },
    ]);
  });

  it('gets what was collected before its close', async () => {
    const { listener } = stage();
    const client = await listener('r', '1');

    client.say({ type: 'ping' });
    client.say({ type: 'nonsense' });

    expect((await client.settled()).map(({ kind }) => kind)).toEqual(['write', 'close']);
  });

  it('gets nothing after its close', async () => {
    const { listener, server, app } = stage();
    const client = await listener('r', '1');

    void app.publish('r', 'a');
    const closed = server.close();

    expect((await client.settled()).at(-1)?.kind).toBe('close');
    await closed;
  });

  it('is pinged in a frame', async () => {
    const { listener, clock } = stage();
    const client = await listener('r', '1');

    await clock.advance(12_050);

    expect(await client.heard()).toEqual(['ping']);
  });

  it('gets 64 KiB at once, whatever the turn does', async () => {
    const { listener, app } = stage();
    const client = await listener('r', '1');
    const text = 'x'.repeat(10_000);

    for (let events = 0; events < 20; events += 1) void app.publish('r', text);

    const sizes = writesIn(await client.settled()).map(({ length }) => length);
    expect(sizes).toHaveLength(3);
    expect(Math.max(...sizes)).toBeLessThan(65_536 + 10_100);
  });

  it('gets what is large by reference, in order with what is not', async () => {
    const { listener, app } = stage();
    const client = await listener('r', '1');
    const large = 'é'.repeat(50_000);

    for (const text of ['a', large, 'b']) void app.publish('r', text);

    expect(await client.heard()).toEqual(['a', large, 'b'].map((text) => next('1', text)));
  });

  it('leaves nothing to be written when it vanishes', async () => {
    const { listener, app, server } = stage();
    const client = await listener('r', '1');

    void app.publish('r', 'a');
    await Promise.resolve();
    client.vanish();

    expect(await client.settled()).toEqual([]);
    expect(server.gauges()).toEqual({ connections: 0, operations: 0, deadlines: 0, readers: 0 });
  });
});

describe('a socket that takes frames and does not read', () => {
  it('is closed with 1013 when more than the high water waits, also if it only waits for its turn', async () => {
    const { listener, app, server, clock } = stage({ limits: { outboxHighWaterBytes: 100_000 } });
    const stalled = await listener('r', '1');
    const neighbour = await listener('r', '1');
    stalled.isStalled = true;

    for (let events = 0; events < 30; events += 1) void app.publish('r', 'x'.repeat(5_000));

    const actions = await stalled.settled();
    expect(actions.at(-1)).toEqual({ kind: 'close', code: 1013 });
    const waiting = writesIn(actions).reduce((bytes, { length }) => bytes + length, 0);
    expect(waiting).toBeLessThan(100_000 + 10_000);
    expect(await neighbour.heard()).toHaveLength(30);
    expect(server.counters()).toMatchObject({ slowConsumerDisconnects: 1 });
    await clock.advance(1_050);
    expect(server.gauges().connections).toBe(1);
  });

  it('makes a source of its own wait until the system took everything', async () => {
    const { listener } = stage();
    const client = await listener('r');
    client.isStalled = true;

    client.subscribe('f', 'subscription { flood(bytes: 10000) }');
    await client.settled();
    const { bufferedBytes } = client;
    expect(bufferedBytes).toBeGreaterThan(131_072);
    expect(bufferedBytes).toBeLessThan(262_144);
    expect(client.isAskedToNotify).toBe(true);

    client.drain();
    expect(writesIn(await client.settled()).length).toBeGreaterThan(0);
    client.vanish();
  });

  it('is asked nothing as long as no source waits', async () => {
    const { listener, app } = stage();
    const client = await listener('r', '1');
    client.isStalled = true;

    for (let events = 0; events < 20; events += 1) await app.publish('r', 'x'.repeat(10_000));

    expect(client.isAskedToNotify).toBe(false);
  });
});

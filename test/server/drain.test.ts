import { EventEmitter, once } from 'node:events';

import fc from 'fast-check';
import { seededRandom } from 'millrace/testing';
import { describe, expect, it } from 'vitest';

import { UsageError } from '../../src/errors.ts';
import { Departures } from '../../src/server/drain.ts';
import type { Drainable } from '../../src/server/drain.ts';
import type { Conversation } from '../support/conversation.ts';
import { converse, listenTo, messagesOf, subscribe } from '../support/conversation.ts';
import type { MemoryClient } from '../support/memory-client.ts';
import type { MemoryRequest } from '../support/memory-stream.ts';
import { MemoryStream } from '../support/memory-stream.ts';

const restart = { kind: 'close', code: 1012, reason: 'Service restart' };
const goingAway = { kind: 'close', code: 1001, reason: 'Going away' };
const nothingHeld = { connections: 0, operations: 0, deadlines: 0, readers: 0 };
const messages = 'subscription { message(room: "r") { text } }';
const upgrade = {
  method: 'GET',
  url: '/graphql',
  headers: { 'sec-websocket-protocol': 'graphql-transport-ws' },
};
const eventStream = { accept: 'text/event-stream' };
const multipart = { accept: 'multipart/mixed;subscriptionSpec=1.0' };

/** Chance at its worst: everybody would leave as early as possible, or as late. */
const extremes = [
  ['the least that chance can bring', () => 0],
  ['the most that chance can bring', () => 0.999_999],
  ['chance', seededRandom(7)],
] as const;

const idle: Drainable = { isBusy: false, cut() {} };

/** How many leave with each batch. */
function countLeavers(
  numbers: readonly number[],
  { windowMs, random }: { readonly windowMs: number; readonly random: () => number },
): readonly number[] {
  const groups = numbers.map((length) => Array.from({ length }, () => ({ ...idle })));
  const departures = new Departures(groups, { windowMs, random }, 1_000);
  const counts: number[] = [];
  for (let now = 1_000; now < 1_000 + windowMs; now += departures.pauseMs(now)) {
    counts.push(departures.due(now).length);
  }
  counts.push(departures.due(1_000 + windowMs).length);
  return counts;
}

describe('the order of departures', () => {
  it('has everybody leave once, within the window, and never many more at a time than evenly', () => {
    const number = fc.integer({ min: 0, max: 500 });
    const chance = fc.constantFrom(...extremes.map(([, random]) => random));
    fc.assert(
      fc.property(
        fc.array(number, { maxLength: 3 }),
        fc.integer({ min: 50, max: 60_000 }),
        chance,
        (numbers, windowMs, random) => {
          const counts = countLeavers(numbers, { windowMs, random });

          expect(counts.reduce((sum, count) => sum + count, 0)).toBe(
            numbers.reduce((sum, count) => sum + count, 0),
          );
          // of each group those whose share of the window lies in the batch, and one that reaches into it from each side
          const batchMs = Math.max(10, Math.min(100, windowMs / 10));
          const most = numbers.reduce(
            (sum, count) => sum + Math.ceil((count * batchMs) / windowMs) + 2,
            0,
          );
          expect(Math.max(...counts)).toBeLessThanOrEqual(most);
        },
      ),
    );
  });

  it('differs with chance, so that servers that are drained together do not beat in time', () => {
    const window = { windowMs: 10_000 };

    expect(countLeavers([30], { ...window, random: seededRandom(1) })).not.toEqual(
      countLeavers([30], { ...window, random: seededRandom(2) }),
    );
  });

  it('lets who is busy stay until that is over, or another window has passed', () => {
    const passing = { ...idle, isBusy: true };
    const lasting = { ...idle, isBusy: true };
    const departures = new Departures([[passing, lasting]], { windowMs: 100, random: () => 0 }, 0);

    expect(departures.due(100)).toEqual([]);
    passing.isBusy = false;
    expect(departures.due(110)).toEqual([passing]);
    expect(departures.due(199)).toEqual([]);
    expect(departures.due(200)).toEqual([lasting]);
    expect(departures.due(300)).toEqual([]);
  });

  it('is asked for in time for the ends of both windows', () => {
    const departures = new Departures([[idle]], { windowMs: 10_000, random: () => 0 }, 0);

    expect([0, 9_950, 10_000, 19_990, 20_000].map((now) => departures.pauseMs(now))).toEqual([
      100, 50, 100, 10, 100,
    ]);
  });
});

/** A conversation with `size` clients that subscribe. */
async function crowd(size: number): Promise<Conversation & { readonly clients: MemoryClient[] }> {
  const conversation = converse();
  const clients: MemoryClient[] = [];
  for (let i = 0; i < size; i += 1) {
    const client = await conversation.ready();
    listenTo(client, '1', 'r');
    clients.push(client);
  }
  await conversation.clock.settle();
  return { ...conversation, clients };
}

async function ended(promise: Promise<unknown>, { clock }: Conversation): Promise<boolean> {
  let hasEnded = false;
  void promise.then(() => (hasEnded = true));
  await clock.settle();
  return hasEnded;
}

describe('draining a server', () => {
  it.each(extremes)(
    'closes its sockets with 1012, never many at once, all within the window: %s',
    async (_says, random) => {
      const stage = await crowd(20);
      const { server, clock, clients } = stage;

      const drained = server.drain({ windowMs: 2_000, random });
      const left: number[] = [];
      for (let batches = 0; batches < 20; batches += 1) {
        await clock.advance(100);
        left.push(server.gauges().connections);
      }

      const steps = left.map((count, i) => (left[i - 1] ?? 20) - count);
      expect(Math.max(...steps)).toBeLessThanOrEqual(3);
      expect(left.at(-1)).toBe(0);
      await clock.advance(100);
      expect(await ended(drained, stage)).toBe(true);
      for (const client of clients) expect(await client.next()).toEqual(restart);
      expect(server.gauges()).toEqual(nothingHeld);
      expect(clock.timerCount).toBe(0);
    },
  );

  it('takes 10 s unless it is told', async () => {
    const { server, clock } = await crowd(10);

    void server.drain({ random: () => 0.9 });

    await clock.advance(9_800);
    expect(server.gauges().connections).toBe(1);
    await clock.advance(200);
    expect(server.gauges().connections).toBe(0);
  });

  it('of whom nobody is a client is over at once', async () => {
    const stage = converse();

    expect(await ended(stage.server.drain(), stage)).toBe(true);
    expect(stage.clock.timerCount).toBe(0);
  });

  it('refuses upgrades with 503 and a time to come back', () => {
    const { server } = converse();

    void server.drain();

    expect(server.decideUpgrade(upgrade)).toMatchObject({
      kind: 'refuse',
      status: 503,
      headers: { 'retry-after': '5' },
    });
  });

  it.each([
    ['a query', { body: { query: '{ hello }' } }],
    ['an event stream', { headers: eventStream, body: { query: messages } }],
    ['multipart', { headers: multipart, body: { query: messages } }],
    ['a reservation', { method: 'PUT' }],
  ])(
    'answers a request for %s with 503, and asks for another connection',
    async (_for, request) => {
      const { server } = converse();
      void server.drain();

      const { answered } = new MemoryStream(server, request);

      expect(await answered).toMatchObject({
        status: 503,
        headers: { 'retry-after': '5', connection: 'close' },
      });
    },
  );

  it('serves the sockets that are there until it is their turn', async () => {
    const { server, clients, clock, app } = await crowd(1);
    void server.drain({ windowMs: 1_000, random: () => 0.9 });
    const [client] = clients as [MemoryClient];

    await clock.advance(500);
    subscribe(client, '2', '{ hello }');
    await app.publish('r', 'still here');

    expect(await messagesOf(client)).toEqual(
      expect.arrayContaining([
        { id: '2', type: 'next', payload: { data: { hello: 'world' } } },
        { id: '1', type: 'next', payload: { data: { message: { text: 'still here' } } } },
      ]),
    );
  });

  it('closes a socket whose upgrade was accepted just before', async () => {
    const { server, connect, ready } = converse();
    await ready();
    void server.drain();

    expect(await connect().next()).toEqual(restart);
  });

  it('waits for the answer of a query, and closes its socket then', async () => {
    const { server, ready, clock, app } = converse();
    const client = await ready();
    listenTo(client, '1', 'r');
    subscribe(client, '2', '{ slow }');
    void server.drain({ windowMs: 1_000 });

    await clock.advance(1_500);
    expect(await client.rest()).toEqual([]);
    app.release('slow');
    await clock.advance(100);

    expect(await messagesOf(client)).toEqual([
      { id: '2', type: 'next', payload: { data: { slow: 'late' } } },
      { id: '2', type: 'complete' },
      restart,
    ]);
  });

  it('does not wait for a subscription that has begun, but for the begin of one', async () => {
    const { server, ready, clock, app } = converse();
    const [begun, beginning] = [await ready(), await ready()];
    listenTo(begun, '1', 'r');
    subscribe(beginning, '1', 'subscription { slowStart }');
    await clock.settle();
    void server.drain({ windowMs: 1_000 });

    await clock.advance(1_000);

    expect(await begun.rest()).toEqual([restart]);
    expect(await beginning.rest()).toEqual([]);
    app.release('slowStart');
    await clock.advance(100);
    expect(await messagesOf(beginning)).toContainEqual(restart);
  });

  it.each([
    [
      'completed',
      (client: MemoryClient) => subscribe(client, '1', 'subscription { countdown(from: 2) }'),
    ],
    [
      'were stopped',
      (client: MemoryClient) => {
        listenTo(client, '1', 'r');
        client.send('{"id":"1","type":"complete"}');
      },
    ],
    ['failed', (client: MemoryClient) => subscribe(client, '1', 'subscription { breaks }')],
    ['never began', (client: MemoryClient) => subscribe(client, '1', 'subscription { refuses }')],
  ])('still waits for a query after subscriptions that %s', async (_how, begin) => {
    const { server, ready, clock } = converse();
    const client = await ready();
    begin(client);
    await clock.settle();
    subscribe(client, '2', '{ slow }');
    void server.drain({ windowMs: 1_000 });

    await clock.advance(1_900);
    expect(await client.rest()).not.toContainEqual(restart);
    await clock.advance(100);

    expect(await client.rest()).toContainEqual(restart);
  });

  it('cuts what runs when another window has passed', async () => {
    const stage = converse();
    const { server, ready, clock } = stage;
    const client = await ready();
    subscribe(client, '1', '{ never }');
    const drained = server.drain({ windowMs: 1_000 });

    await clock.advance(1_900);
    expect(await ended(drained, stage)).toBe(false);
    await clock.advance(100);

    expect(await client.next()).toEqual(restart);
    await clock.advance(100);
    expect(await ended(drained, stage)).toBe(true);
    expect(server.gauges()).toEqual(nothingHeld);
    expect(clock.timerCount).toBe(0);
  });

  it('is over only when sockets that do not answer their close are destroyed', async () => {
    const stage = converse();
    const { server, ready, clock } = stage;
    const client = await ready({ answersClose: false });
    const drained = server.drain({ windowMs: 100 });

    await clock.advance(5_000);
    expect(await ended(drained, stage)).toBe(false);
    await clock.advance(200);

    expect(await ended(drained, stage)).toBe(true);
    expect(await client.rest()).toEqual([restart, { kind: 'destroyed' }]);
  });

  it('closes all at once with a window of nothing', async () => {
    const stage = await crowd(3);

    expect(await ended(stage.server.drain({ windowMs: 0 }), stage)).toBe(false);
    await stage.clock.advance(10);

    expect(stage.server.gauges()).toEqual(nothingHeld);
  });

  it('twice is the same drain, whatever the second is told', async () => {
    const { server } = await crowd(1);

    expect(server.drain({ windowMs: 1_000 })).toBe(server.drain({ windowMs: 1 }));
  });

  it.each([-1, Infinity, NaN])('takes no window of %d ms', (windowMs) => {
    const { server } = converse();

    expect(() => server.drain({ windowMs })).toThrow(UsageError);
    expect(server.state).toBe('accepting');
  });

  it('tells health checks what it does', async () => {
    const { server } = await crowd(1);

    const before = server.state;
    void server.drain();
    const during = server.state;
    await server.close();

    expect([before, during, server.state]).toEqual(['accepting', 'draining', 'closing']);
  });
});

describe('closing a server during its drain', () => {
  it('closes everybody who is left with 1001, at once', async () => {
    const stage = await crowd(4);
    const { server, clock, clients } = stage;
    const drained = server.drain({ windowMs: 1_000, random: () => 0.5 });
    await clock.advance(500);

    const closed = server.close();

    expect(await ended(drained, stage)).toBe(true);
    expect(await ended(closed, stage)).toBe(true);
    const farewells = await Promise.all(clients.map((client) => client.next()));
    expect(farewells).toEqual([restart, restart, goingAway, goingAway]);
    expect(clock.timerCount).toBe(0);
  });

  it('leaves nothing to drain afterwards', async () => {
    const stage = converse();
    await stage.server.close();

    expect(await ended(stage.server.drain(), stage)).toBe(true);
    expect(stage.server.state).toBe('closing');
  });
});

describe.each([
  ['an event stream', eventStream],
  ['multipart', multipart],
])('draining the clients of %s', (_name, headers) => {
  async function streams(count: number, query: string, conversation = converse()) {
    const opened: MemoryStream[] = [];
    for (let i = 0; i < count; i += 1) {
      opened.push(new MemoryStream(conversation.server, { headers, body: { query } }));
      await conversation.clock.settle();
    }
    return { ...conversation, opened };
  }

  it('cuts them one after the other, without an end that would look like the last', async () => {
    const { server, clock, opened } = await streams(10, messages);

    const drained = server.drain({ windowMs: 1_000, random: () => 0 });
    const open: number[] = [];
    for (let batches = 0; batches < 10; batches += 1) {
      await clock.advance(100);
      open.push(opened.filter(({ ending }) => ending === 'open').length);
    }

    const steps = open.map((count, i) => (open[i - 1] ?? 10) - count);
    expect(Math.max(...steps)).toBeLessThanOrEqual(2);
    for (const { ending, text } of opened) {
      expect(ending).toBe('destroyed');
      expect(text).not.toMatch(/event: complete|-----/);
    }
    await drained;
    expect(server.gauges()).toEqual(nothingHeld);
    expect(clock.timerCount).toBe(0);
  });

  it('refuses one that was asked for before, but not admitted', async () => {
    const gate = new EventEmitter();
    const stage = await streams(
      1,
      messages,
      converse({ onConnect: () => once(gate, 'open').then(() => true) }),
    );
    const { server, opened } = stage;
    void server.drain();

    gate.emit('open');

    expect(await opened[0]?.answered).toMatchObject({ status: 503 });
  });
});

function requestOf(text: string, headers: MemoryRequest['headers'] = {}): MemoryRequest {
  return { headers, body: { query: text } };
}

describe('draining answers over HTTP', () => {
  it.each([
    ['a single result', {}],
    ['an event stream', { accept: 'text/event-stream, application/json;q=0.1' }],
  ])('waits for a query that is answered with %s', async (_with, headers) => {
    const stage = converse();
    const { server, clock, app } = stage;
    const answer = new MemoryStream(server, requestOf('{ slow }', headers));
    await clock.settle();
    const drained = server.drain({ windowMs: 1_000 });

    await clock.advance(1_500);
    expect(await ended(drained, stage)).toBe(false);
    app.release('slow');
    await clock.advance(100);

    expect(answer.text).toContain('{"data":{"slow":"late"}}');
    expect(answer.ending).not.toBe('destroyed');
    expect(await ended(drained, stage)).toBe(true);
  });

  it('answers what came before, however long its connect hook took', async () => {
    const gate = new EventEmitter();
    const { server, clock } = converse({ onConnect: () => once(gate, 'open').then(() => true) });
    const answer = new MemoryStream(server, requestOf('{ hello }'));
    await clock.settle();
    void server.drain();

    gate.emit('open');
    await answer.answered;

    expect(answer.json).toEqual({ data: { hello: 'world' } });
  });

  it('leaves a single result that takes longer than twice the window to the adapter', async () => {
    const stage = converse();
    const { server, clock } = stage;
    const answer = new MemoryStream(server, requestOf('{ never }'));
    await clock.settle();

    const drained = server.drain({ windowMs: 1_000 });
    await clock.advance(2_000);

    expect(await ended(drained, stage)).toBe(true);
    expect(server.gauges()).toMatchObject({ operations: 1 });
    answer.leave();
    expect(server.gauges()).toEqual(nothingHeld);
  });
});

async function reserve({ server, clock }: Conversation): Promise<string> {
  const reserved = new MemoryStream(server, { method: 'PUT' });
  await clock.settle();
  return reserved.text;
}

async function execute({ server, clock }: Conversation, token: string, text: string) {
  const request = {
    headers: { 'x-graphql-event-stream-token': token },
    body: { query: text, extensions: { operationId: '1' } },
  };
  const executed = new MemoryStream(server, request);
  await clock.settle();
  return executed;
}

describe('draining streams of the single connection mode', () => {
  it('reserves none for who asked before, however long the connect hook took', async () => {
    const gate = new EventEmitter();
    const { server, clock } = converse({ onConnect: () => once(gate, 'open').then(() => true) });
    const reserved = new MemoryStream(server, { method: 'PUT' });
    await clock.settle();
    void server.drain();

    gate.emit('open');

    expect(await reserved.answered).toMatchObject({ status: 503 });
  });

  it('cuts those with subscriptions, waits for a query, and forgets those that nobody opened', async () => {
    const stage = converse();
    const { server, clock, app } = stage;
    const [live, asking] = [await reserve(stage), await reserve(stage)];
    await reserve(stage);
    const open = [live, asking].map(
      (token) =>
        new MemoryStream(server, {
          method: 'GET',
          url: `/graphql?token=${token}`,
          headers: eventStream,
        }),
    );
    await execute(stage, live, messages);
    await execute(stage, asking, '{ slow }');
    const drained = server.drain({ windowMs: 1_000 });

    await clock.advance(1_000);
    expect(open.map(({ ending }) => ending)).toEqual(['destroyed', 'open']);
    expect(server.gauges()).toMatchObject({ connections: 1, operations: 1 });
    app.release('slow');
    await clock.advance(100);

    expect(open.map(({ ending }) => ending)).toEqual(['destroyed', 'destroyed']);
    expect(open[1]?.text).toContain('{"data":{"slow":"late"}}');
    expect(await ended(drained, stage)).toBe(true);
    expect(server.gauges()).toEqual(nothingHeld);
  });
});

import { createMemoryBroker } from 'millrace/broker/memory';
import type { ServerOptions } from 'millrace/server';
import { refuse } from 'millrace/server';
import { describe, expect, it } from 'vitest';

import { callbackStage } from '../support/callback-stage.ts';
import { listenTo, messagesOf, subscribe } from '../support/conversation.ts';
import { interruptible } from '../support/interruptible-broker.ts';
import type { Claims, NamedSession, SessionStage } from '../support/session-stage.ts';
import { nothingHeld, sessionStage, startedAt } from '../support/session-stage.ts';

const revoked = { kind: 'close', code: 4403, reason: 'Session revoked' };
const restart = { kind: 'close', code: 1012, reason: 'Service restart' };
const error = { message: 'Session revoked', extensions: { code: 'SESSION_REVOKED' } };
const ada: Claims = { name: 'ada' };
const bob: Claims = { name: 'bob' };
const listening = { query: 'subscription { message(room: "a") { text } }' };
const eventStream = { accept: 'text/event-stream' };
const multipart = { accept: 'multipart/mixed;subscriptionSpec=1.0' };

const nameOf = (session: unknown): unknown => (session as NamedSession).name; // what the stage made

/** Whether a claim names the session. */
const matches = (session: unknown, { names }: Readonly<Record<string, unknown>>): boolean =>
  (names as readonly unknown[]).includes(nameOf(session));

/** What a process of {@link pair} holds whose clients are gone: the other one listens over the same broker. */
const quiet = { ...nothingHeld, readers: 1 };

/** Two processes over one broker: what one is told the other is told. */
async function pair(
  options: Partial<ServerOptions> = {},
): Promise<readonly [SessionStage, SessionStage]> {
  const broker = createMemoryBroker({ now: () => startedAt });
  const both = [0, 1].map(() => sessionStage({ broker, revocations: {}, ...options }));
  for (const { clock } of both) await clock.settle();
  return both as unknown as readonly [SessionStage, SessionStage]; // two, as the line before has it
}

/** Two processes, of which the second can lose its way to the broker. */
async function apart(options: Partial<ServerOptions> = {}, events = 1_000) {
  const broker = createMemoryBroker({ now: () => startedAt, events });
  const way = interruptible(broker);
  const here = sessionStage({ broker, revocations: {} });
  const there = sessionStage({ broker: way, revocations: {}, ...options });
  await there.clock.settle();
  return { here, there, way };
}

describe('revoking the sessions of a principal', () => {
  it('closes sockets with 4403, stops what runs for them, and leaves everybody else alone', async () => {
    const { enter, server, clock, app } = sessionStage({ broker: undefined } as object);
    const { client } = await enter(ada);
    const { client: other } = await enter(bob);
    listenTo(client, '1', 'a');
    subscribe(client, '2', 'subscription { never }');
    subscribe(client, '3', '{ never }');
    listenTo(other, '1', 'a');
    await clock.settle();

    await server.revoke({ principal: 'ada' });
    await app.publish('a', 'hi');

    expect(await messagesOf(client)).toEqual([revoked]);
    expect(await messagesOf(other)).toMatchObject([
      { payload: { data: { message: { text: 'hi' } } } },
    ]);
    expect(server.gauges()).toMatchObject({ connections: 1, operations: 1 });
    expect(server.counters().revokedSessions).toBe(1);
  });

  it('aborts the signal that the resolvers of a running query see', async () => {
    const [{ enter, server, clock, app }] = await pair();
    const { client } = await enter(ada);
    subscribe(client, '1', 'subscription { countdown(from: 3) }');
    subscribe(client, '2', '{ slow }');
    await clock.settle();

    await server.revoke({ principal: 'ada' });
    app.release('slow');

    const seen = await messagesOf(client);
    expect(seen.at(-1)).toEqual(revoked);
    expect(JSON.stringify(seen)).not.toContain('late');
    expect(server.gauges()).toEqual(quiet);
  });

  it.each(['subscriptions-transport-ws', 'appsync'] as const)(
    'ends a connection of %s with the reason in a message',
    async (protocol) => {
      const [{ enter, server }] = await pair();
      const { client } = await enter(ada, { protocol });

      await server.revoke({ principal: 'ada' });

      const [message, close] = (await messagesOf(client)).slice(-2);
      expect(message).toMatchObject({ type: 'connection_error' });
      expect(JSON.stringify(message)).toContain('Session revoked');
      expect(close).toEqual(revoked);
    },
  );

  it('ends event streams, multipart streams and answers with the error', async () => {
    const [{ ask, server, clock, app }] = await pair();
    const sse = await ask(ada, { headers: eventStream, body: listening });
    const parts = await ask(ada, { headers: multipart, body: listening });
    const single = await ask(ada, { body: { query: '{ slow }' } });

    await server.revoke({ principal: 'ada' });
    await clock.settle();
    app.release('slow');
    await clock.settle();

    expect(sse.events()).toEqual([
      ['next', { errors: [error] }],
      ['complete', ''],
    ]);
    expect(parts.text).toContain(JSON.stringify({ payload: null, errors: [error] }));
    expect(await single.answered).toMatchObject({ status: 403 });
    expect(single.json).toEqual({ errors: [error] });
    expect([sse.ending, parts.ending]).toEqual(['ended', 'ended']);
    expect([server.gauges(), app.openSources()]).toEqual([quiet, 0]);
  });

  it('drops what waits for a slow reader', async () => {
    const [{ ask, server, clock, app }] = await pair({
      slowConsumer: 'drop-oldest',
      limits: { outboxHighWaterBytes: 2_000 },
    });
    const stream = await ask(ada, { headers: eventStream, body: listening });
    stream.bufferedBytes = 3_500;
    await app.publish('a', 'waits');
    await clock.settle();

    await server.revoke({ principal: 'ada' });
    await clock.settle();
    stream.drain();
    await clock.settle();

    expect(stream.events()).toEqual([
      ['next', { errors: [error] }],
      ['complete', ''],
    ]);
  });

  it('ends a stream of the single connection mode with its operations, and its token', async () => {
    const [{ ask, server, clock }] = await pair();
    const token = (await ask(ada, { method: 'PUT' })).text;
    const url = `/graphql?token=${token}`;
    const stream = await ask(ada, { method: 'GET', url, headers: eventStream });
    await ask(ada, { url, body: { ...listening, extensions: { operationId: '1' } } });

    await server.revoke({ principal: 'ada' });
    await clock.settle();
    const again = await ask(ada, { url, body: { ...listening, extensions: { operationId: '2' } } });

    expect(stream.events()).toEqual([
      ['next', { id: '1', payload: { errors: [error] } }],
      ['complete', { id: '1' }],
    ]);
    expect(stream.ending).toBe('ended');
    expect(await again.answered).toMatchObject({ status: 404 });
    expect(server.gauges()).toEqual(quiet);
  });

  it('completes a callback with the error', async () => {
    const stage = callbackStage({}, { broker: undefined, principal: () => 'ada' } as object);
    const { subscriptionId } = await stage.listen(0);

    await stage.server.revoke({ principal: 'ada' });
    await stage.clock.settle();

    expect(stage.router.told(subscriptionId)).toEqual(['check', ['SESSION_REVOKED']]);
    expect(stage.server.gauges()).toEqual(nothingHeld);
  });

  it('is no way back in: whoever comes with a resume token is admitted like anybody', async () => {
    const signedOut = new Set<unknown>();
    const [{ ask, server, clock, app }] = await pair({
      onConnect: ({ request }) => {
        const { name } = JSON.parse(request.headers['x-claims'] ?? '{}') as Claims; // of the stage
        return signedOut.has(name) ? refuse({ reason: 'Signed out' }) : { name };
      },
    });
    const stream = await ask(ada, { headers: eventStream, body: listening });
    await app.publish('a', 'hi');
    await clock.settle();
    const [, id = ''] = /^id: (.*)$/m.exec(stream.text) ?? [];

    signedOut.add('ada');
    await server.revoke({ principal: 'ada' });
    const back = await ask(ada, {
      headers: { ...eventStream, 'last-event-id': id },
      body: listening,
    });

    expect(id).not.toBe('');
    expect(await back.answered).toMatchObject({ status: 403 });
    expect(back.json).toMatchObject({ errors: [{ message: 'Signed out' }] });
  });
});

describe('a revocation', () => {
  it('reaches the servers of other processes over the broker', async () => {
    const [here, there] = await pair();
    const { client } = await there.enter(ada);
    const { client: other } = await there.enter(bob);

    await here.server.revoke({ principal: 'ada' });

    expect(await messagesOf(client)).toEqual([revoked]);
    expect(await messagesOf(other)).toEqual([]);
    expect(there.server.counters().revokedSessions).toBe(1);
  });

  it('hits whose connect hook runs, here and elsewhere', async () => {
    const gates: (() => void)[] = [];
    const [here, there] = await pair({
      onConnect: async () => {
        await new Promise<void>((resolve) => gates.push(resolve));
        return ada;
      },
    });
    const clients = [here.connect(), there.connect()];
    for (const client of clients) client.send('{"type":"connection_init"}');
    const request = there.ask(ada, { body: { query: '{ hello }' } });
    await there.clock.settle();

    await here.server.revoke({ principal: 'ada' });
    await there.clock.settle();
    for (const go of gates) go();
    const answer = await request;

    expect(gates).toHaveLength(3);
    for (const client of clients) expect(await messagesOf(client)).toEqual([revoked]);
    expect(await answer.answered).toMatchObject({ status: 403 });
    expect(answer.json).toEqual({ errors: [error] });
    expect(there.server.gauges()).toEqual(quiet);
  });

  it('by a claim hits the sessions that the server says it is about', async () => {
    const [here, there] = await pair({ revocations: { matches } });
    const { client } = await there.enter(ada);
    const { client: other } = await there.enter(bob);

    await here.server.revoke({ claim: { names: ['ada', 'eve'] } });

    expect(await messagesOf(client)).toEqual([revoked]);
    expect(await messagesOf(other)).toEqual([]);
  });

  it('ends a session that cannot be judged', async () => {
    const [here, there] = await pair({
      revocations: {
        matches: () => {
          throw new Error('no idea');
        },
      },
    });
    const { client } = await there.enter(ada);

    await here.server.revoke({ claim: {} });

    expect(await messagesOf(client)).toEqual([revoked]);
    expect(there.hidden).toEqual(['revocations: no idea']);
  });

  it('by a function stays in this process', async () => {
    const [here, there] = await pair();
    const [one, two, three] = [
      await here.enter(ada),
      await here.enter(bob),
      await there.enter(ada),
    ];

    expect(here.server.revokeHere((session) => nameOf(session) === 'ada')).toBe(1);

    expect(await messagesOf(one.client)).toEqual([revoked]);
    expect(await messagesOf(two.client)).toEqual([]);
    expect(await messagesOf(three.client)).toEqual([]);
  });

  it('of long ago, which comes late, does not hit who has come since', async () => {
    const broker = createMemoryBroker({ now: () => startedAt - 61_000 });
    const { enter, clock } = sessionStage({ broker, revocations: {} });
    await clock.settle();
    const { client } = await enter(ada);

    await broker.publish('millrace.revocations', '', {
      origin: 'another',
      revocation: { principal: 'ada' },
    });

    expect(await messagesOf(client)).toEqual([]);
  });

  it('is told by an event of another program as well, and anything else there is reported', async () => {
    const broker = createMemoryBroker({ now: () => startedAt });
    const { enter, clock, hidden } = sessionStage({ broker, revocations: { topic: 'gone' } });
    await clock.settle();
    const { client } = await enter(ada);

    await broker.publish('gone', '', { principal: 'ada' });
    await broker.publish('gone', '', { origin: 'o', revocation: { claim: {} } });
    expect(await messagesOf(client)).toEqual([]);
    await broker.publish('gone', '', { origin: 'o', revocation: { principal: 'ada' } });

    expect(await messagesOf(client)).toEqual([revoked]);
    expect(hidden).toEqual([
      'revocations: an event among the revocations is none',
      'revocations: revoking by a claim needs `revocations.matches`',
    ]);
  });

  it.each([
    { what: 'a principal that nobody names', options: { principal: undefined } },
    { what: 'other processes that do not listen', options: { revocations: undefined } },
  ])('of $what is a usage error, and ends nothing', async ({ options }) => {
    const { enter, server } = sessionStage(options as object);
    const { client } = await enter(ada);

    await expect(server.revoke({ principal: 'ada' })).rejects.toMatchObject({ name: 'UsageError' });

    expect(await messagesOf(client)).toEqual([]);
  });

  it('needs a broker if other processes shall be told', () => {
    expect(() => sessionStage({ broker: undefined, revocations: {} } as object)).toThrow(
      '`revocations` need the `broker`',
    );
  });

  it('is listened to until the last client of a server has gone, and no longer', async () => {
    const broker = createMemoryBroker();
    const { server, clock, enter } = sessionStage({ broker, revocations: {} });
    const { client } = await enter(ada, { answersClose: false });
    expect([server.gauges().readers, broker.readerCount]).toEqual([0, 1]);

    const closing = server.close();
    await clock.settle();
    expect(broker.readerCount).toBe(1);
    client.vanish();
    await closing;

    expect([broker.readerCount, clock.timerCount]).toEqual([0, 0]);
  });
});

describe('a process that could not reach the broker', () => {
  it('ends its own sessions even so, and says that others were not told', async () => {
    const { there, way } = await apart();
    const { client } = await there.enter(ada);
    way.interrupt();

    await expect(there.server.revoke({ principal: 'ada' })).rejects.toMatchObject({
      code: 'BROKER_UNAVAILABLE',
    });

    expect(await messagesOf(client)).toEqual([revoked]);
  });

  it('tries again with growing pauses, and hears of what it missed', async () => {
    const { here, there, way } = await apart();
    const { client } = await there.enter(ada);
    const { client: other } = await there.enter(bob);
    way.interrupt();
    await here.server.revoke({ principal: 'ada' });

    await there.clock.advance(3_000);
    expect(way.reads).toBe(3);
    expect(await messagesOf(client)).toEqual([]);
    way.restore();
    await there.clock.advance(1_000);

    expect(await messagesOf(client)).toEqual([revoked]);
    expect(await messagesOf(other)).toEqual([]);
    expect(way.reads).toBe(4);
  });

  it('has all sessions come back within ten seconds if the log no longer has everything', async () => {
    const { here, there, way } = await apart({}, 1);
    const { client } = await there.enter(ada);
    const { client: other } = await there.enter(bob);
    const stream = await there.ask(bob, { headers: eventStream, body: listening });
    way.interrupt();
    for (const principal of ['ada', 'eve', 'eve']) await here.server.revoke({ principal });
    way.restore();

    await there.clock.advance(500);
    const { client: newcomer } = await there.enter(bob);
    await there.clock.advance(10_000);

    expect(await messagesOf(client)).toEqual([restart]);
    expect(await messagesOf(other)).toEqual([restart]);
    expect(stream.ending).toBe('destroyed');
    expect(await messagesOf(newcomer)).toEqual([]);
    newcomer.vanish();
    await there.clock.advance(100);
    expect(there.clock.timerCount).toBe(0);
  });

  it('asks about each session instead, if the server can say', async () => {
    const { here, there, way } = await apart(
      {
        revocations: {
          recheck: async (session) => {
            if (nameOf(session) === 'eve') throw new Error('no idea');
            return nameOf(session) === 'bob';
          },
        },
      },
      1,
    );
    const clients = [];
    for (const name of ['ada', 'bob', 'eve']) clients.push((await there.enter({ name })).client);
    way.interrupt();
    for (const principal of ['x', 'y', 'z']) await here.server.revoke({ principal });
    way.restore();

    await there.clock.advance(500);

    const seen = await Promise.all(clients.map((client) => messagesOf(client)));
    expect(seen).toEqual([[revoked], [], [revoked]]);
    expect(there.hidden).toContain('revocations: no idea');
  });

  it('at its start lets clients in, and distrusts them once it can hear', async () => {
    const way = interruptible(createMemoryBroker({ now: () => startedAt }));
    way.interrupt();
    const { enter, clock } = sessionStage({ broker: way, revocations: {} });
    const { client } = await enter(ada);

    way.restore();
    await clock.advance(10_500);

    expect(await messagesOf(client)).toEqual([restart]);
  });
});

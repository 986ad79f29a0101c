import { describe, expect, it } from 'vitest';

import { listenTo, messagesOf, subscribe } from '../support/conversation.ts';
import { callbackStage } from '../support/callback-stage.ts';
import { nothingHeld, sessionStage, startedAt } from '../support/session-stage.ts';

const expired = { kind: 'close', code: 4403, reason: 'Credentials expired' };
const error = { message: 'Credentials expired', extensions: { code: 'CREDENTIALS_EXPIRED' } };
const ada = { name: 'ada', expiresInMs: 60_000 };
const listening = { query: 'subscription { message(room: "a") { text } }' };
const eventStream = { accept: 'text/event-stream' };
const multipart = { accept: 'multipart/mixed;subscriptionSpec=1.0' };

describe('the credentials of a socket', () => {
  it('end it with 4403 when they have expired, after a grace for who may renew them', async () => {
    const { enter, clock, server, app } = sessionStage();
    const { client } = await enter(ada);
    listenTo(client, '1', 'a');

    await clock.advance(64_900);
    await app.publish('a', 'in time');
    await clock.advance(150);
    await app.publish('a', 'too late');

    const seen = await messagesOf(client);
    expect(seen.at(-1)).toEqual(expired);
    expect(JSON.stringify(seen)).toContain('in time');
    expect(JSON.stringify(seen)).not.toContain('too late');
    expect(server.gauges()).toEqual(nothingHeld);
    expect([app.openSources(), clock.timerCount]).toEqual([0, 0]);
    expect(server.counters().expiredSessions).toBe(1);
  });

  it('are announced to who may renew them, beside the payload of the ack', async () => {
    const { enter } = sessionStage({
      onConnect: () => ({
        name: 'ada',
        expiresAt: new Date(startedAt + 60_000),
        ackPayload: { build: 7, extensions: { region: 'eu' } },
      }),
    });

    expect((await enter({})).ackPayload).toEqual({
      build: 7,
      extensions: { region: 'eu', session: { expiresInMs: 60_000 } },
    });
  });

  it.each([
    { case: 'nobody says whose they are', options: { principal: undefined }, claims: ada },
    { case: 'they are nobody’s', options: {}, claims: { expiresInMs: 60_000 } },
  ])('cannot be renewed where $case', async ({ options, claims }) => {
    const { enter, renew, clock, asked } = sessionStage(options as object);
    const { client, ackPayload } = await enter(claims);

    renew(client, { ...claims, expiresInMs: 600_000 });
    expect(await client.next()).toEqual({
      kind: 'message',
      message: { type: 'pong', payload: {} },
    });
    await clock.advance(60_050);

    expect(ackPayload).toBeUndefined();
    expect(asked).toHaveLength(1);
    expect((await messagesOf(client)).at(-1)).toEqual(expired);
  });

  it('that have none do not end, and are not renewed', async () => {
    const { enter, renew, clock, server, asked } = sessionStage();
    const { client, ackPayload } = await enter({ name: 'ada' });

    renew(client, ada);
    await clock.advance(86_400_000);

    expect(ackPayload).toBeUndefined();
    expect(await messagesOf(client)).toEqual([{ type: 'pong', payload: {} }]);
    expect(asked).toHaveLength(1);
    expect(server.gauges().connections).toBe(1);
  });

  it('that have expired before they came are refused', async () => {
    const { connect, hidden } = sessionStage({
      onConnect: () => ({ expiresAt: startedAt }),
    });
    const client = connect();
    client.send('{"type":"connection_init"}');

    expect(await client.next()).toEqual(expired);
    expect(hidden).toEqual([]);
  });

  it.each([startedAt / 1_000, Number.NaN, 'tomorrow', new Date(Number.NaN)])(
    'that expire at %s let nobody in, and the reporter is told',
    async (expiresAt) => {
      const { connect, hidden } = sessionStage({
        onConnect: () => ({ expiresAt: expiresAt as number }),
      });
      const client = connect();
      client.send('{"type":"connection_init"}');

      expect(await client.next()).toMatchObject({ kind: 'close', code: 4500 });
      expect(hidden).toEqual([expect.stringContaining('milliseconds (not seconds)')]);
    },
  );
});

describe('fresh credentials in a ping', () => {
  it('renew the session where it is: the hooks see the new one, and the old end passes', async () => {
    const seen: unknown[] = [];
    const stage = sessionStage({ onSubscribe: ({ session }) => void seen.push(session) });
    const { client } = await stage.enter(ada);
    await stage.clock.advance(5_000);

    stage.renew(client, { name: 'ada', expiresInMs: 120_000 }, { at: 7 });
    expect(await client.next()).toEqual({
      kind: 'message',
      message: {
        type: 'pong',
        payload: { at: 7, extensions: { session: { expiresInMs: 120_000 } } },
      },
    });
    await stage.clock.advance(70_000);
    subscribe(client, '1', '{ hello }');

    expect(JSON.stringify(await messagesOf(client))).toContain('world');
    expect(seen).toEqual([{ name: 'ada', expiresAt: startedAt + 125_000 }]);
    expect(stage.asked[1]).toMatchObject({
      connectionParams: { name: 'ada', expiresInMs: 120_000 },
      protocol: 'graphql-transport-ws',
      renews: { name: 'ada', expiresAt: startedAt + 60_000 },
    });
    await stage.clock.advance(56_000);
    expect((await messagesOf(client)).at(-1)).toEqual(expired);
  });

  it('are taken in the grace as well', async () => {
    const { enter, renew, clock, server } = sessionStage();
    const { client } = await enter(ada);

    await clock.advance(63_000);
    renew(client, ada);
    await clock.advance(10_000);

    expect(server.gauges().connections).toBe(1);
  });

  it('of another principal end the connection', async () => {
    const { enter, renew } = sessionStage();
    const { client } = await enter(ada);

    renew(client, { ...ada, name: 'bob' });

    expect(await client.next()).toEqual({
      kind: 'close',
      code: 4403,
      reason: 'These credentials are those of another principal',
    });
  });

  it('that are refused end the connection', async () => {
    const { enter, renew } = sessionStage();
    const { client } = await enter(ada);

    renew(client, { refuse: 'Signed out' });

    expect(await client.next()).toEqual({ kind: 'close', code: 4403, reason: 'Signed out' });
  });

  it('that nobody can verify change nothing: the session ends when it would have', async () => {
    const { enter, renew, clock, hidden, server } = sessionStage();
    const { client } = await enter(ada);

    renew(client, { fail: 'no database' }, { at: 7 });
    expect(await client.next()).toEqual({
      kind: 'message',
      message: { type: 'pong', payload: { at: 7 } },
    });
    expect(hidden).toEqual(['onConnect: no database']);
    expect(server.gauges().connections).toBe(1);
    await clock.advance(65_050);

    expect((await messagesOf(client)).at(-1)).toEqual(expired);
  });

  it('are verified one after the other: what comes meanwhile is only echoed', async () => {
    const gates: (() => void)[] = [];
    const stage = sessionStage({
      onConnect: async ({ renews }) => {
        if (renews) await new Promise<void>((resolve) => gates.push(resolve));
        return { name: 'ada', expiresAt: startedAt + 60_000 };
      },
    });
    const { client } = await stage.enter(ada);

    stage.renew(client, ada, { at: 1 });
    stage.renew(client, ada, { at: 2 });
    await stage.clock.settle();
    for (const go of gates) go();

    expect(gates).toHaveLength(1);
    expect(await messagesOf(client)).toEqual([
      { type: 'pong', payload: { at: 2 } },
      { type: 'pong', payload: { at: 1, extensions: { session: { expiresInMs: 60_000 } } } },
    ]);
  });

  it('of a client that left meanwhile leave nothing behind', async () => {
    const gates: (() => void)[] = [];
    const { enter, renew, clock, server } = sessionStage({
      onConnect: async ({ renews }) => {
        if (renews) await new Promise<void>((resolve) => gates.push(resolve));
        return { name: 'ada', expiresAt: startedAt + 60_000 };
      },
    });
    const { client } = await enter(ada);
    renew(client, ada);
    await clock.settle();

    client.vanish();
    await clock.settle();
    for (const go of gates) go();
    await clock.settle();

    expect(server.gauges()).toEqual(nothingHeld);
    expect(clock.timerCount).toBe(0);
  });
});

describe('over the other protocols, credentials that expire', () => {
  it('end a connection of subscriptions-transport-ws with the reason in a message, at once', async () => {
    const { enter, clock } = sessionStage();
    const { client, ackPayload } = await enter(ada, { protocol: 'subscriptions-transport-ws' });

    await clock.advance(60_050);

    expect(ackPayload).toBeUndefined();
    expect((await messagesOf(client)).slice(-2)).toEqual([
      {
        type: 'connection_error',
        payload: { message: error.message, extensions: error.extensions },
      },
      expired,
    ]);
  });

  it('end a connection of AppSync with the word that its clients come back after', async () => {
    const { enter, clock } = sessionStage();
    const { client } = await enter(ada, { protocol: 'appsync' });

    await clock.advance(60_050);

    expect((await messagesOf(client)).slice(-2)).toEqual([
      {
        type: 'connection_error',
        payload: {
          errors: [{ errorType: 'UnauthorizedException', errorCode: 401, ...error }],
        },
      },
      expired,
    ]);
  });

  it('end an event stream with the error', async () => {
    const { ask, clock, server, app } = sessionStage();
    const stream = await ask(ada, { headers: eventStream, body: listening });

    await clock.advance(60_050);
    await clock.settle();

    expect(stream.events()).toEqual([
      ['next', { errors: [error] }],
      ['complete', ''],
    ]);
    expect(stream.ending).toBe('ended');
    expect([server.gauges(), app.openSources(), clock.timerCount]).toEqual([nothingHeld, 0, 0]);
  });

  it('end a multipart stream with the error', async () => {
    const { ask, clock } = sessionStage();
    const stream = await ask(ada, { headers: multipart, body: listening });

    await clock.advance(60_050);

    expect(stream.text).toContain(JSON.stringify({ payload: null, errors: [error] }));
    expect(stream.ending).toBe('ended');
  });

  it('end each operation of a single connection stream with the error, and then the stream', async () => {
    const { ask, clock, server } = sessionStage();
    const token = (await ask(ada, { method: 'PUT' })).text;
    const stream = await ask(
      { name: 'ada' },
      {
        method: 'GET',
        url: `/graphql?token=${token}`,
        headers: eventStream,
      },
    );
    await ask(
      { name: 'ada' },
      {
        url: `/graphql?token=${token}`,
        body: { ...listening, extensions: { operationId: '1' } },
      },
    );

    await clock.advance(60_050);

    expect(stream.events()).toEqual([
      ['next', { id: '1', payload: { errors: [error] } }],
      ['complete', { id: '1' }],
    ]);
    expect(stream.ending).toBe('ended');
    expect(server.gauges()).toEqual(nothingHeld);
  });

  it('end an operation of such a stream alone if they were its own', async () => {
    const { ask, clock, server } = sessionStage();
    const token = (await ask({ name: 'ada' }, { method: 'PUT' })).text;
    const stream = await ask(
      { name: 'ada' },
      {
        method: 'GET',
        url: `/graphql?token=${token}`,
        headers: eventStream,
      },
    );
    await ask(ada, {
      url: `/graphql?token=${token}`,
      body: { ...listening, extensions: { operationId: '1' } },
    });

    await clock.advance(60_050);

    expect(stream.events()).toEqual([
      ['next', { id: '1', payload: { errors: [error] } }],
      ['complete', { id: '1' }],
    ]);
    expect([stream.ending, server.gauges().operations]).toEqual(['open', 0]);
  });

  it('tell whoever opens a reserved stream too late', async () => {
    const { ask, clock } = sessionStage();
    const token = (await ask({ ...ada, expiresInMs: 10_000 }, { method: 'PUT' })).text;
    const asked = {
      url: `/graphql?token=${token}`,
      body: { ...listening, extensions: { operationId: '1' } },
    };
    await ask({ name: 'ada' }, asked);
    await clock.advance(10_050);

    const refused = await ask({ name: 'ada' }, asked);
    const stream = await ask(
      { name: 'ada' },
      {
        method: 'GET',
        url: `/graphql?token=${token}`,
        headers: eventStream,
      },
    );

    expect(refused.json).toMatchObject({ errors: [{ extensions: { code: 'STREAM_NOT_FOUND' } }] });
    expect(stream.events()[0]).toEqual(['next', { id: '1', payload: { errors: [error] } }]);
    expect(stream.ending).toBe('ended');
  });

  it('let a single result come that was asked for in time', async () => {
    const { ask, clock, app } = sessionStage();
    const answer = await ask(ada, { body: { query: '{ slow }' } });

    await clock.advance(60_050);
    app.release('slow');
    await clock.settle();

    expect(answer.json).toEqual({ data: { slow: 'late' } });
  });

  it('answer a request with 401 that they have come too late with', async () => {
    const { ask } = sessionStage();

    const answer = await ask({ ...ada, expiresInMs: 0 }, { body: { query: '{ hello }' } });

    expect(await answer.answered).toMatchObject({ status: 401 });
    expect(answer.json).toEqual({ errors: [error] });
  });

  it('complete a callback with the error', async () => {
    const stage = callbackStage(
      {},
      {
        onConnect: () => ({ expiresAt: Date.now() + 60_000 }),
      },
    );
    const { subscriptionId } = await stage.listen(0);

    await stage.clock.advance(61_000);

    expect(stage.router.told(subscriptionId)).toEqual(['check', ['CREDENTIALS_EXPIRED']]);
    expect(stage.server.gauges()).toEqual(nothingHeld);
  });
});

import type { ServerOptions } from 'millrace/server';
import { describe, expect, it } from 'vitest';

import { callbackStage } from '../../support/callback-stage.ts';
import { listenTo, messagesOf, subscribe } from '../../support/conversation.ts';
import type { SessionStage } from '../../support/session-stage.ts';
import { nothingHeld, sessionStage } from '../../support/session-stage.ts';

const ada = { name: 'ada', expiresInMs: 60_000 };
const listening = { query: 'subscription { message(room: "a") { text } }' };
const eventStream = { accept: 'text/event-stream' };
const all = (): boolean => true;

/** Ways in which a session begins and ends. */
const ways: readonly (readonly [string, (stage: SessionStage) => Promise<unknown>])[] = [
  [
    'a socket that closes',
    async ({ enter }) => {
      const { client } = await enter(ada);
      listenTo(client, '1', 'a');
      await messagesOf(client);
      client.close(1000);
    },
  ],
  [
    'a socket that leaves while the hook runs',
    async ({ connect }) => {
      const client = connect({ headers: { 'x-claims': JSON.stringify(ada) } });
      client.send('{"type":"connection_init"}');
      client.vanish();
    },
  ],
  [
    'a socket that renewed its session',
    async ({ enter, renew }) => {
      const { client } = await enter(ada);
      renew(client, ada);
      await client.next();
      client.vanish();
    },
  ],
  [
    'a socket whose renewal was refused',
    async ({ enter, renew }) => {
      const { client } = await enter(ada);
      renew(client, { ...ada, name: 'bob' });
      await messagesOf(client);
    },
  ],
  ['a request', ({ ask }) => ask(ada, { body: { query: '{ hello }' } })],
  ['a request that is no operation', ({ ask }) => ask(ada, { body: { query: '{' } })],
  [
    'a stream that completes',
    ({ ask }) =>
      ask(ada, { headers: eventStream, body: { query: 'subscription { countdown(from: 2) }' } }),
  ],
  [
    'a stream whose client leaves',
    async ({ ask }) => (await ask(ada, { headers: eventStream, body: listening })).leave(),
  ],
  [
    'a stream of many operations',
    async ({ ask }) => {
      const url = `/graphql?token=${(await ask(ada, { method: 'PUT' })).text}`;
      const stream = await ask(ada, { method: 'GET', url, headers: eventStream });
      for (const operationId of ['1', '2', '3', '1'])
        await ask(ada, { url, body: { ...listening, extensions: { operationId } } });
      await ask(ada, { method: 'DELETE', url: `${url}&operationId=1` });
      stream.leave();
    },
  ],
];

describe('nothing is kept of the session of', () => {
  it.each(ways)('%s', async (_, live) => {
    const stage = sessionStage();
    await live(stage);
    await stage.clock.settle();

    expect(stage.server.gauges()).toEqual(nothingHeld);
    expect(stage.server.revokeHere(all)).toBe(0);
    expect(stage.clock.timerCount).toBe(0);
  });

  it('a callback', async () => {
    const { server, clock, listen, router } = callbackStage();
    await listen(0);
    expect(server.revokeHere(all)).toBe(1);
    await clock.settle();

    expect(server.revokeHere(all)).toBe(0);
    expect(router.told()).toEqual(['check', ['SESSION_REVOKED']]);
  });
});

/** A hook that waits until it is let go. */
function gatedSubscribe(): Partial<ServerOptions> & { readonly go: () => void } {
  const gates: (() => void)[] = [];
  return {
    onSubscribe: () => new Promise<void>((resolve) => gates.push(resolve)),
    go: () => {
      for (const go of gates) go();
    },
  };
}

describe('an operation on its way through admission', () => {
  it.each([
    ['query', { query: '{ hello }' }, {}],
    ['subscription', listening, eventStream],
  ])('ends with its session over HTTP: a %s', async (_, body, headers) => {
    const { go, ...options } = gatedSubscribe();
    const { ask, clock, server } = sessionStage(options);
    const answer = await ask(ada, { body, headers });

    await clock.advance(60_050);
    go();
    await clock.settle();

    expect(await answer.answered).toMatchObject({ status: 401 });
    expect(answer.json).toMatchObject({
      errors: [{ extensions: { code: 'CREDENTIALS_EXPIRED' } }],
    });
    expect(server.gauges()).toEqual(nothingHeld);
  });

  it('does not become a callback after the credentials for it have expired', async () => {
    const { go, ...options } = gatedSubscribe();
    const {
      ask: askFor,
      clock,
      server,
      router,
    } = callbackStage({}, { ...options, onConnect: () => ({ expiresAt: Date.now() + 60_000 }) });
    const answer = await askFor('subscription { message(room: "r") { text } }');

    await clock.advance(61_000);
    go();
    await clock.settle();

    expect(await answer.answered).toMatchObject({ status: 401 });
    expect(router.told()).toEqual([]);
    expect(server.gauges()).toEqual(nothingHeld);
  });

  it('is never executed on a socket that was revoked', async () => {
    const { go, ...options } = gatedSubscribe();
    const { enter, clock, server, app } = sessionStage(options);
    const posted = app.broker.read('messages', 'a', undefined);
    const { client } = await enter(ada);
    subscribe(client, '1', 'mutation { post(room: "a", text: "x") }');
    await clock.settle();

    server.revokeHere(all);
    go();
    await clock.settle();
    await app.publish('a', 'the first');

    expect((await messagesOf(client)).at(-1)).toMatchObject({ code: 4403 });
    const [first] = (await (await posted).read()) ?? [];
    expect(first?.event).toEqual({ text: 'the first' });
  });
});

import { createServer, refuse } from 'millrace/server';
import type { HttpResponse } from 'millrace/server';
import { describe, expect, it } from 'vitest';

import { answering } from '../support/callback-router.ts';
import {
  callbackStage,
  callbackType,
  inRoom,
  nothingHeld,
  said,
} from '../support/callback-stage.ts';
import { createFixtureApp } from '../support/fixture-app.ts';
import type { MemoryStream } from '../support/memory-stream.ts';

const statusOf = async (stream: MemoryStream): Promise<number> => (await stream.answered).status;
const codeOf = ({ json }: MemoryStream): unknown =>
  (json as { errors: { extensions: { code: unknown } }[] }).errors[0]?.extensions.code;

describe('the request of a subscription with a callback', () => {
  it('CB-1, CB-2, CB-15 makes a check go to the callback, with the four base members and nothing else', async () => {
    const { router, ask } = callbackStage();
    const callback = router.register();

    await ask(inRoom, { callback });

    expect(router.posts).toEqual([
      {
        url: callback.callbackUrl,
        headers: { 'content-type': 'application/json', 'subscription-protocol': 'callback/1.0' },
        message: {
          kind: 'subscription',
          action: 'check',
          id: callback.subscriptionId,
          verifier: callback.verifier,
        },
      },
    ]);
  });

  it('CB-1 is answered, and its source opened, only after the check', async () => {
    const { router, ask, app, clock } = callbackStage();
    const held = router.holdAnswers();

    const answer = await ask(inRoom);
    expect([answer.hasBegun, app.openSources()]).toEqual([false, 0]);
    held.release();
    await clock.settle();

    expect([answer.hasBegun, app.openSources()]).toEqual([true, 1]);
  });

  it('CB-3 is answered with 200 and no data', async () => {
    const { ask } = callbackStage();

    const response: HttpResponse = await (await ask(inRoom)).answered;

    expect(response).toMatchObject({ status: 200, body: '{"data":null}' });
    expect(response.headers['content-type']).toBe('application/json; charset=utf-8');
  });

  it.each([
    ['404', answering(404)],
    ['400', answering(400)],
    ['500, however often', answering(500)],
    ['a redirect', answering(307, { location: 'http://127.0.0.1/' })],
    ['200 of something that does not speak the protocol', answering(200)],
  ])('CB-4 is refused, and nothing is started, if the check gets %s', async (_, reply) => {
    const { router, ask, app, clock, server } = callbackStage();
    router.misbehaves = () => reply;

    const answer = await ask(inRoom);
    await clock.advance(10_000);

    expect(await statusOf(answer)).toBe(400);
    expect(codeOf(answer)).toBe('CALLBACK_CHECK_FAILED');
    expect([app.openSources(), server.gauges()]).toEqual([0, nothingHeld]);
  });

  it('CB-4 is refused if nobody can be reached', async () => {
    const { router, ask, clock, app } = callbackStage();
    router.misbehaves = () => Promise.reject(new Error('ECONNREFUSED'));

    const answer = await ask(inRoom);
    await clock.advance(10_000);

    expect(await statusOf(answer)).toBe(400);
    expect([router.posts.length, app.openSources()]).toEqual([5, 0]);
  });

  it('CB-16 may spell its members as in the preview version', async () => {
    const { router, ask } = callbackStage();
    const { callbackUrl, subscriptionId, verifier } = router.register();

    const answer = await ask(inRoom, {
      callback: {
        callback_url: callbackUrl,
        subscription_id: subscriptionId,
        verifier,
        heartbeat_interval_ms: 0,
      },
    });

    expect([await statusOf(answer), router.told()]).toEqual([200, ['check']]);
  });

  it.each([
    ['has no URL', { callbackUrl: undefined }],
    ['has a URL that is none', { callbackUrl: '/callback' }],
    ['has no id', { subscriptionId: '' }],
    ['has a verifier that is too long', { verifier: 'x'.repeat(4_097) }],
    ['has an interval that is none', { heartbeatIntervalMs: -1 }],
  ])('is refused if it %s', async (_, wrong) => {
    const { router, ask } = callbackStage();

    const answer = await ask(inRoom, { callback: { ...router.register(), ...wrong } });

    expect([await statusOf(answer), codeOf(answer), router.posts]).toEqual([
      400,
      'BAD_REQUEST',
      [],
    ]);
  });

  it('is refused without a check if its document is not valid', async () => {
    const { router, ask, server } = callbackStage();

    const answer = await ask('subscription { nope }');

    expect([await statusOf(answer), codeOf(answer)]).toEqual([200, 'GRAPHQL_VALIDATION_FAILED']);
    expect([router.posts, server.gauges()]).toEqual([[], nothingHeld]);
  });

  it('is refused without a check if the connect hook says no', async () => {
    const { router, ask } = callbackStage({}, { onConnect: () => refuse() });

    expect(await statusOf(await ask(inRoom))).toBe(403);
    expect(router.posts).toEqual([]);
  });

  it('is refused if the source cannot be opened, and the subscriber is told nothing more', async () => {
    const { router, ask, server } = callbackStage();

    const answer = await ask('subscription { refuses }');

    expect([await statusOf(answer), codeOf(answer)]).toEqual([500, 'SUBSCRIBE_FAILED']);
    expect([router.told(), server.gauges()]).toEqual([['check'], nothingHeld]);
  });

  it('leaves nothing behind when its client goes over a check', async () => {
    const { router, ask, server, clock } = callbackStage();
    router.misbehaves = () => new Promise(() => {});

    const answer = await ask(inRoom);
    answer.leave();
    await clock.settle();

    expect(server.gauges()).toEqual(nothingHeld);
  });

  it('leaves nothing behind when its subscriber goes while its source is opened', async () => {
    const { router, ask, server, clock, app } = callbackStage();
    const callback = router.register(5_000);

    const answer = await ask('subscription { slowStart }', { callback });
    router.forget(callback.subscriptionId);
    await clock.advance(5_000);
    app.release('slowStart');
    await clock.settle();

    expect([await statusOf(answer), codeOf(answer)]).toEqual([400, 'CALLBACK_CHECK_FAILED']);
    expect([server.gauges(), app.openSources()]).toEqual([nothingHeld, 0]);
  });
});

describe('what a request asks with', () => {
  it('CB-20 gets a subscription without the extension another answer', async () => {
    const { ask, router } = callbackStage();

    expect(await statusOf(await ask(inRoom, { callback: null }))).toBe(406);
    const streamed = await ask(inRoom, {
      callback: null,
      accept: `${callbackType}, text/event-stream`,
    });
    expect((await streamed.answered).kind).toBe('stream');
    expect(router.posts).toEqual([]);
    streamed.leave();
  });

  it.each(['application/json', '*/*;q=0', 'application/json;callbackSpec=2.0'])(
    'CB-20 gets a subscription that accepts %s another answer',
    async (accept) => {
      const { ask, router } = callbackStage();

      expect(await statusOf(await ask(inRoom, { accept }))).toBe(406);
      expect(router.posts).toEqual([]);
    },
  );

  it('counts whatever stands around it in the header', async () => {
    const { ask } = callbackStage();
    const accept = `application/json, application/graphql-response+json, Application/JSON ; callbackspec="1.0"`;

    expect((await ask(inRoom, { accept })).text).toBe('{"data":null}');
  });

  it('CB-20 gets a subscription another answer where the protocol is not spoken', async () => {
    const { ask } = callbackStage({}, { protocols: ['sse'], callback: undefined as never });

    const answer = await ask(inRoom);

    expect(answer.json).toMatchObject({
      errors: [{ message: 'a subscription is served here by Accept: text/event-stream' }],
    });
  });

  it('is no way to subscribe by GET', async () => {
    const { ask, router } = callbackStage();

    expect(await statusOf(await ask(inRoom, { method: 'GET' }))).toBe(406);
    expect(router.posts).toEqual([]);
  });

  it('gets a query its result', async () => {
    const { ask, router, server } = callbackStage();

    const answer = await ask('{ hello }');

    expect([answer.json, router.posts]).toEqual([{ data: { hello: 'world' } }, []]);
    expect(server.gauges()).toEqual(nothingHeld);
  });

  it('does not show the verifier to hooks', async () => {
    const shown: unknown[] = [];
    const { router, ask } = callbackStage(
      {},
      { onSubscribe: ({ operation }) => void shown.push(operation.extensions) },
    );
    const { verifier, ...rest } = router.register();

    await ask(inRoom, { callback: { verifier, ...rest }, extensions: { trace: 1 } });

    expect(shown).toEqual([{ trace: 1, subscription: rest }]);
  });

  it('has nothing to come back with: a wish to resume is not heard', async () => {
    const { ask, router, publish } = callbackStage();

    await ask(inRoom, { extensions: { resume: {} } });
    await publish('1');

    expect(router.messages()[1]?.payload).toEqual({ data: said('1') });
  });
});

describe('the events of a subscription', () => {
  it('CB-5, CB-14, CB-15 are sent in order with id, verifier and header', async () => {
    const { router, listen, publish } = callbackStage();
    const { subscriptionId: id, verifier } = await listen();

    await publish('1', '2', '3');

    expect(router.told()).toEqual(['check', said('1'), said('2'), said('3')]);
    expect(router.messages()[1]).toEqual({
      kind: 'subscription',
      action: 'next',
      id,
      verifier,
      payload: { data: said('1') },
    });
    for (const { headers, message } of router.posts) {
      expect(headers['subscription-protocol']).toBe('callback/1.0');
      expect([message.id, message.verifier]).toEqual([id, verifier]);
    }
  });

  it('CB-5 wait for the answer to the one before', async () => {
    const { router, listen, publish, clock } = callbackStage();
    await listen();
    const held = router.holdAnswers();

    await publish('1', '2');
    expect(router.told()).toEqual(['check', said('1')]);
    held.release();
    await clock.settle();

    expect(router.told()).toEqual(['check', said('1'), said('2')]);
  });

  it('do not wait for those of a subscription whose subscriber is slow', async () => {
    const { router, listen, publish } = callbackStage();
    const [slow, quick] = [await listen(), await listen()];
    router.misbehaves = ({ message }) =>
      message.id === slow.subscriptionId ? new Promise(() => {}) : undefined;

    await publish('1', '2', '3');

    expect(router.told(slow.subscriptionId)).toEqual(['check', said('1')]);
    expect(router.told(quick.subscriptionId)).toEqual(['check', said('1'), said('2'), said('3')]);
  });

  it('CB-6 are followed by one complete without errors when the source ends', async () => {
    const { router, ask, server, app } = callbackStage();

    await ask('subscription { countdown(from: 2) }');

    expect(router.told()).toEqual(['check', { countdown: 2 }, { countdown: 1 }, 'complete']);
    expect(router.messages().at(-1)).not.toHaveProperty('errors');
    expect([server.gauges(), app.openSources()]).toEqual([nothingHeld, 0]);
  });

  it('CB-7 are followed by complete with errors when the source fails', async () => {
    const { router, ask, server } = callbackStage();

    await ask('subscription { breaks }');

    expect(router.told()).toEqual(['check', { breaks: 1 }, ['SOURCE_FAILED']]);
    expect(router.messages().at(-1)).toMatchObject({ action: 'complete' });
    expect(server.gauges()).toEqual(nothingHeld);
  });

  it('CB-8 go on after one whose execution failed', async () => {
    const { router, ask } = callbackStage();

    await ask('subscription { flaky }');

    expect(router.told()).toEqual([
      'check',
      { flaky: 1 },
      { flaky: null },
      { flaky: 3 },
      'complete',
    ]);
    expect(router.messages()[2]?.payload?.errors).toMatchObject([{ message: 'flaky' }]);
  });

  it('are executed once for all who asked the same', async () => {
    const { server, listen, publish, router } = callbackStage();
    await listen();
    await listen();

    await publish('1');

    expect(server.sharing()).toMatchObject({ groups: 1 });
    expect(router.told()).toEqual(['check', 'check', said('1'), said('1')]);
  });
});

describe('heartbeats', () => {
  it('CB-9 come within each interval', async () => {
    const { router, listen, clock } = callbackStage();
    const arrivals: number[] = [];
    router.misbehaves = () => void arrivals.push(clock.now());
    await listen(1_000);

    await clock.advance(10_000);

    const pauses = arrivals.slice(1).map((at, index) => at - (arrivals[index] ?? 0));
    expect(Math.max(...pauses)).toBeLessThan(1_000);
    expect(pauses.length).toBeGreaterThanOrEqual(10);
    expect(new Set(router.told())).toEqual(new Set(['check']));
  });

  it('CB-10 do not come where the interval is 0', async () => {
    const { router, listen, clock } = callbackStage();
    await listen(0);

    await clock.advance(1_000_000);

    expect(router.told()).toEqual(['check']);
  });

  it('CB-9 come while an event waits for its answer', async () => {
    const { router, listen, publish, clock } = callbackStage();
    await listen(1_000);
    router.misbehaves = ({ message }) =>
      message.action === 'next' ? new Promise(() => {}) : undefined;

    await publish('1');
    await clock.advance(900);

    expect(router.told()).toEqual(['check', said('1'), 'check']);
  });

  it('stop when the source has ended', async () => {
    const { router, ask, clock } = callbackStage();
    await ask('subscription { countdown(from: 1) }', { callback: router.register(1_000) });

    await clock.advance(10_000);

    expect(router.told()).toEqual(['check', { countdown: 1 }, 'complete']);
  });
});

describe('the options of callbacks', () => {
  const { schema } = createFixtureApp();
  const allow = ['router.internal'];

  it.each([
    ['the protocol without a list', { protocols: ['callback'] }],
    ['a list without the protocol', { callback: { allow } }],
    ['an entry with a path', { protocols: ['callback'], callback: { allow: ['https://a/b'] } }],
    ['an entry that is no host', { protocols: ['callback'], callback: { allow: ['a b'] } }],
    ['another scheme', { protocols: ['callback'], callback: { allow: ['ftp://a'] } }],
    ['what is no list', { protocols: ['callback'], callback: { allow: 'router.internal' } }],
    ['no attempts', { protocols: ['callback'], callback: { allow, attempts: 0 } }],
  ])('are refused at once: %s', (_, options) => {
    // what programs without types may give
    expect(() => createServer({ schema, ...(options as object) })).toThrow(
      expect.objectContaining({ name: 'UsageError' }),
    );
  });
});

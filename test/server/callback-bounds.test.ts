import type { CallbackOptions } from 'millrace/server';
import { describe, expect, it } from 'vitest';

import { CallbackRouter } from '../support/callback-router.ts';
import { callbackStage, inRoom, nothingHeld, said } from '../support/callback-stage.ts';
import type { CallbackStage } from '../support/callback-stage.ts';

/** Whether a subscription whose callback is at `callbackUrl` begins; one that does not must not have caused a request. */
async function begins(
  callbackUrl: string,
  callback: Pick<CallbackOptions, 'allow'> & Partial<CallbackOptions>,
): Promise<boolean> {
  const called: string[] = [];
  const router = new CallbackRouter();
  const stage = callbackStage({
    ...callback,
    fetch: (url, init) => {
      called.push(url);
      return router.fetch(url, init);
    },
  });
  const answer = await stage.ask(inRoom, { callback: { ...router.register(), callbackUrl } });
  const { status } = await answer.answered;
  if (status === 403) {
    expect(answer.json).toMatchObject({
      errors: [{ extensions: { code: 'CALLBACK_NOT_ALLOWED' } }],
    });
    expect([called, stage.server.gauges()]).toEqual([[], nothingHeld]);
  }
  return status === 200;
}

describe('a list of callbacks', () => {
  it.each([
    ['router.internal', 'https://router.internal/a/b?c'],
    ['router.internal', 'https://ROUTER.internal:443/'],
    ['router.internal:4000', 'https://router.internal:4000/cb'],
    ['http://router.internal', 'http://router.internal/cb'],
    ['https://router.internal:443', 'https://router.internal/cb'],
    ['http://127.0.0.1:4000', 'http://127.0.0.1:4000/cb'],
    ['http://[::1]:4000', 'http://[::1]:4000/cb'],
    ['http://127.0.0.1:4000', 'http://0x7f000001:4000/cb'],
  ])('with %s lets %s be called', async (entry, url) => {
    expect(await begins(url, { allow: [entry] })).toBe(true);
  });

  it.each([
    ['router.internal', 'http://router.internal/'],
    ['router.internal', 'https://router.internal:8443/'],
    ['router.internal', 'https://other.internal/'],
    ['router.internal', 'https://a.router.internal/'],
    ['router.internal', 'https://router.internal.evil.example/'],
    ['router.internal', 'https://router.internal@evil.example/'],
    ['router.internal', 'https://user:secret@router.internal/'],
    ['router.internal', 'https://evil.example/https://router.internal/'],
    ['router.internal', 'https://router.internal.:443/'],
    ['router.internal', 'file:///etc/passwd'],
    ['router.internal', 'data:application/json,{}'],
    ['http://127.0.0.1:4000', 'http://127.0.0.1:4001/'],
    ['http://127.0.0.1:4000', 'http://localhost:4000/'],
  ])('CB-17 with %s does not let %s be called', async (entry, url) => {
    expect(await begins(url, { allow: [entry] })).toBe(false);
  });

  it('CB-17 without entries lets nothing be called', async () => {
    expect(await begins('https://router.internal/', { allow: [] })).toBe(false);
  });
});

const anything = (): boolean => true;

describe('a function that allows everything', () => {
  const privateUrls = [
    'http://localhost:4000/',
    'http://a.localhost/',
    'http://127.0.0.1/',
    'http://127.1/',
    'http://2130706433/',
    'http://0.0.0.0/',
    'http://10.1.2.3/',
    'http://100.64.0.1/',
    'http://169.254.169.254/latest/meta-data',
    'http://172.16.0.1/',
    'http://172.31.255.255/',
    'http://192.168.0.1/',
    'http://224.0.0.1/',
    'http://[::1]/',
    'http://[::ffff:10.0.0.1]/',
    'http://[64:ff9b::a00:1]/',
    'http://[fd00::1]/',
    'http://[fe80::1]/',
    'http://[ff02::1]/',
  ];

  it.each(privateUrls)('CB-17 does not allow %s', async (url) => {
    expect(await begins(url, { allow: anything })).toBe(false);
  });

  it.each(privateUrls)('allows %s if it may allow private addresses', async (url) => {
    expect(await begins(url, { allow: anything, allowPrivateAddresses: true })).toBe(true);
  });

  it.each([
    'https://router.example/',
    'http://9.9.9.9/',
    'http://172.32.0.1/',
    'http://[2001:db8::1]/',
    'https://10.example/',
  ])('allows %s', async (url) => {
    expect(await begins(url, { allow: anything })).toBe(true);
  });
});

describe('a function', () => {
  it('CB-17 that throws allows nothing, and the operator learns why', async () => {
    const stage = callbackStage({
      allow: () => {
        throw new Error('no list');
      },
    });

    const answer = await stage.ask(inRoom);

    expect((await answer.answered).status).toBe(403);
    expect(stage.hidden).toEqual(['callback.allow: no list']);
  });

  it('CB-17 that promises an answer has not given one', async () => {
    // a program without types may do this
    const allow = (() => Promise.resolve(true)) as unknown as () => boolean;

    expect(await begins('https://router.example/', { allow })).toBe(false);
  });

  it('judges a copy of the URL', async () => {
    const called: string[] = [];
    const router = new CallbackRouter();
    const stage = callbackStage({
      allow: (url) => {
        url.hostname = 'evil.example';
        return true;
      },
      fetch: (url, init) => {
        called.push(new URL(url).host);
        return router.fetch(url, init);
      },
    });

    await stage.ask(inRoom, { callback: router.register() });

    expect(called).toEqual(['router.internal']);
  });
});

/** What somebody is told who comes now. */
async function askOf({ ask, router }: CallbackStage): Promise<unknown> {
  const answer = await ask(inRoom, { callback: router.register() });
  return [(await answer.answered).status, answer.json];
}

function exceeded(limit: string, maximum: number): unknown {
  const extensions = { code: 'TOO_MANY_OPERATIONS', limit: `callback.${limit}`, maximum };
  return [429, { errors: [expect.objectContaining({ extensions })] }];
}

describe('the number of subscriptions', () => {
  it('is bounded, and those that have ended make room', async () => {
    const stage = callbackStage({ subscriptions: 2 });
    const first = await stage.listen();
    await stage.listen();

    expect(await askOf(stage)).toEqual(exceeded('subscriptions', 2));
    stage.router.forget(first.subscriptionId);
    await stage.publish('1');

    expect(await askOf(stage)).toEqual([200, { data: null }]);
  });

  it('is bounded for each host', async () => {
    const stage = callbackStage({
      subscriptionsPerHost: 1,
      allow: ['router.internal', 'other.internal'],
    });
    await stage.listen();

    expect(await askOf(stage)).toEqual(exceeded('subscriptionsPerHost', 1));
    const callbackUrl = 'https://other.internal/';
    const elsewhere = await stage.ask(inRoom, {
      callback: { ...stage.router.register(), callbackUrl },
    });

    expect((await elsewhere.answered).status).toBe(200);
  });

  it('counts against those of a principal until they have ended', async () => {
    const stage = callbackStage(
      {},
      { principal: () => 'router', limits: { operationsPerPrincipal: 1 } },
    );
    const { subscriptionId } = await stage.listen();

    const refused = await stage.ask(inRoom);
    expect((await refused.answered).status).toBe(429);
    stage.router.forget(subscriptionId);
    await stage.publish('1');

    expect((await (await stage.ask(inRoom)).answered).status).toBe(200);
  });

  it('is one for each id of a callback: events of two would mix', async () => {
    const stage = callbackStage();
    const callback = await stage.listen();

    const answer = await stage.ask(inRoom, { callback });
    await stage.publish('1');

    expect((await answer.answered).status).toBe(409);
    expect(stage.router.told()).toEqual(['check', said('1')]);
  });
});

describe('heartbeat intervals', () => {
  it('below the shortest are refused', async () => {
    const { ask, router } = callbackStage({ heartbeatMinMs: 2_000 });

    const answer = await ask(inRoom, { callback: router.register(1_999) });

    expect((await answer.answered).status).toBe(400);
    expect(answer.json).toMatchObject({
      errors: [
        {
          message: 'heartbeatIntervalMs must be 0 or at least callback.heartbeatMinMs of 2000',
          extensions: { limit: 'callback.heartbeatMinMs', maximum: 2_000 },
        },
      ],
    });
    expect(router.posts).toEqual([]);
  });

  it('above the longest are not waited for', async () => {
    const { listen, router, clock } = callbackStage();
    await listen(86_400_000);

    await clock.advance(180_100);

    expect(router.told()).toEqual(['check', 'check', 'check', 'check']);
  });
});

/** The numbers that the texts of messages begin with. */
function numbersOf({ router }: CallbackStage): readonly number[] {
  return router
    .messages()
    .filter(({ action }) => action === 'next')
    .map(({ payload }) => Number(/\d+/.exec(JSON.stringify(payload))?.[0]));
}

describe('results for a subscriber that is slow', () => {
  const big = 'x'.repeat(1_000);
  const limits = { outboxHighWaterBytes: 4_000, outboxHardBytes: 16_000 };

  /** A stage whose subscriber answers no event before it is told to. */
  async function slowStage(slowConsumer: 'disconnect' | 'drop-oldest' | 'drop-newest' | 'latest') {
    const stage = callbackStage({}, { limits, slowConsumer });
    await stage.listen();
    const held = stage.router.holdAnswers();
    return {
      ...stage,
      async recover() {
        stage.router.misbehaves = () => undefined;
        held.release();
        await stage.clock.settle();
      },
    };
  }

  const numbered = Array.from({ length: 30 }, (_, index) => `${index}${big}`);
  it('end it with an error behind the one under way', async () => {
    const stage = await slowStage('disconnect');

    await stage.publish(...numbered);
    expect(stage.app.openSources()).toBe(0);
    await stage.recover();

    expect(numbersOf(stage)).toEqual([0]);
    expect(stage.router.told().at(-1)).toEqual(['SLOW_CONSUMER']);
    expect(stage.server.counters().slowConsumerDisconnects).toBe(1);
    expect(stage.server.gauges()).toEqual(nothingHeld);
  });

  it('end it without a word if the one under way is not answered in time', async () => {
    const stage = await slowStage('disconnect');

    await stage.publish(...numbered);
    await stage.clock.advance(5_100);

    expect(stage.server.gauges()).toEqual(nothingHeld);
    await stage.recover();
    expect(stage.router.told()).toHaveLength(2);
  });

  it.each([
    ['drop-oldest', [27, 28, 29]],
    ['latest', [29]],
    ['drop-newest', []],
  ] as const)('are dropped under %s', async (policy, last) => {
    const stage = await slowStage(policy);

    await stage.publish(...numbered);
    await stage.recover();

    const numbers = numbersOf(stage);
    expect(numbers).toEqual(numbers.toSorted((one, other) => one - other));
    expect(numbers.slice(0, 3)).toEqual([0, 1, 2]);
    if (last.length > 0) expect(numbers.slice(-last.length)).toEqual(last);
    expect(numbers.length + stage.server.counters().droppedResults).toBe(30);
    expect(stage.server.gauges().operations).toBe(1);
  });

  it('wait with a source that can wait', async () => {
    const stage = callbackStage({}, { limits });
    const held = stage.router.holdAnswers('next');
    await stage.ask('subscription { flood(bytes: 1000) }');

    for (let round = 0; round < 10; round += 1) {
      held.release();
      await stage.clock.settle();
    }

    expect(held.count).toBe(11);
    expect(stage.server.counters().slowConsumerDisconnects).toBe(0);
    const closing = stage.server.close();
    await stage.clock.advance(5_100);
    await closing;
  });
});

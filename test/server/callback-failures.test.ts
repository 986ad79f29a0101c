import { describe, expect, it } from 'vitest';

import { answering } from '../support/callback-router.ts';
import { callbackStage, inRoom, nothingHeld, said } from '../support/callback-stage.ts';

describe('a subscriber that answers', () => {
  it('CB-11 404 to an event gets nothing more, and frees the source', async () => {
    const { router, listen, publish, app, server, hidden } = callbackStage();
    const { subscriptionId } = await listen(5_000);
    router.forget(subscriptionId);

    await publish('1', '2');

    expect(router.told()).toEqual(['check', said('1')]);
    expect([app.openSources(), server.gauges(), hidden]).toEqual([0, nothingHeld, []]);
  });

  it('CB-11 404 to a heartbeat gets nothing more, and frees the source', async () => {
    const { router, listen, publish, clock, app, server } = callbackStage();
    const { subscriptionId } = await listen(1_000);
    router.forget(subscriptionId);

    await clock.advance(1_000);
    await publish('1');
    await clock.advance(10_000);

    expect(router.told()).toEqual(['check', 'check']);
    expect([app.openSources(), server.gauges()]).toEqual([0, nothingHeld]);
  });

  it.each([400, 401, 403, 429])(
    'CB-12 %i to an event gets nothing more, which the operator learns without secrets',
    async (status) => {
      const { router, listen, publish, app, server, hidden } = callbackStage();
      await listen();
      router.misbehaves = () => answering(status);

      await publish('1', '2');

      expect(router.told()).toEqual(['check', said('1')]);
      expect([app.openSources(), server.gauges()]).toEqual([0, nothingHeld]);
      expect(hidden).toEqual([
        `callback: the callback at https://router.internal is refused: status ${status}`,
      ]);
    },
  );

  it.each([301, 302, 303, 307, 308, 304])(
    'CB-19 %i is not followed, and gets nothing more',
    async (status) => {
      const { router, listen, publish, server } = callbackStage();
      await listen();
      router.misbehaves = () => answering(status, { location: 'https://router.internal/other' });

      await publish('1', '2');

      expect(router.told()).toEqual(['check', said('1')]);
      expect(router.posts.every(({ url }) => !url.endsWith('/other'))).toBe(true);
      expect(server.gauges()).toEqual(nothingHeld);
    },
  );

  it('CB-13 5xx gets the same message again, later each time, and the others in order behind it', async () => {
    const { router, listen, publish, clock } = callbackStage();
    await listen();
    const tries: number[] = [];
    router.misbehaves = ({ message }) => {
      if (message.action === 'next') tries.push(clock.now());
      return tries.length < 5 ? answering(503) : undefined;
    };

    await publish('1', '2');
    await clock.advance(5_000);

    expect(router.told().slice(1)).toEqual([...Array<unknown>(5).fill(said('1')), said('2')]);
    const pauses = tries.slice(1, 5).map((at, index) => at - (tries[index] ?? 0));
    expect(pauses.every((pause, index) => pause >= 50 * 2 ** index)).toBe(true);
    expect(pauses.every((pause, index) => pause <= 100 * 2 ** index + 50)).toBe(true);
  });

  it('5xx every time is given up, which the operator learns', async () => {
    const { router, listen, publish, clock, server, app, hidden } = callbackStage();
    await listen();
    router.misbehaves = () => answering(503);

    await publish('1', '2');
    await clock.advance(5_000);

    expect(router.told()).toEqual(['check', ...Array<unknown>(5).fill(said('1'))]);
    expect([app.openSources(), server.gauges()]).toEqual([0, nothingHeld]);
    expect(hidden).toEqual([
      'callback: the callback at https://router.internal is unreachable: status 503',
    ]);
  });

  it('5xx to heartbeats is forgiven four times in a row', async () => {
    const { router, listen, publish, clock, server } = callbackStage();
    await listen(1_000);
    let failures = 0;
    router.misbehaves = ({ message }) => {
      if (message.action !== 'check' || failures >= 4) return undefined;
      failures += 1;
      return answering(503);
    };

    await clock.advance(10_000);
    await publish('1');

    expect(router.told().at(-1)).toEqual(said('1'));
    expect(server.gauges().operations).toBe(1);
  });

  it('5xx to five heartbeats in a row is given up', async () => {
    const { router, listen, clock, server, app } = callbackStage();
    await listen(1_000);
    router.misbehaves = () => answering(500);

    await clock.advance(10_000);

    expect(router.told()).toHaveLength(6);
    expect([app.openSources(), server.gauges()]).toEqual([0, nothingHeld]);
  });
});

describe('a subscriber that does not answer', () => {
  it('an event is given up after as many attempts, each of its time', async () => {
    const { router, listen, publish, clock, server, app, hidden } = callbackStage({
      timeoutMs: 1_000,
      attempts: 3,
    });
    await listen();
    router.misbehaves = () => new Promise(() => {});

    await publish('1');
    await clock.advance(2_900);
    expect(server.gauges().operations).toBe(1);
    await clock.advance(700);

    expect(router.told()).toEqual(['check', said('1'), said('1'), said('1')]);
    expect([app.openSources(), server.gauges()]).toEqual([0, nothingHeld]);
    expect(hidden).toEqual([
      'callback: the callback at https://router.internal is unreachable: no answer',
    ]);
  });

  it('heartbeats is given up after five periods', async () => {
    const { router, listen, clock, server, app } = callbackStage();
    await listen(1_000);
    router.misbehaves = () => new Promise(() => {});

    await clock.advance(10_000);

    expect(router.told()).toHaveLength(6);
    expect([app.openSources(), server.gauges()]).toEqual([0, nothingHeld]);
  });

  it('a fetch that hears of no signal holds nothing up', async () => {
    const { router, listen, publish, clock, server } = callbackStage({
      timeoutMs: 1_000,
      attempts: 1,
      fetch: (url, init) =>
        init.body.includes('"next"') ? new Promise(() => {}) : router.fetch(url, init),
    });
    await listen();

    await publish('1');
    await clock.advance(1_100);

    expect(server.gauges()).toEqual(nothingHeld);
  });
});

it.each([
  ['nothing', () => undefined as never],
  ['a response', () => new Response('late')],
])('a fetch that comes back with %s after it was given up harms nobody', async (_, late) => {
  const returns: (() => void)[] = [];
  const stage = callbackStage({
    timeoutMs: 1_000,
    attempts: 1,
    fetch: (url, init) =>
      init.body.includes('"next"')
        ? new Promise((resolve) => returns.push(() => resolve(late())))
        : stage.router.fetch(url, init),
  });
  await stage.listen();
  await stage.publish('1');
  await stage.clock.advance(1_100);

  for (const comeBack of returns) comeBack();
  await stage.clock.settle();

  expect([returns.length, stage.server.gauges()]).toEqual([1, nothingHeld]);
});

describe('a fetch that fails', () => {
  it.each([
    [
      'throws',
      () => {
        throw new Error('no network');
      },
    ],
    ['rejects', () => Promise.reject(new TypeError('fetch failed'))],
    ['rejects with nothing', () => Promise.reject(undefined as unknown as Error)],
    ['gives what is no response', () => Promise.resolve(undefined as never)],
  ])('and %s ends its subscription after some attempts, and nothing else', async (_, fail) => {
    const stage = callbackStage({
      fetch: (url, init) =>
        init.body.includes('"next"') && isBroken ? fail() : stage.router.fetch(url, init),
    });
    const { listen, publish, clock, server, app, router } = stage;
    let isBroken = true;
    await listen();

    await publish('1');
    await clock.advance(10_000);
    expect([app.openSources(), server.gauges()]).toEqual([0, nothingHeld]);
    isBroken = false;
    await listen();
    await publish('2');

    expect(router.told()).toEqual(['check', 'check', said('2')]);
  });

  it('only once sends the event again', async () => {
    let failures = 0;
    const stage = callbackStage({
      fetch: (url, init) => {
        if (init.body.includes('"next"') && failures++ === 0) throw new Error('reset');
        return stage.router.fetch(url, init);
      },
    });
    await stage.listen();

    await stage.publish('1', '2');
    await stage.clock.advance(1_000);

    expect(stage.router.told()).toEqual(['check', said('1'), said('2')]);
  });
});

/** A body that goes on for as long as somebody reads. */
function endlessBody(onPull: () => void = () => {}): ReadableStream<Uint8Array> {
  return new ReadableStream({
    pull(controller) {
      onPull();
      controller.enqueue(new Uint8Array(1_024));
    },
  });
}

describe('the body of an answer', () => {
  it('is not read further than a few kilobytes', async () => {
    let pulls = 0;
    const stage = callbackStage({
      fetch: (url, init) => {
        if (!init.body.includes('"next"')) return stage.router.fetch(url, init);
        const body = endlessBody(() => (pulls += 1));
        return Promise.resolve(new Response(body));
      },
    });
    await stage.listen();

    await stage.publish('1', '2', '3');

    expect(stage.server.gauges().operations).toBe(1);
    expect(pulls).toBeLessThan(3 * 8);
  });

  it('that never ends, or breaks off, does not undo what its status says', async () => {
    const bodies = [
      new Response(endlessBody()),
      new Response(new ReadableStream({ pull: () => new Promise(() => {}) })),
      new Response(new ReadableStream({ pull: () => Promise.reject(new Error('reset')) })),
    ];
    let events = 0;
    const stage = callbackStage({
      timeoutMs: 1_000,
      fetch: (url, init) => {
        if (!init.body.includes('"next"')) return stage.router.fetch(url, init);
        return Promise.resolve(bodies[events++] ?? new Response(null));
      },
    });
    await stage.listen();

    await stage.publish('1', '2', '3', '4');
    await stage.clock.advance(1_100);

    expect([events, stage.server.gauges().operations]).toEqual([4, 1]);
  });
});

it('a check that is repeated succeeds when its subscriber has recovered', async () => {
  const { router, ask, clock } = callbackStage();
  let checks = 0;
  router.misbehaves = () => (++checks < 3 ? answering(503) : undefined);

  const answer = await ask(inRoom);
  await clock.advance(1_000);

  expect([answer.text, checks]).toEqual(['{"data":null}', 3]);
});

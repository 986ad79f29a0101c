import { describe, expect, it } from 'vitest';

import { answering } from '../support/callback-router.ts';
import { callbackStage, inRoom, nothingHeld, said } from '../support/callback-stage.ts';

describe('a server that closes', () => {
  it('CB-18 completes each subscription with an error after which it may be asked for again', async () => {
    const { router, listen, publish, server, app } = callbackStage();
    const [one, other] = [await listen(5_000), await listen()];
    await publish('1');

    await server.close();

    expect(router.told(one.subscriptionId)).toEqual(['check', said('1'), ['GOING_AWAY']]);
    expect(router.told(other.subscriptionId)).toEqual(['check', said('1'), ['GOING_AWAY']]);
    expect([server.gauges(), app.openSources()]).toEqual([nothingHeld, 0]);
  });

  it('CB-18 sends what waits before', async () => {
    const { router, listen, publish, server, clock } = callbackStage();
    await listen();
    const held = router.holdAnswers();
    await publish('1', '2');
    router.misbehaves = () => undefined;

    const closing = server.close();
    await clock.settle();
    held.release();
    await closing;

    expect(router.told()).toEqual(['check', said('1'), said('2'), ['GOING_AWAY']]);
  });

  it('waits no longer than its time for subscribers that do not answer', async () => {
    const { router, listen, publish, server, clock } = callbackStage();
    await listen();
    router.misbehaves = () => new Promise(() => {});
    await publish('1');
    let isClosed = false;

    void server.close().then(() => (isClosed = true));
    await clock.advance(4_900);
    expect(isClosed).toBe(false);
    await clock.advance(200);

    expect([isClosed, server.gauges()]).toEqual([true, nothingHeld]);
  });

  it('waits no longer either where results wait for room', async () => {
    const { router, listen, publish, server, clock } = callbackStage(
      {},
      { slowConsumer: 'drop-oldest', limits: { outboxHighWaterBytes: 1_000 } },
    );
    await listen();
    router.holdAnswers();
    await publish(...Array<string>(10).fill('x'.repeat(300)));
    let isClosed = false;

    void server.close().then(() => (isClosed = true));
    await clock.advance(5_100);

    expect([isClosed, server.gauges()]).toEqual([true, nothingHeld]);
  });

  it('refuses what is being checked', async () => {
    const { router, ask, server, clock, app } = callbackStage();
    router.misbehaves = () => new Promise(() => {});
    const answer = await ask(inRoom);

    await server.close();
    await clock.settle();

    expect((await answer.answered).status).toBe(503);
    expect([router.told(), server.gauges(), app.openSources()]).toEqual([
      ['check'],
      nothingHeld,
      0,
    ]);
  });

  it('resolves also if all subscribers are gone', async () => {
    const { router, listen, server } = callbackStage();
    await listen();
    router.misbehaves = () => answering(404);

    await server.close();

    expect(server.gauges()).toEqual(nothingHeld);
  });
});

describe('a server that is drained', () => {
  it('CB-18 completes its subscriptions one after the other', async () => {
    const { router, listen, server, clock } = callbackStage();
    for (let count = 0; count < 4; count += 1) await listen();
    const ends: number[] = [];
    router.misbehaves = ({ message }) => {
      if (message.action === 'complete') ends.push(clock.now());
      return undefined;
    };

    const draining = server.drain({ windowMs: 4_000, random: () => 0.5 });
    await clock.advance(4_100);
    await draining;

    expect(ends).toHaveLength(4);
    expect(ends.every((at, index) => Math.abs(at - (500 + 1_000 * index)) <= 200)).toBe(true);
    expect(server.gauges()).toEqual(nothingHeld);
  });

  it('waits for a subscription that is just beginning', async () => {
    const { router, ask, server, clock } = callbackStage();
    const held = router.holdAnswers();
    const answer = await ask(inRoom);

    const draining = server.drain({ windowMs: 1_000 });
    await clock.advance(1_000);
    router.misbehaves = () => undefined;
    held.release();
    await clock.advance(500);
    await draining;

    expect(answer.text).toBe('{"data":null}');
    expect(router.told()).toEqual(['check', ['GOING_AWAY']]);
  });
});

it('hooks are told of the end of a subscription and of its session', async () => {
  const told: unknown[] = [];
  const { router, listen, publish, server } = callbackStage(
    {},
    {
      onComplete: () => void told.push('complete'),
      onDisconnect: ({ code }) => void told.push(code),
    },
  );
  const { subscriptionId } = await listen();
  expect(told).toEqual([]);
  router.forget(subscriptionId);

  await publish('1');

  expect(told).toEqual(['complete', 1_000]);
  await server.close();
});

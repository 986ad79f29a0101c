import { describe, expect, it } from 'vitest';

import { connectionsFor, eachCarrier, eachFullCarrier } from '../support/fault-carriers.ts';
import type { FaultCarrier } from '../support/fault-carriers.ts';
import { nothing, raiseFaultStage } from '../support/fault-stage.ts';

async function liveStage(carrier: FaultCarrier) {
  const stage = await raiseFaultStage(carrier);
  const subscribers = ['a', 'b'].map((room) => stage.subscribe(room));
  await stage.live(...subscribers);
  return { stage, subscribers };
}

const sockets = eachCarrier.filter(([, { kind }]) => kind === 'socket');

describe.each(eachCarrier)('a server that restarts: %s', (_, carrier) => {
  it('with a word: everything is live on its successor', async () => {
    const { stage, subscribers } = await liveStage(carrier);

    await stage.server.close();
    await stage.lost(1);
    await stage.server.start();
    await stage.live(...subscribers);

    expect(stage.losses).toHaveLength(connectionsFor(carrier, 2));
    for (const { failure } of stage.losses) {
      expect(failure.closeCode).toBe(carrier.kind === 'socket' ? 1001 : undefined);
    }
    expect(await stage.leave()).toEqual(nothing);
  });

  it('without a word: everything is live on its successor', async () => {
    const { stage, subscribers } = await liveStage(carrier);

    stage.proxy.reset();
    await stage.server.close();
    await stage.server.start();
    await stage.live(...subscribers);

    expect(await stage.leave()).toEqual(nothing);
  });

  it('three times in a row', async () => {
    const { stage, subscribers } = await liveStage(carrier);

    for (let restarts = 0; restarts < 3; restarts += 1) {
      await stage.server.close();
      await stage.server.start();
      await stage.live(...subscribers);
    }

    expect(await stage.leave()).toEqual(nothing);
  });

  it('after being down for several attempts, the pauses between which grow', async () => {
    const stage = await raiseFaultStage(carrier);
    const subscriber = stage.subscribe('a');
    await stage.live(subscriber);

    await stage.server.close();
    for (const losses of [1, 2, 3, 4]) {
      await stage.lost(losses);
      if (losses < 4) await stage.passPause();
    }
    const late = stage.subscribe('b');
    await stage.server.start();
    await stage.live(subscriber, late);

    const pauses = stage.losses.map(({ retryInMs }) => retryInMs);
    expect(pauses.slice(0, 4)).toEqual([500, 1_000, 2_000, 4_000]);
    expect(subscriber.states).toEqual(['idle', 'connecting', 'live', 'reconnecting', 'live']);
    expect(await stage.leave()).toEqual(nothing);
  });
});

describe.each(eachFullCarrier)('a server that restarts: %s', (_, carrier) => {
  it('a query that was under way fails once and is not asked again', async () => {
    const { stage, subscribers } = await liveStage(carrier);
    const answer = stage.client.query({ query: '{ never }' });
    answer.catch(() => {}); // it is looked at below
    await stage.until(() => stage.server.starts === 3, 'a query on the server');

    stage.proxy.reset();
    await stage.server.close();
    await stage.server.start();
    await stage.live(...subscribers);

    await expect(answer).rejects.toMatchObject({ name: 'TransportError', retryable: true });
    expect(stage.server.starts).toBe(5);
    expect(await stage.leave()).toEqual(nothing);
  });
});

describe.each(sockets)('a server that restarts: %s', (_, carrier) => {
  it('and announces it with 1012: everything is live on its successor', async () => {
    const { stage, subscribers } = await liveStage(carrier);

    stage.server.announceRestart();
    await stage.lost(1);
    await stage.server.close();
    await stage.server.start();
    await stage.live(...subscribers);

    expect(stage.losses).toMatchObject([
      { failure: { closeCode: 1012, reason: 'Service Restart' }, retryInMs: 500 },
    ]);
    expect(await stage.leave()).toEqual(nothing);
  });
});

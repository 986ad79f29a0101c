import { describe, expect, it } from 'vitest';

import { eachCarrier } from '../support/fault-carriers.ts';
import type { FaultCarrier } from '../support/fault-carriers.ts';
import { nothing, raiseFaultStage } from '../support/fault-stage.ts';

const patience = { pingAfterMs: 10_000, silenceMs: 10_000 };

async function liveStage(carrier: FaultCarrier) {
  const stage = await raiseFaultStage(carrier, { patience });
  const subscribers = ['a', 'b'].map((room) => stage.subscribe(room));
  await stage.live(...subscribers);
  return { stage, subscribers };
}

describe.each(eachCarrier)('half-open for 30 s: %s', (_, carrier) => {
  it('is found out, and everything is live again once the network is', async () => {
    const { stage, subscribers } = await liveStage(carrier);

    stage.proxy.goHalfOpen();
    await stage.clock.advance(30_000);
    expect(stage.losses[0]?.failure.retryable).toBe(true);
    expect(subscribers.map(({ handle }) => handle.status.current)).toEqual([
      'reconnecting',
      'reconnecting',
    ]);
    stage.proxy.recover();
    await stage.live(...subscribers);

    for (const { states } of subscribers) {
      expect(states).toEqual(['idle', 'connecting', 'live', 'reconnecting', 'live']);
    }
    expect(await stage.leave()).toEqual(nothing);
  });

  it('hides what is published meanwhile, and nothing of it comes later', async () => {
    const { stage, subscribers } = await liveStage(carrier);

    stage.proxy.goHalfOpen();
    await stage.server.publish('a', stage.nextText());
    await stage.clock.advance(30_000);
    stage.proxy.recover();
    await stage.live(...subscribers);

    expect(await stage.leave()).toEqual(nothing);
  });

  it('ends for a consumer that leaves meanwhile as if nothing were', async () => {
    const { stage, subscribers } = await liveStage(carrier);
    const [first, ...others] = subscribers;

    stage.proxy.goHalfOpen();
    first?.consumer.stop();
    expect(first?.handle.status.current).toBe('ended');
    await stage.clock.advance(30_000);
    expect(others.map(({ handle }) => handle.status.current)).toEqual(['reconnecting']);
    stage.proxy.recover();
    await stage.live(...others);

    expect(await stage.leave()).toEqual(nothing);
  });
});

describe.each(eachCarrier.filter(([, { kind }]) => kind === 'socket'))(
  'half-open for 30 s: %s',
  (_, carrier) => {
    it('is found out by the server, too', async () => {
      const { stage, subscribers } = await liveStage(carrier);

      stage.proxy.goHalfOpen();
      await stage.server.clock.advance(30_000);
      await stage.server.operations(0);
      await stage.clock.advance(30_000);
      stage.proxy.recover();
      await stage.live(...subscribers);

      expect(await stage.leave()).toEqual(nothing);
    });
  },
);

import { VirtualClock } from 'millrace/testing';
import { describe, expect, it, onTestFinished } from 'vitest';

import { connectionsFor, eachFullCarrier } from '../support/fault-carriers.ts';
import { nothing, raiseFaultStage } from '../support/fault-stage.ts';

const patienceMs = 2_000;

/** A clock of everybody that does not stand still until the test is over. */
function passingTime(): VirtualClock {
  const clock = new VirtualClock();
  const controller = new AbortController();
  const passing = passTime(clock, controller.signal);
  onTestFinished(() => {
    controller.abort();
    return passing;
  });
  return clock;
}

async function passTime(clock: VirtualClock, signal: AbortSignal): Promise<void> {
  while (!signal.aborted) await clock.advance(20);
}

describe.each(eachFullCarrier)('200 ms of latency with jitter, both ways: %s', (_, carrier) => {
  it.each([1, 2, 3])('everything works and nothing is tried again, seed %i', async (seed) => {
    const clock = passingTime();
    const stage = await raiseFaultStage(carrier, {
      clock,
      patience: { pingAfterMs: patienceMs, silenceMs: patienceMs },
      server: {
        clock,
        keepAlive: {
          pingAfterMs: patienceMs,
          pingAnswerMs: patienceMs,
          keepAliveMs: 1_000,
          heartbeatMs: 1_000,
        },
      },
      proxy: { clock, seed },
    });
    stage.proxy.setWeather({ latencyMs: 200, jitterMs: 100 });

    const subscribers = ['a', 'b'].map((room) => stage.subscribe(room));
    await stage.live(...subscribers);
    expect(await stage.client.query({ query: '{ hello }' })).toEqual({ data: { hello: 'world' } });
    await stage.client.mutate({ query: 'mutation { post(room: "a", text: "posted") }' });
    expect(await subscribers[0]?.consumer.next()).toEqual({
      data: { message: { text: 'posted' } },
    });
    await stage.until(() => clock.now() > 20_000, 'twenty seconds');
    await stage.live(...subscribers);

    expect(stage.losses).toEqual([]);
    expect(stage.ledger.runs).toHaveLength(4);
    expect(stage.server.starts).toBe(4);
    expect(stage.ledger.connections).toBe(connectionsFor(carrier, 4));
    expect(await stage.leave()).toEqual(nothing);
  });
});

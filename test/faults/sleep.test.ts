import { describe, expect, it } from 'vitest';

import { connectionsFor, eachCarrier } from '../support/fault-carriers.ts';
import type { FaultCarrier } from '../support/fault-carriers.ts';
import { nothing, raiseFaultStage } from '../support/fault-stage.ts';
import type { FaultStage } from '../support/fault-stage.ts';
import { SleepyClock } from '../support/sleepy-clock.ts';

const hourMs = 3_600_000;

/** What a runtime may show of an hour of sleep: some count it, and some stand still. */
const wakings = Object.entries<(stage: FaultStage, clock: SleepyClock) => void>({
  'a clock that jumps, and a signal': (stage, clock) => {
    clock.sleep(hourMs);
    stage.signals.wake();
  },
  'a clock that stood still, and a signal': (stage) => stage.signals.wake(),
  'a clock that jumps, and nothing else': (_, clock) => clock.sleep(hourMs),
});

/** A machine whose connections live. */
async function awake(carrier: FaultCarrier) {
  const clock = new SleepyClock();
  const stage = await raiseFaultStage(carrier, { clock, patience: { silenceMs: 30_000 } });
  const subscribers = ['a', 'b'].map((room) => stage.subscribe(room));
  await stage.live(...subscribers);
  return { stage, clock, subscribers };
}

/** The machine falls asleep: its connections die without a word, and the server's time goes on. */
async function fallAsleep(stage: FaultStage, carrier: FaultCarrier): Promise<void> {
  for (const connection of stage.proxy.connections) connection.goHalfOpen();
  await stage.server.clock.advance(hourMs);
  // behind a proxy that hides it no server learns that the reader of a stream is gone
  if (carrier.kind === 'response') return;
  await stage.server.operations(0);
}

describe.each(eachCarrier)('a machine that slept for an hour: %s', (_, carrier) => {
  const lines = connectionsFor(carrier, 2);

  it.each(wakings)('finds within a minute that nothing lives, told by %s', async (_name, wake) => {
    const { stage, clock, subscribers } = await awake(carrier);
    await fallAsleep(stage, carrier);

    wake(stage, clock);
    await stage.loseWithin(60_000, lines);
    expect(stage.losses).toHaveLength(lines);
    stage.proxy.recover();
    await stage.live(...subscribers);

    expect(stage.losses).toHaveLength(lines);
    expect(stage.ledger.runs).toHaveLength(4);
    for (const { states } of subscribers) {
      expect(states).toEqual(['idle', 'connecting', 'live', 'reconnecting', 'live']);
    }
    expect(await stage.leave()).toEqual(nothing);
  });

  it('does not wait for the rest of a pause between attempts when it wakes', async () => {
    const { stage, clock, subscribers } = await awake(carrier);
    stage.proxy.refuse();
    stage.proxy.reset();
    for (const rounds of [1, 2, 3, 4]) {
      await stage.lost(rounds * lines);
      if (rounds < 4) await stage.passPause();
    }
    expect(stage.losses.at(-1)?.retryInMs).toBe(4_000);
    await stage.proxy.accept();
    const asleepAt = clock.now();

    stage.signals.wake();
    await stage.server.operations(2);

    expect(clock.now()).toBe(asleepAt);
    await stage.live(...subscribers);
    expect(await stage.leave()).toEqual(nothing);
  });
});

describe.each(eachCarrier)('a machine that slept for a moment: %s', (_, carrier) => {
  it('keeps a connection that survived it', async () => {
    const { stage, clock, subscribers } = await awake(carrier);

    clock.sleep(5_000);
    stage.signals.wake();
    await stage.live(...subscribers);

    expect(stage.losses).toEqual([]);
    expect(await stage.leave()).toEqual(nothing);
  });
});

import { describe, expect, it } from 'vitest';

import { eachCarrier } from '../support/fault-carriers.ts';
import { nothing, raiseFaultStage } from '../support/fault-stage.ts';
import type { FaultStage } from '../support/fault-stage.ts';

/** No name server has to be asked: a label has at most 63 characters (RFC 1035, section 2.3.4). */
const unknownName = `http://${'a'.repeat(64)}.invalid/graphql`;

/** Has three attempts fail. */
async function failThrice(stage: FaultStage, lossesBefore = 0): Promise<void> {
  for (const losses of [1, 2, 3]) {
    await stage.lost(lossesBefore + losses);
    if (losses < 3) await stage.passPause();
  }
}

/** What the system said, wherever it stands among the causes. */
function causesOf(error: unknown): readonly unknown[] {
  if (typeof error !== 'object' || error === null) return [];
  const { code, cause } = error as { readonly code?: unknown; readonly cause?: unknown };
  return [code, ...causesOf(cause)];
}

describe.each(eachCarrier)('a server that cannot be reached: %s', (_, carrier) => {
  it('refuses connections at first: live once it does not', async () => {
    const stage = await raiseFaultStage(carrier);
    stage.proxy.refuse();
    const subscriber = stage.subscribe('a');
    await failThrice(stage);

    await stage.proxy.accept();
    await stage.live(subscriber);

    for (const { failure } of stage.losses) {
      expect(failure.retryable).toBe(true);
      expect(causesOf(failure)).toContain('ECONNREFUSED');
    }
    expect(subscriber.states).toEqual(['idle', 'connecting', 'reconnecting', 'live']);
    expect(await stage.leave()).toEqual(nothing);
  });

  it('refuses connections for a while: live again after it', async () => {
    const stage = await raiseFaultStage(carrier);
    const subscriber = stage.subscribe('a');
    await stage.live(subscriber);

    stage.proxy.refuse();
    stage.proxy.reset();
    await failThrice(stage);
    await stage.proxy.accept();
    await stage.live(subscriber);

    expect(await stage.leave()).toEqual(nothing);
  });

  it('has a name that nobody knows yet: live once somebody does', async () => {
    const urls = [unknownName, unknownName];
    const stage: FaultStage = await raiseFaultStage(carrier, {
      client: { url: () => urls.shift() ?? `http://127.0.0.1:${stage.proxy.port}/graphql` },
    });
    const subscriber = stage.subscribe('a');

    await stage.live(subscriber);

    expect(stage.losses.map(({ failure }) => causesOf(failure).includes('ENOTFOUND'))).toEqual([
      true,
      true,
    ]);
    expect(await stage.leave()).toEqual(nothing);
  });

  it('accepts connections and says nothing: live once it does', async () => {
    const stage = await raiseFaultStage(carrier);
    stage.proxy.goHalfOpen();
    const subscriber = stage.subscribe('a');
    await stage.until(() => stage.proxy.connections.length > 0, 'a connection');

    await stage.clock.advance(10_000);
    expect(stage.losses[0]?.failure).toMatchObject({ code: 'CONNECT_TIMEOUT', retryable: true });
    stage.proxy.recover();
    await stage.live(subscriber);

    expect(await stage.leave()).toEqual(nothing);
  });

  it('is not tried again by those who leave meanwhile', async () => {
    const stage = await raiseFaultStage(carrier);
    stage.proxy.refuse();
    const subscriber = stage.subscribe('a');
    await failThrice(stage);

    subscriber.consumer.stop();

    expect(stage.clock.timerCount).toBe(0);
    expect(subscriber.handle.status.current).toBe('ended');
    expect(await stage.leave()).toEqual(nothing);
  });
});

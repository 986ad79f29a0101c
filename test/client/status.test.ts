import { describe, expect, it } from 'vitest';

import { Status } from '../../src/client/status.ts';
import { createStage } from '../support/client-peer.ts';

const query = 'subscription { a }';

async function collect<Item>(items: AsyncIterable<Item>): Promise<readonly Item[]> {
  const collected: Item[] = [];
  for await (const item of items) collected.push(item);
  return collected;
}

describe('the status of an operation', () => {
  it('begins with where it is, and ends with the operation, for everybody who looks', async () => {
    const status = new Status();
    const early = collect(status);
    status.set('connecting');
    const late = collect(status);
    status.set('live');
    status.set('live');
    status.set('ended');

    expect(await early).toEqual(['idle', 'connecting', 'live', 'ended']);
    expect(await late).toEqual(['connecting', 'live', 'ended']);
    expect(await collect(status)).toEqual(['ended']);
  });

  it('does not come back from its end', () => {
    const status = new Status();
    status.set('ended');
    status.set('live');

    expect(status.current).toBe('ended');
  });

  it('is not disturbed by those who look away', async () => {
    const status = new Status();
    const iterator = status[Symbol.asyncIterator]();
    const pending = [iterator.next(), iterator.next()];
    await iterator.return?.();
    const other = collect(status);
    status.set('ended');

    expect(await Promise.all(pending)).toEqual([
      { done: false, value: 'idle' },
      { done: true, value: undefined },
    ]);
    expect(await other).toEqual(['idle', 'ended']);
  });

  it('keeps the newest for those who do not look', async () => {
    const status = new Status();
    const iterator = status[Symbol.asyncIterator]();
    for (let turn = 0; turn < 2_000; turn += 1) {
      status.set('live');
      status.set('reconnecting');
    }
    status.set('ended');
    const seen = await collect({ [Symbol.asyncIterator]: () => iterator });

    expect(seen.length).toBeLessThanOrEqual(1_024);
    expect(seen.at(-1)).toBe('ended');
  });

  it('follows the connection', async () => {
    const { client, clock, network } = createStage();
    const handle = client.subscribe({ query });
    const seen = collect(handle.status);
    handle.subscribe({});
    await clock.advance(1);
    network.link.cut();
    await clock.advance(501);
    network.link.push({ id: '1', type: 'complete' });
    await clock.advance(1);

    expect(await seen).toEqual(['idle', 'connecting', 'live', 'reconnecting', 'live', 'ended']);
  });

  it('is `ended` for one that never began', async () => {
    const handle = createStage().client.subscribe({ query });
    handle.return();

    expect(await collect(handle.status)).toEqual(['ended']);
  });

  it('makes `ready` wait for the next connection while there is none', async () => {
    const { client, clock, network } = createStage();
    const handle = client.subscribe({ query });
    await Promise.all([handle.ready, clock.advance(1)]);
    network.link.cut();
    await clock.advance(1);
    const order: string[] = [];
    const again = (async () => {
      order.push('asked');
      await handle.ready;
      order.push('ready');
    })();
    await clock.advance(400);
    expect(order).toEqual(['asked']);

    await clock.advance(200);
    await again;
    expect(order).toEqual(['asked', 'ready']);
  });
});

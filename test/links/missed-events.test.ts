import { describe, expect, it } from 'vitest';

import { createMissedEvents, watchForMissedEvents } from '../../src/links/missed-events.ts';
import type { MissedEventsOptions } from '../../src/links/missed-events.ts';
import { documents, serveItemList } from '../support/item-list.ts';
import type { ItemList, Memory } from '../support/item-list.ts';

/** How often a subscription missed events, or may have. */
async function watch(memory?: Memory): Promise<ItemList & { readonly missed: () => number }> {
  const list = serveItemList(memory);
  const stream = list.client.subscribe({ query: documents.itemAdded });
  let missed = 0;
  void watchForMissedEvents(stream, () => void (missed += 1));
  stream.subscribe({});
  await list.clock.settle();
  return { ...list, missed: () => missed };
}

describe('a subscription that is followed', () => {
  it('misses nothing while its connection lives', async () => {
    const { missed } = await watch('gap');

    expect(missed()).toBe(0);
  });

  it('may have missed events when it comes back and nothing is resumed', async () => {
    const { comeBack, missed } = await watch();
    await comeBack();
    await comeBack();

    expect(missed()).toBe(2);
  });

  it('missed events when the server says so', async () => {
    const { clock, comeBack, missed, server } = await watch('gap');
    await comeBack();
    expect(missed()).toBe(1);

    // while it is live: it reads too slowly
    server.push('ItemAdded', { extensions: { resume: { token: 'other', status: 'gap' } } });
    await clock.settle();
    expect(missed()).toBe(2);

    await clock.advance(5_000);
    expect(missed()).toBe(2);
  });

  it('missed none when the server says so', async () => {
    const { clock, comeBack, missed } = await watch('recovered');
    await comeBack();
    await clock.advance(5_000);

    expect(missed()).toBe(0);
  });

  it('may have missed events when the server does not know what resuming is', async () => {
    const { clock, comeBack, missed } = await watch('unknown');
    await comeBack();
    expect(missed()).toBe(0);
    await clock.advance(2_000);

    expect(missed()).toBe(1);
  });

  it('misses nothing any more when it ends while that is not known', async () => {
    const { client, clock, comeBack, missed } = await watch('unknown');
    await comeBack();
    client.close();
    await clock.advance(5_000);

    expect(missed()).toBe(0);
  });
});

type Options = MissedEventsOptions<readonly [name: string]>;

function react(options: Options, collected: unknown[] = []) {
  return createMissedEvents(options, (names) => collected.push(names));
}

describe('what happens about missed events', () => {
  it('is one refetch for all subscriptions of a short time', async () => {
    const { clock } = serveItemList();
    const collected: unknown[] = [];
    const missed = react({ clock, collectGapsMs: 20 }, collected);
    missed?.('a');
    await clock.advance(19);
    missed?.('b');
    expect(collected).toEqual([]);
    await clock.advance(1);
    missed?.('c');
    await clock.advance(20);

    expect(collected).toEqual([[['a'], ['b']], [['c']]]);
  });

  it('is a call for each, if it is a function', () => {
    const heard: string[] = [];
    const missed = react({ onGap: (name) => heard.push(name) });
    missed?.('a');
    missed?.('b');

    expect(heard).toEqual(['a', 'b']);
  });

  it('is nothing where it shall be nothing', () => {
    expect(react({ onGap: 'ignore' })).toBeUndefined();
  });

  it('is reported where it fails', () => {
    const reported: unknown[] = [];
    const failure = new Error('no');
    const missed = react({
      onGap: () => {
        throw failure;
      },
      onInternalError: (error) => reported.push(error),
    });
    missed?.('a');

    expect(reported).toEqual([failure]);
  });
});

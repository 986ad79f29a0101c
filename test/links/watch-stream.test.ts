import { createClient } from 'millrace/client';
import { websocket } from 'millrace/client/websocket';
import { VirtualClock, manualSignals, scriptedPeer } from 'millrace/testing';
import { describe, expect, it } from 'vitest';

import { createWatchers, watchStream } from '../../src/links/watch-stream.ts';
import type { WatchOptions } from '../../src/links/watch-stream.ts';
import { documents, serveItemList } from '../support/item-list.ts';
import type { ItemList, Memory } from '../support/item-list.ts';

interface Watched extends ItemList {
  readonly states: readonly string[];
  /** How often the subscription missed events, or may have. */
  readonly missed: () => number;
}

/** A subscription to a list, and what its watcher was told. */
async function watch(memory?: Memory): Promise<Watched> {
  const list = serveItemList(memory);
  const stream = list.client.subscribe({ query: documents.itemAdded });
  let missed = 0;
  const states: string[] = [];
  stream.subscribe({});
  void watchStream(stream, {
    onState: (state) => states.push(state),
    onMissed: () => (missed += 1),
  });
  await list.clock.settle();
  return { ...list, states, missed: () => missed };
}

describe('a subscription that is followed', () => {
  it('says where it is', async () => {
    const { client, clock, comeBack, states } = await watch('recovered');
    await comeBack();
    client.close();
    await clock.settle();

    expect(states).toEqual(['connecting', 'live', 'reconnecting', 'live', 'recovered', 'ended']);
  });

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

  it('may have missed events when the server could not be reached at first', async () => {
    const clock = new VirtualClock();
    const peer = scriptedPeer({ clock });
    const transport = websocket({ WebSocket: peer.WebSocket });
    const { signals } = manualSignals();
    const client = createClient({ url: 'ws://peer.test/', transport, clock, signals });
    const stream = client.subscribe({ query: documents.itemAdded });
    let missed = 0;
    stream.subscribe({});
    void watchStream(stream, { onState() {}, onMissed: () => (missed += 1) });
    await peer.refuse();
    await clock.advance(1_000);
    await peer.acknowledge();
    await clock.settle();

    expect(missed).toBe(1);
    client.close();
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

type Options = WatchOptions<readonly [name: string]>;

function react(options: Options, collected: unknown[] = []) {
  const toWatcher = createWatchers(options, (names) => collected.push(names));
  return (name: string) => toWatcher(name).onMissed();
}

describe('what happens about missed events', () => {
  it('is one refetch for all subscriptions of a short time', async () => {
    const { clock } = serveItemList();
    const collected: unknown[] = [];
    const missed = react({ clock, collectGapsMs: 20 }, collected);
    missed('a');
    await clock.advance(19);
    missed('b');
    expect(collected).toEqual([]);
    await clock.advance(1);
    missed('c');
    await clock.advance(20);

    expect(collected).toEqual([[['a'], ['b']], [['c']]]);
  });

  it('is a call for each, if it is a function', () => {
    const heard: string[] = [];
    const missed = react({ onGap: (name) => heard.push(name) });
    missed('a');
    missed('b');

    expect(heard).toEqual(['a', 'b']);
  });

  it('is nothing where it shall be nothing', () => {
    const collected: unknown[] = [];
    const { clock } = serveItemList();
    react({ onGap: 'ignore', clock }, collected)('a');

    expect([collected, clock.timerCount]).toEqual([[], 0]);
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
    missed('a');

    expect(reported).toEqual([failure]);
  });
});

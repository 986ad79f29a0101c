import { createClient } from 'millrace/client';
import { websocket } from 'millrace/client/websocket';
import { VirtualClock, manualSignals, scriptedPeer } from 'millrace/testing';
import { describe, expect, it } from 'vitest';

describe('manual signals', () => {
  it('wake a client that waits for its next attempt, and are given back with it', async () => {
    const clock = new VirtualClock();
    const peer = scriptedPeer({ clock });
    const network = manualSignals();
    const client = createClient({
      url: 'ws://peer.test/',
      transport: websocket({ WebSocket: peer.WebSocket }),
      clock,
      signals: network.signals,
      random: () => 0.999,
    });
    client.subscribe({ query: 'subscription { tick }' }).subscribe({});
    await peer.refuse();
    await clock.settle();

    network.wake();
    await peer.acknowledge();
    const before = network.watcherCount;
    client.close();

    expect(clock.now()).toBe(0);
    expect([before, network.watcherCount]).toEqual([1, 0]);
  });
});

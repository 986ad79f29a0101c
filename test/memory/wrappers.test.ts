import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

import { createClient } from 'millrace/client';
import type { Client } from 'millrace/client';
import { incrementalDelivery } from 'millrace/client/incremental';
import { persistedQueries } from 'millrace/client/persisted-queries';
import { websocket } from 'millrace/client/websocket';
import { VirtualClock, scriptedPeer } from 'millrace/testing';
import { expect, it } from 'vitest';

setFlagsFromString('--expose-gc');
const collectGarbage = runInNewContext('gc') as () => void; // what the flag exposes

/** What JSON cannot hold fails before it is sent. */
function failOne(client: Client): WeakRef<object> {
  const handle = client.subscribe({ query: 'subscription { a }', variables: { n: 1n } });
  handle.subscribe({});
  expect(handle.status.current).toBe('ended');
  return new WeakRef(handle);
}

it.each([
  ['incrementalDelivery', incrementalDelivery],
  ['persistedQueries', persistedQueries],
])('%s lets go of operations that cannot be sent', async (_, wrap) => {
  const clock = new VirtualClock();
  const peer = scriptedPeer({ clock });
  const transport = wrap(websocket({ WebSocket: peer.WebSocket }));
  const client = createClient({ url: 'ws://peer.test/', transport, clock });
  const held = client.connect();
  await peer.acknowledge();
  await held;

  const failed = Array.from({ length: 20 }, () => failOne(client));
  failed.pop(); // the last one may still stand in a frame of the engine
  await clock.settle();
  collectGarbage();

  expect(failed.filter((handle) => handle.deref())).toEqual([]);
  client.close();
});

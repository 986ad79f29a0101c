import { createClient } from 'millrace/client';
import { websocket } from 'millrace/client/websocket';
import { VirtualClock, mockServer, scriptedPeer } from 'millrace/testing';
import { expect, it } from 'vitest';

const query = 'subscription Orders { orderShipped { id } }';
const order = (id: string) => ({ data: { orderShipped: { id } } });

it('lists what was shipped', async () => {
  const server = mockServer({ Orders: [order('1'), order('2')] });
  const client = createClient({
    url: 'ws://mock.test/',
    transport: websocket({ WebSocket: server.WebSocket }),
  });
  const shipped: unknown[] = [];

  for await (const result of client.subscribe({ query })) {
    shipped.push(result);
    if (shipped.length === 2) server.push('Orders', order('3'));
    if (shipped.length === 3) server.complete('Orders');
  }

  expect(shipped).toEqual([order('1'), order('2'), order('3')]);
});

it('subscribes again after a lost connection', async () => {
  const clock = new VirtualClock();
  const peer = scriptedPeer({ clock });
  const client = createClient({
    url: 'ws://peer.test/',
    transport: websocket({ WebSocket: peer.WebSocket }),
    clock,
    random: () => 0.5,
  });
  const shipped: unknown[] = [];
  const subscription = client.subscribe({ query }).subscribe((result) => shipped.push(result));

  await peer.acknowledge();
  const { id } = await peer.expect({ type: 'subscribe', payload: { query } });
  peer.send({ id, type: 'next', payload: order('1') });
  peer.drop();
  await clock.advance(500);
  await peer.acknowledge();
  const again = await peer.expect({ type: 'subscribe' });
  peer.send({ id: again.id, type: 'next', payload: order('2') });
  await clock.settle();
  subscription.unsubscribe();
  await peer.expect({ type: 'complete', id: again.id });

  expect(shipped).toEqual([order('1'), order('2')]);
});

import { VirtualClock, scriptedPeer } from 'millrace/testing';
import type { ScriptedPeer, TestSocket } from 'millrace/testing';
import { describe, expect, it } from 'vitest';

import type { SocketHandlers } from '../../src/client/transports/socket.ts';

function open(): {
  readonly peer: ScriptedPeer;
  readonly clock: VirtualClock;
  readonly socket: TestSocket;
  readonly events: readonly unknown[];
} {
  const clock = new VirtualClock();
  const peer = scriptedPeer({ clock });
  const socket = new peer.WebSocket(new URL('ws://peer.test/graphql'), ['one', 'two'], {
    headers: { Authorization: 'Bearer token' },
  });
  const events: unknown[] = [];
  const handlers: SocketHandlers = {
    onopen: () => events.push('open'),
    onmessage: ({ data }) => events.push(data),
    onerror: () => events.push('error'),
    onclose: ({ code, reason }) => events.push({ code, reason }),
  };
  Object.assign(socket, handlers);
  return { peer, clock, socket, events };
}

describe('a test socket', () => {
  it('is opened with what the client gives, and gets the subprotocol that the peer chooses', async () => {
    const { peer, clock, socket, events } = open();

    const { attempt } = await peer.accept('two');
    await clock.settle();

    expect(attempt).toEqual({
      url: 'ws://peer.test/graphql',
      subprotocols: ['one', 'two'],
      headers: { authorization: 'Bearer token' },
    });
    expect({ events, protocol: socket.protocol, state: socket.readyState }).toEqual({
      events: ['open'],
      protocol: 'two',
      state: peer.WebSocket.OPEN,
    });
  });

  it('refuses to send before it is open, and forgets what is sent after', async () => {
    const { peer, clock, socket } = open();
    expect(() => socket.send('early')).toThrow('not open yet');
    const connection = await peer.accept();
    await clock.settle();

    socket.close(1000, '');
    socket.send('late');

    expect(await connection.closed()).toEqual({ code: 1000, reason: '' });
    expect(connection.frames).toEqual([]);
  });

  it.each([
    { code: 1001, reason: '' },
    { code: 1006, reason: '' },
    { code: 5000, reason: '' },
    { code: 1000, reason: 'é'.repeat(62) },
  ])('refuses to close with $code and "$reason", as a browser', async ({ code, reason }) => {
    const { peer, clock, socket } = open();
    await peer.accept();
    await clock.settle();

    expect(() => socket.close(code, reason)).toThrow(DOMException);
    expect(socket.readyState).toBe(peer.WebSocket.OPEN);
  });

  it('ends with 1006 if it is closed before it was open', async () => {
    const { peer, clock, socket, events } = open();

    socket.close();
    socket.close();
    const connection = await peer.accept();
    await clock.settle();

    expect(events).toEqual([{ code: 1006, reason: '' }]);
    expect(await connection.closed()).toEqual({ code: 1006, reason: '' });
  });

  it('gets an error and a close event if it is refused', async () => {
    const { peer, clock, events } = open();

    await peer.refuse();
    await clock.settle();

    expect(events).toEqual(['error', { code: 1006, reason: '' }]);
  });

  it('is told once that it is over, when both sides close', async () => {
    const { peer, clock, socket, events } = open();
    const connection = await peer.accept();
    await clock.settle();

    socket.close(4000, 'mine');
    peer.close(4001, 'yours');
    await clock.settle();

    expect(events).toEqual(['open', { code: 4001, reason: 'yours' }]);
    expect(connection.closing).toEqual({ code: 4000, reason: 'mine' });
  });

  it('gets text and bytes in the order in which they were sent, and then the end', async () => {
    const { peer, clock, events } = open();
    await peer.accept();

    peer.send('text', new Uint8Array([1]), { type: 'ping' });
    peer.close(4000);
    peer.send('after');
    await clock.settle();

    expect(events).toEqual([
      'open',
      'text',
      new Uint8Array([1]),
      '{"type":"ping"}',
      { code: 4000, reason: '' },
    ]);
  });
});
